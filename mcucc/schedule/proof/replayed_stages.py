"""Who reads and writes in a replayed step: a node, or the caller who hands over an image.

What is said here of rows and pixels follows from the operators' windows and the kernels' promises
alone, not from the planner's stages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import InvariantError
from mcucc.kernels import Access, Kernel, Shape
from mcucc.ops import Axis, Int8Graph, Int8Node, Window
from mcucc.schedule.proof.shadow import Bytes, Run, Shadow


@dataclass(frozen=True)
class Place:
    """A tensor in the arena, as its reader or its writer sees it.

    Attributes:
        value: its name.
        number: of its bytes in the arena's books; a value and its reshapes share them.
        address: of row 0.
        rows: how many it has.
        row_bytes: bytes of a row.
        held: how many rows are held at a time; row r lies in slot r % held.
        pixel_bytes: bytes of a pixel.
        panel: how many pixels are held at a time where not even a row is; else None.
        strip: the columns that are held of each row while a strip is made; None for all of them.
        pitch: bytes from a row to the next where a strip is held; 0 where all of a row is.
    """

    value: str
    number: int
    address: int
    rows: int
    row_bytes: int
    held: int
    pixel_bytes: int
    panel: int | None = None
    strip: tuple[int, int] | None = None
    pitch: int = 0

    @property
    def columns(self) -> tuple[int, int]:
        """The columns that are held, half-open."""
        return (0, self.row_bytes // self.pixel_bytes) if self.strip is None else self.strip

    def piece(self, row: int, x0: int, x1: int) -> Run:
        """The pixels from x0 to x1 of a row of it."""
        begin, count = x0 * self.pixel_bytes, (x1 - x0) * self.pixel_bytes
        ahead = self.columns[0] * self.pixel_bytes
        address = self.address if self.panel else self.row(row).address + begin - ahead
        return Run(self.number, row * self.row_bytes + begin, count, address)

    def row(self, row: int) -> Run:
        """What is held of a row of it."""
        begin, end = (column * self.pixel_bytes for column in self.columns)
        address = self.address + row % self.held * (self.pitch or self.row_bytes)
        return Run(self.number, row * self.row_bytes + begin, end - begin, address)

    def as_one_row(self) -> "Place":
        """The same bytes as a tensor of one row."""
        size = self.rows * self.row_bytes
        return Place(self.value, self.number, self.address, 1, size, 1, self.pixel_bytes)


@dataclass(frozen=True)
class ReadPattern:
    """What an actor reads of an input.

    Attributes:
        place: the input.
        axis: which rows of it at which turn.
        last: for each byte of such a row the last moment of a turn at which it is read, below 0 if
            never. A moment is the number of the pixel or, by `Access.ELEMENT`, of the element of
            the output row that is being made.
        maker: who makes it in the same step; None if it lies there whole.
        columns: which pixels of a row each output pixel reads.
    """

    place: Place
    axis: Axis
    last: Bytes
    maker: "ReplayedStage | None"
    columns: Axis

    @property
    def panel_maker(self) -> "ReplayedStage | None":
        """Who makes it within the turns of its reader; None if nobody does."""
        return self.maker if self.maker is not None and self.place.panel else None

    def last_in_piece(self, x0: int, x1: int, element_bytes: int | None) -> Bytes:
        """As `last`, of the output pixels from x0 to x1 alone, whose moments begin at 0.

        Args:
            x0: first output pixel.
            x1: one more than the last.
            element_bytes: bytes of an output pixel where moments are elements; else None.
        """
        size, each = self.place.row_bytes, self.place.pixel_bytes
        last = np.full(size, -1, dtype=np.int64)
        if element_bytes is not None:
            if self.columns.stride == 0:
                last[:] = (x1 - x0) * element_bytes  # a gate is read up to the end
            else:
                last[x0 * each : x1 * each] = np.arange((x1 - x0) * each)
            return last
        for x in range(x0, x1):
            for tap in range(self.columns.taps):
                column = self.columns.first(x) + tap * self.columns.dilation
                if 0 <= column * each < size:
                    last[column * each : (column + 1) * each] = x - x0
        return last

    def rows_at(self, turn: int) -> tuple[int, ...]:
        """The rows that a turn reads."""
        first = self.axis.first(turn)
        taps = (first + tap * self.axis.dilation for tap in range(self.axis.taps))
        return tuple(row for row in taps if 0 <= row < self.place.rows)

    def rows_before(self, turn: int) -> int:
        """How many rows must have been made before a turn."""
        return min(self.place.rows, self.axis.end(turn))

    @property
    def wanted(self) -> NDArray[np.bool_]:
        """Which bytes of a row are read at all."""
        return self.last >= 0


@dataclass(eq=False)
class ReplayedStage:
    """A node in a step, or the caller.

    Attributes:
        name: for faults.
        node: None for the caller.
        kernel: None for the caller.
        out: what it makes.
        pixel_bytes: bytes of a pixel of that.
        height: rows of that, even where it is made in one turn.
        sights: what it reads, in the order of its operands.
        turns: how often it runs in all.
        done: how often it ran.
        strip: the columns that it makes in a strip; None for all of them.
    """

    name: str
    node: Int8Node | None
    kernel: Kernel | None
    out: Place
    pixel_bytes: int
    height: int
    sights: tuple[ReadPattern, ...]
    turns: int
    done: int = 0
    strip: tuple[int, int] | None = None

    @property
    def rows_made(self) -> int:
        """How many rows of its tensor are there."""
        if self._reduces:
            return self.height if self.done >= self.turns else 0
        return self.done * self.height // self.turns

    def turn(self, shadow: Shadow) -> None:
        """Reads its inputs and writes what this turn makes, as closely as the kernel may."""
        panels = [sight.place.panel for sight in self.sights if sight.place.panel]
        if panels or (self.strip and self.kernel):
            begin, end = self.strip or (0, self.out.row_bytes // self.pixel_bytes)
            run = min(panels, default=max(end - begin, 1))
            for x0 in range(begin, end, run):
                self.piece(shadow, x0, min(x0 + run, end))
            self.end_turn()
            return
        written = self._written()
        for sight in self.sights:
            for row in sight.rows_at(self.done):
                run = sight.place.row(row)
                shadow.read(run, self.name, sight.wanted)
                # A reduction has read everything when it writes.
                if self.kernel is not None and written is not None and not self._reduces:
                    access = self.kernel.access
                    shadow.read_in_time(
                        run, self.name, sight.last, written, access, self.pixel_bytes
                    )
        if written is not None:
            shadow.write(written, self.name)
        self.done += 1

    def piece(self, shadow: Shadow, x0: int, x1: int) -> None:
        """Makes the pixels from x0 to x1, and first those that it reads from panels."""
        for sight in self.sights:
            if sight.panel_maker is not None:
                sight.panel_maker.piece(shadow, x0, x1)
        assert self.kernel is not None
        access = self.kernel.access
        element_bytes = self.pixel_bytes if access is Access.ELEMENT else None
        written = self.out.piece(self.done, x0, x1)
        for sight in self.sights:
            last = sight.last_in_piece(x0, x1, element_bytes)
            if sight.place.panel:
                each = sight.place.pixel_bytes
                runs = [(sight.place.piece(self.done, x0, x1), last[x0 * each : x1 * each])]
            else:
                begin, end = (x * sight.place.pixel_bytes for x in sight.place.columns)
                if (last[:begin] >= 0).any() or (last[end:] >= 0).any():
                    shadow.wrong(f"{self.name} reads columns of '{sight.place.value}' not held")
                held = last[begin:end]
                runs = [(sight.place.row(row), held) for row in sight.rows_at(self.done)]
            for run, moments in runs:
                shadow.read(run, self.name, moments >= 0)
                shadow.read_in_time(run, self.name, moments, written, access, self.pixel_bytes)
        shadow.write(written, self.name)

    def end_turn(self) -> None:
        """A turn is over, for those too that made its panels."""
        for sight in self.sights:
            if sight.panel_maker is not None:
                sight.panel_maker.end_turn()
        self.done += 1

    @property
    def _reduces(self) -> bool:
        return self.kernel is not None and self.kernel.shape is Shape.REDUCTION

    def _written(self) -> Run | None:
        if not self._reduces:
            return self.out.row(self.done)
        return self.out.row(0) if self.done == self.turns - 1 else None


def pull(actor: ReplayedStage, shadow: Shadow) -> None:
    """Runs an actor once, after those from whom it still needs rows."""
    _pull_for(actor, shadow)
    actor.turn(shadow)


def _pull_for(actor: ReplayedStage, shadow: Shadow) -> None:
    """Has the rows made that a turn needs, input by input."""
    for sight in actor.sights:
        if sight.panel_maker is not None:
            _pull_for(sight.panel_maker, shadow)
            continue
        maker, needed = sight.maker, sight.rows_before(actor.done)
        while maker is not None and maker.rows_made < needed:
            if maker.done == maker.turns:
                shadow.wrong(
                    f"'{actor.name}' needs {needed} rows of '{sight.place.value}', "
                    f"which '{maker.name}' does not make"
                )
                break
            pull(maker, shadow)


def caller(out: Place, pixel_bytes: int) -> ReplayedStage:
    """The caller who hands over an image row by row, of a strip what is held of it."""
    name, rows = "the caller", out.rows
    return ReplayedStage(name, None, None, out, pixel_bytes, rows, (), rows, 0, out.strip)


def actor(
    graph: Int8Graph,
    node: Int8Node,
    kernel: Kernel,
    out: Place,
    inputs: Sequence[Place],
    makers: Mapping[int, ReplayedStage],
    strip: tuple[int, int] | None = None,
) -> ReplayedStage:
    """A node.

    Args:
        graph: the network.
        node: what is computed.
        kernel: how.
        out: what it makes.
        inputs: its inputs without the constants.
        makers: who makes rows in the same step, by the number of the bytes.
        strip: the columns that it makes; None for all of them.
    """
    if kernel.shape is Shape.TENSOR:
        seen = [place.as_one_row() for place in inputs]
        windows = [Window()] * len(seen)
    elif kernel.shape is Shape.REDUCTION:
        seen, windows = list(inputs), [Window()] * len(inputs)
    else:
        seen, windows = list(inputs), _windows(graph, node)
    made = out.as_one_row() if kernel.shape is Shape.TENSOR else out
    sights = tuple(
        ReadPattern(
            place,
            window.rows,
            _last_reads(graph, node, kernel, place, window, made),
            makers.get(place.number),
            window.columns,
        )
        for place, window in zip(seen, windows, strict=True)
    )
    turns = seen[0].rows if kernel.shape is Shape.REDUCTION else made.rows
    pixel_bytes = graph.tensors[node.output].hwc[2]
    name, rows = f"'{node.name}'", out.rows
    return ReplayedStage(name, node, kernel, made, pixel_bytes, rows, sights, turns, 0, strip)


def _windows(graph: Int8Graph, node: Int8Node) -> list[Window]:
    types = graph.input_types(node)
    windows: list[Window] = []
    for operand, name in enumerate(node.inputs):
        if name in graph.consts:
            continue
        window = node.op.window(types, operand)
        if window is None:
            raise InvariantError(f"node '{node.name}' has no window but a kernel that makes rows")
        windows.append(window)
    return windows


def _last_reads(
    graph: Int8Graph, node: Int8Node, kernel: Kernel, place: Place, window: Window, out: Place
) -> Bytes:
    """For each byte of an input row when it is read for the last time in a turn."""
    if kernel.access is Access.ELEMENT:
        if window == Window() and place.row_bytes == out.row_bytes:
            return np.arange(place.row_bytes, dtype=np.int64)
        # The one pixel of a gate is read again at every pixel, up to the last.
        return np.full(place.row_bytes, out.row_bytes, dtype=np.int64)
    if kernel.access is Access.WHOLE:
        return np.zeros(place.row_bytes, dtype=np.int64)
    _, pixels, channels = graph.tensors[place.value].hwc
    last = np.full(pixels, -1, dtype=np.int64)
    for x in range(graph.tensors[node.output].hwc[1]):
        first = window.columns.first(x)
        for tap in range(window.columns.taps):
            column = first + tap * window.columns.dilation
            if 0 <= column < pixels:
                last[column] = x
    return np.repeat(last, channels)
