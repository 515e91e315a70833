"""A segment as data: stages that pull rows from each other, ready to be printed."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcucc.codegen.arena_refs import TensorRef, Workspace
from mcucc.codegen.strip_tables import StripTable
from mcucc.kernels import Kernel, Shape
from mcucc.kernels.use import LayerSpec


@dataclass(frozen=True)
class RingDef:
    """Rows of a tensor that a stage makes.

    Attributes:
        ident: of the tensor: name of its counters, and part of the names of its ring and stage.
        tensor: it and where slot 0 lies.
        rows: how many are held.
        columns: pixels that each of them holds: those of the widest strip where there are strips.
    """

    ident: str
    tensor: TensorRef
    rows: int
    columns: int

    @property
    def name(self) -> str:
        """The C constant with its sizes."""
        return f"ring_{self.ident}"

    @property
    def next(self) -> str:
        """The C function that makes its next row."""
        return f"next_{self.ident}"

    @property
    def row_bytes(self) -> int:
        """Bytes from a row to the next."""
        return self.columns * self.tensor.c

    @property
    def text(self) -> str:
        """How it is held, for a reader."""
        rows = self.rows == self.tensor.h
        if self.columns != self.tensor.w:
            return f"{self.rows} of {self.tensor.h} rows, {self.columns} of {self.tensor.w} columns"
        return "whole" if rows else f"{self.rows} of {self.tensor.h} rows"


@dataclass(frozen=True)
class PullDef:
    """Rows that a stage has made before its turn.

    Attributes:
        ring: of the tensor they belong to.
        needed: C expression of how many rows of it turn y needs.
    """

    ring: RingDef
    needed: str


@dataclass(frozen=True)
class PanelDef:
    """A stage that runs within the turns of another, a few pixels at a time.

    Attributes:
        node: name of the node that it computes.
        title: what it computes, for a reader.
        origin: the ONNX nodes it came from.
        macs: multiply-accumulates.
        kernel: how.
        spec: its numbers.
        tensor: what it makes, and where its pixels lie.
        operands: C expressions of the first pixel of each input of a run; empty for the first stage
            of a turn, which finds its rows ahead of all runs.
        rows: name of the C array of its rows.
        traced: the tensors that a run makes pixels of.
        strips: its columns, where the segment runs in strips; else None.
    """

    node: str
    title: str
    origin: str
    macs: int
    kernel: Kernel
    spec: LayerSpec
    tensor: TensorRef
    operands: tuple[str, ...]
    rows: str
    traced: tuple[TensorRef, ...]
    strips: StripTable | None = None

    @property
    def copied(self) -> bool:
        """Whether its kernel reads a copy of its numbers, with the widths of a strip."""
        return self.strips is not None and self.kernel.shape is Shape.WINDOW

    @property
    def first(self) -> str:
        """C of how its kernel counts the first pixel of a strip, to add a pixel to."""
        return f"{self.strips.name}[strip].first + " if self.strips and self.copied else ""

    @property
    def numbers(self) -> str:
        """The C structure that its kernel reads."""
        return f"here_{self.tensor.ident}" if self.copied else self.spec.name


@dataclass(frozen=True)
class StageDef:
    """A stage of a segment.

    Attributes:
        node: name of the node that it computes; empty for the caller's image.
        title: what it computes, for a reader.
        origin: the ONNX nodes it came from.
        macs: multiply-accumulates of all its turns.
        kernel: None for the caller's image.
        spec: its numbers; None for the caller's image.
        ring: what it makes.
        turns: how often it runs.
        pulls: rows that it needs, in the order of its inputs.
        rows: lines of C that find its input rows.
        sums: of a reduction, None for others.
        traced: the tensors that a turn makes a row of: the stage's, and its reshapes.
        panels: stages that run within its turns, in order.
        pointers: to rows, that it keeps while it runs.
        run: pixels of a run, 0 without panels.
        operands: C expressions of the first pixel of each of its inputs of a run.
        strips: its columns, where the segment runs in strips; else None.
    """

    node: str
    title: str
    origin: str
    macs: int
    kernel: Kernel | None
    spec: LayerSpec | None
    ring: RingDef
    turns: int
    pulls: tuple[PullDef, ...]
    rows: tuple[str, ...]
    sums: Workspace | None
    traced: tuple[TensorRef, ...]
    pointers: int = 0
    panels: tuple[PanelDef, ...] = ()
    run: int = 0
    operands: tuple[str, ...] = ()
    strips: StripTable | None = None

    @property
    def copied(self) -> bool:
        """Whether its kernel reads a copy of its numbers, with the widths of a strip."""
        return self.strips is not None and self.shape is Shape.WINDOW

    @property
    def numbers(self) -> str:
        """The C structure that its kernel reads."""
        return "here" if self.copied or self.spec is None else self.spec.name

    @property
    def out(self) -> str:
        """C expression of where its next row goes, or the part of it that a strip makes."""
        row = f"mcucc_ring_next(&{self.ring.name}, &s->{self.ring.ident}, arena)"
        if self.strips is None or not self.strips.is_whole:
            return row
        return f"&{row}[at->begin * {self.ring.tensor.c}]"

    @property
    def first(self) -> str:
        """C expression of the first pixel that it makes, as its kernel counts them."""
        return "at->first" if self.copied else "0"

    @property
    def end(self) -> str:
        """One more than the last."""
        if self.strips is None:
            return str(self.ring.tensor.w)
        return "at->first + at->count" if self.copied else "at->count"

    @property
    def ahead(self) -> str:
        """C of the columns of the map before those that it makes, to add a column to."""
        return "" if self.strips is None else "at->begin + "

    @property
    def last(self) -> str:
        """One more than the last column of the map that it makes."""
        return str(self.ring.tensor.w) if self.strips is None else "at->begin + at->count"

    @property
    def made_bytes(self) -> str:
        """C expression of the bytes that a turn makes."""
        return (
            str(self.ring.row_bytes) if self.strips is None else f"at->count * {self.ring.tensor.c}"
        )

    @property
    def begin(self) -> str:
        """C expression of the first column of the map that it makes."""
        return "0" if self.strips is None else "at->begin"

    @property
    def count(self) -> str:
        """C expression of how many columns it makes."""
        return str(self.ring.tensor.w) if self.strips is None else "at->count"

    @property
    def shape(self) -> Shape | None:
        """How its kernel is called."""
        return None if self.kernel is None else self.kernel.shape


@dataclass(frozen=True)
class SegmentDef:
    """A step of `run` that makes several tensors row by row.

    Attributes:
        index: its number.
        title: what it computes, for a reader.
        counters: of the rows of each tensor that are made.
        stages: in the order of execution.
        sinks: the stages that run to their ends, one after the other.
        reshaped_first: tensors that are whole from the start: reshapes of what earlier steps made.
        reshaped_last: tensors that are whole in the end: reshapes, to other rows, of what it made.
        scratch: what its kernels work in, one after the other.
        strips: how many strips of columns it runs for, one after the other; 1 for whole rows.
    """

    index: int
    title: str
    counters: Workspace
    stages: tuple[StageDef, ...]
    sinks: tuple[StageDef, ...]
    reshaped_first: tuple[TensorRef, ...]
    reshaped_last: tuple[TensorRef, ...]
    scratch: Workspace | None
    strips: int = 1

    @property
    def function(self) -> str:
        """The C function."""
        return f"seg{self.index}"

    @property
    def workspaces(self) -> tuple[Workspace, ...]:
        """All that it needs beside tensors."""
        sums = (stage.sums for stage in self.stages)
        found = (self.counters, *sums, self.scratch)
        return tuple(each for each in found if each is not None)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all stages."""
        own = sum(stage.macs for stage in self.stages)
        return own + sum(panel.macs for stage in self.stages for panel in stage.panels)

    @property
    def traces_pixels(self) -> bool:
        """Whether some pixels of a row are reported: of panels, or of strips."""
        return self.strips > 1 or any(stage.panels for stage in self.stages)

    @property
    def is_source(self) -> bool:
        """Whether it takes the rows of the caller's image."""
        return self.stages[0].kernel is None

    @property
    def functions(self) -> tuple[str, ...]:
        """The C functions of it and of its stages."""
        return (self.function, *(stage.ring.next for stage in self.stages))

    @property
    def by_node(self) -> Mapping[str, str]:
        """The C function within which each node is computed."""
        own = {stage.node: stage.ring.next for stage in self.stages if stage.node}
        return own | {panel.node: s.ring.next for s in self.stages for panel in s.panels}

    @property
    def arguments(self) -> str:
        """What its functions are called with."""
        return "arena, source" if self.is_source else "arena"

    @property
    def stage_arguments(self) -> str:
        """What the functions of its stages are called with."""
        return f"{self.arguments}, strip" if self.strips > 1 else self.arguments

    @property
    def stage_parameters(self) -> str:
        """What these take."""
        return f"{self.parameters}, int32_t strip" if self.strips > 1 else self.parameters

    @property
    def parameters(self) -> str:
        """What its functions take."""
        return f"int8_t *arena{', const source_t *source' if self.is_source else ''}"

    @property
    def headers(self) -> tuple[str, ...]:
        """Files of runtime_c/ that its own code uses."""
        reads_whole = any("mcucc_window(" in line for s in self.stages for line in s.rows)
        window = ("mcucc_window.h",) if reads_whole else ()
        return ("mcucc_ring.h", *window, *(("mcucc_strip.h",) if self.strips > 1 else ()))
