"""A schedule: which step runs when, where each tensor lives, and what is live at each step."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcucc.ir import TensorType
from mcucc.kernels import Kernel
from mcucc.memory import Placement, Problem
from mcucc.ops import Int8Graph, Int8Node


@dataclass(frozen=True)
class Step:
    """One call of the generated `run`: a node executed by a kernel over its whole tensor.

    Attributes:
        node: what is computed.
        kernel: how; None where nothing is executed (a reshape whose bytes stay where they are).
    """

    node: Int8Node
    kernel: Kernel | None


@dataclass(frozen=True)
class Schedule:
    """Steps in order and the life of every buffer; offsets are not chosen yet.

    Attributes:
        graph: the network.
        steps: step i is executed at time i.
        order_proven: no other order of the steps has a lower peak.
        home: for every value of the graph the buffer that holds it; a buffer has the name of the
            first value that it holds. Values share a buffer where one is written over the other
            (in place) or is the other under another shape.
        lives: for every value the steps in which it can be read or is being written, half-open.
            The lives of the values of a buffer cover the buffer's life.
        problem: the buffers with their lives in steps, half-open. Inputs live from step 0, outputs
            until after the last step; scratch lives for its step alone.
        keep_input: whether the inputs, too, live until after the last step.
    """

    graph: Int8Graph
    steps: tuple[Step, ...]
    order_proven: bool
    home: Mapping[str, str]
    lives: Mapping[str, tuple[int, int]]
    problem: Problem
    keep_input: bool = False


@dataclass(frozen=True)
class MemoryPlan:
    """A schedule whose buffers have their places in the arena."""

    schedule: Schedule
    placement: Placement

    @property
    def arena_bytes(self) -> int:
        """Size of the arena: inputs, outputs and scratch included."""
        return self.placement.height

    def offset(self, tensor: str) -> int:
        """Byte offset of a tensor in the arena."""
        return self.placement.offset(self.schedule.home[tensor])

    def scratch_offset(self, step: int) -> int | None:
        """Byte offset of a step's scratch, None if it needs none."""
        return self.placement.offsets.get(scratch_name(self.schedule.steps[step].node))

    def type_of(self, tensor: str) -> TensorType:
        """The type of a tensor."""
        return self.schedule.graph.tensors[tensor]


def scratch_name(node: Int8Node) -> str:
    """Name of the buffer for a node's scratch."""
    return f"{node.name}.scratch"
