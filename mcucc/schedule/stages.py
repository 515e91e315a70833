"""What each node does when it runs row by row: which rows it reads, and how often it runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mcucc.kernels import Kernel, Shape, row_kernel
from mcucc.ops import Int8Graph, Int8Node, Window

Rows = NDArray[np.int64]
"""A number of rows, or the number of a row, for each turn of a stage."""

MOST_ROWS = 65535
"""Of a tensor that a segment makes or reduces: its counters have 16 bits."""
SUM_BYTES = 4
"""Of the sum that a reduction keeps for each channel."""
_COUNTER_BYTES = 4
"""What a segment remembers of a tensor: the rows made, and the slot of the next one."""


@dataclass(frozen=True)
class RowRead:
    """How a stage reads one of its inputs.

    Attributes:
        value: name of the input in the graph.
        content: name of the content that holds it.
        shape: rows, pixels and channels of the input.
        window: the input pixels under an output pixel.
        turns: how often the stage runs; at turn y it makes output row y.
    """

    value: str
    content: str
    shape: tuple[int, int, int]
    window: Window
    turns: int

    @property
    def row_bytes(self) -> int:
        """Bytes of an input row."""
        return self.shape[1] * self.shape[2]

    @cached_property
    def first(self) -> Rows:
        """For each turn the first row that it or a later turn reads."""
        turns = np.arange(self.turns, dtype=np.int64)
        first = np.clip(self.window.rows.first(turns), 0, self.shape[0])
        return earliest(first)

    @cached_property
    def needed(self) -> Rows:
        """For each turn how many rows must have been made before it."""
        turns = np.arange(self.turns, dtype=np.int64)
        return np.clip(self.window.rows.end(turns), 0, self.shape[0])

    @property
    def is_gate(self) -> bool:
        """Whether every output pixel reads the same one pixel."""
        return self.window.rows.stride == 0


def earliest(places: Rows) -> Rows:
    """For each of some places the first that it or a later one is; they ascend but at mirrors."""
    return np.minimum.accumulate(places[::-1])[::-1]


@dataclass(frozen=True)
class Stage:
    """A node that can run row by row, or the caller who hands over the rows of an image.

    Attributes:
        node: what is computed; None for the caller's image.
        kernel: how; None for the caller's image.
        reads: its inputs, without constants.
        value: name of what it makes.
        content: name of the content that holds it.
        shape: rows, pixels and channels of what it makes.
        turns: how often it runs: once per row that it makes, or that it takes if it is a reduction.
    """

    node: Int8Node | None
    kernel: Kernel | None
    reads: tuple[RowRead, ...]
    value: str
    content: str
    shape: tuple[int, int, int]
    turns: int

    @property
    def name(self) -> str:
        """Of the node, or of the image."""
        return self.value if self.node is None else self.node.name

    @property
    def row_bytes(self) -> int:
        """Bytes of a row that it makes."""
        return self.shape[1] * self.shape[2]

    @property
    def is_reduction(self) -> bool:
        """Whether it makes its only row at its last turn."""
        return self.kernel is not None and self.kernel.shape is Shape.REDUCTION

    @property
    def sum_bytes(self) -> int:
        """Bytes that it keeps from turn to turn: the sums of a reduction."""
        return SUM_BYTES * self.shape[2] if self.is_reduction else 0

    @property
    def scratch_bytes(self) -> int:
        """Bytes that its kernel needs during a turn."""
        return 0 if self.kernel is None else self.kernel.scratch_bytes


def counter_bytes(stages: Iterable[Stage], panels: Mapping[str, int]) -> int:
    """Bytes of the counters of a segment: one pair for each stage that makes rows.

    Args:
        stages: of the segment.
        panels: the contents that are made within the turns of others, which have no counters.
    """
    return _COUNTER_BYTES * sum(stage.content not in panels for stage in stages)


def image_stage(graph: Int8Graph, value: str) -> Stage:
    """The caller as a stage: each turn a row of the image is put where it belongs."""
    shape = graph.tensors[value].hwc
    return Stage(None, None, (), value, value, shape, shape[0])


def row_stage(
    graph: Int8Graph, node: Int8Node, kernel: Kernel | None, content_of: Mapping[str, str]
) -> Stage | None:
    """A node as a stage, None if it needs whole tensors or has too many rows to count.

    Args:
        graph: the network.
        node: what is computed.
        kernel: what computes its whole tensor; None for a reshape.
        content_of: for each value the name of its content.
    """
    chosen = row_kernel(graph, node, kernel)
    if chosen is None:
        return None
    stage = _stage(graph, node, chosen, content_of)
    return stage if max(stage.turns, stage.shape[0]) <= MOST_ROWS else None


def layer_stage(
    graph: Int8Graph, node: Int8Node, kernel: Kernel, content_of: Mapping[str, str]
) -> Stage | None:
    """A node whose kernel makes the whole tensor pixel by pixel, None if it does not do so."""
    if kernel.shape not in (Shape.WINDOW, Shape.PIXELS):
        return None
    return _stage(graph, node, kernel, content_of)


def _stage(
    graph: Int8Graph, node: Int8Node, kernel: Kernel, content_of: Mapping[str, str]
) -> Stage:
    shape = graph.tensors[node.output].hwc
    reduces = kernel.shape is Shape.REDUCTION
    turns = graph.type_of(node.inputs[0]).hwc[0] if reduces else shape[0]
    types = graph.input_types(node)
    reads = tuple(
        RowRead(
            name,
            content_of[name],
            graph.tensors[name].hwc,
            (None if reduces else node.op.window(types, operand)) or Window(),
            turns,
        )
        for operand, name in enumerate(node.inputs)
        if name not in graph.consts
    )
    return Stage(node, kernel, reads, node.output, content_of[node.output], shape, turns)
