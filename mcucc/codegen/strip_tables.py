"""The columns of a segment's stages in each strip, as the C code needs them."""

from dataclasses import dataclass

from mcucc.ops import Axis
from mcucc.schedule import Stage
from mcucc.schedule.strips import Columns, Strips


@dataclass(frozen=True)
class StripRow:
    """A stage in one strip.

    Attributes:
        begin: first column of its map that it makes.
        count: columns that it makes.
        in_w: columns that the rows hold that a window kernel reads; 0 for others.
        pad_left: columns of padding before these.
        first: which pixel the first that it makes is, counted from the one whose window begins with
            that padding.
    """

    begin: int
    count: int
    in_w: int = 0
    pad_left: int = 0
    first: int = 0

    @property
    def fields(self) -> str:
        """The initializer of an `mcucc_strip_t`."""
        numbers = (f".begin = {self.begin}", f".count = {self.count}")
        if self.in_w:
            numbers += (f".in_w = {self.in_w}", f".pad_left = {self.pad_left}")
            numbers += (f".first = {self.first}",)
        return f"{{{', '.join(numbers)}}}"


@dataclass(frozen=True)
class StripTable:
    """A stage in all strips.

    Attributes:
        ident: of the tensor that it makes.
        rows: one for each strip.
        is_whole: whether all columns of the tensor are kept.
    """

    ident: str
    rows: tuple[StripRow, ...]
    is_whole: bool

    @property
    def name(self) -> str:
        """The C constant."""
        return f"strips_{self.ident}"


def strip_table(stage: Stage, strips: Strips, ident: str, *, window: bool) -> StripTable:
    """The table of a stage.

    Args:
        stage: what is made.
        strips: the columns of all stages.
        ident: of its tensor in C.
        window: whether its kernel has a window.
    """
    rows = tuple(
        _window_row(stage, strips, i, own) if window else StripRow(own[0], own[1] - own[0])
        for i, own in enumerate(strips.columns[stage.content])
    )
    return StripTable(ident, rows, stage.content in strips.whole)


def _window_row(stage: Stage, strips: Strips, strip: int, own: Columns) -> StripRow:
    read = stage.reads[0]
    begin, end = strips.held(read.content, read.shape[1], strip)
    pad_left, first = _shifted(read.window.columns, own[0], begin)
    return StripRow(own[0], own[1] - own[0], end - begin, pad_left, first)


def _shifted(axis: Axis, column: int, begin: int) -> tuple[int, int]:
    """Padding and number of a pixel in a row that begins with another column than the map.

    Args:
        axis: the windows along a row of the map.
        column: the pixel that is made, in columns of the map.
        begin: column of the input's map with which the row begins, none that the window is behind.

    Returns:
        The padding that the row must be said to have, and the pixel's number there: its window lies
        where it does in the map.

    >>> _shifted(Axis(3, 2, 1, 1), 10, 18)  # the window begins with column 19
    (1, 1)
    """
    ahead = int(axis.first(column)) - begin
    if ahead < 0:
        return -ahead, 0
    first = -(-ahead // axis.stride)
    return first * axis.stride - ahead, first
