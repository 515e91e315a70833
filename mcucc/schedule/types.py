"""A schedule: which step runs when, where each tensor lives, and what is live at each step."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcucc.ir import TensorType
from mcucc.kernels import Kernel
from mcucc.memory import ALIGNMENT, Placement, Problem
from mcucc.memory.clearance import align_up
from mcucc.ops import Int8Graph, Int8Node
from mcucc.schedule.stages import Stage, counter_bytes
from mcucc.schedule.strips import Strips


@dataclass(frozen=True)
class Layer:
    """A step that executes a node by a kernel over its whole tensor.

    Attributes:
        node: what is computed.
        kernel: how; None where nothing is executed (a reshape whose bytes stay where they are).
    """

    node: Int8Node
    kernel: Kernel | None

    @property
    def name(self) -> str:
        """Of the node."""
        return self.node.name

    @property
    def nodes(self) -> tuple[Int8Node, ...]:
        """The node alone."""
        return (self.node,)

    @property
    def counter_bytes(self) -> int:
        """None: it counts no rows."""
        return 0

    def kernel_of(self, node: Int8Node) -> Kernel | None:  # noqa: ARG002 - it has but one
        """What executes a node of the step."""
        return self.kernel


@dataclass(frozen=True)
class Segment:
    """A step that executes several nodes row by row, each pulling the rows it needs.

    Attributes:
        nodes: in order, reshapes included.
        stages: what runs, in order; reshapes are left out, the caller's image is the first if its
            rows are handed over here.
        rows: for each content that the stages make how many of its rows are held; all of them for
            one that outlives the segment.
        panels: for each content of which not even a row is held how many pixels are. Its stage runs
            within the turns of the one stage that reads it, so many pixels at a time, each run just
            before that reader's; it has no counters of its own.
        sinks: names of the contents that are made to their ends, one after the other; what the
            others need is pulled.
        strips: the columns of its stages, where it runs once for each strip of columns; else None.
    """

    nodes: tuple[Int8Node, ...]
    stages: tuple[Stage, ...]
    rows: Mapping[str, int]
    panels: Mapping[str, int]
    sinks: tuple[str, ...]
    strips: Strips | None = None

    @property
    def name(self) -> str:
        """Of the first and the last stage."""
        first, last = self.stages[0].name, self.stages[-1].name
        return first if first == last else f"{first} .. {last}"

    @property
    def counter_bytes(self) -> int:
        """Bytes that hold the stages' counters."""
        return counter_bytes(self.stages, self.panels)

    def kernel_of(self, node: Int8Node) -> Kernel | None:
        """What executes a node of the step, None for a reshape."""
        return next((stage.kernel for stage in self.stages if stage.node is node), None)


Step = Layer | Segment


@dataclass(frozen=True)
class Schedule:
    """Steps in order and the life of every buffer; offsets are not chosen yet.

    Attributes:
        graph: the network.
        steps: step i is executed at time i.
        order_proven: no other order of whole layers has a lower peak.
        home: for every value of the graph the buffer that holds it, or some of its rows. A buffer
            has the name of the value that is written there; reshapes share it.
        lives: for every value the steps in which it can be read or is being written, half-open.
            The lives of the values of a buffer cover the buffer's life.
        problem: the buffers with their lives in steps, half-open, and how close an output may come
            to an input that dies. Inputs live from step 0, outputs until after the last step;
            scratch and the counters of a segment live for their step alone; states always.
        states: names of the buffers that hold what runs hand on, first in the arena.
        keep_input: inputs survive a run.
        streamed: the caller hands over the one input row by row; it is made by a stage.
        elsewhere: the caller hands over any pixels of it, as often as they are needed.
    """

    graph: Int8Graph
    steps: tuple[Step, ...]
    order_proven: bool
    home: Mapping[str, str]
    lives: Mapping[str, tuple[int, int]]
    problem: Problem
    keep_input: bool = False
    streamed: bool = False
    elsewhere: bool = False
    states: tuple[str, ...] = ()

    @property
    def state_bytes(self) -> int:
        """Bytes of the block of states at the arena's begin, up to where other buffers may lie."""
        found = [buffer for buffer in self.problem.buffers if buffer.name in self.states]
        end = sum(align_up(buffer.size, buffer.alignment) for buffer in found)
        return align_up(end, max((b.alignment for b in self.problem.buffers), default=ALIGNMENT))

    def state_offsets(self) -> Mapping[str, int]:
        """Where each of them lies, one after the other."""
        offsets: dict[str, int] = {}
        end = 0
        for buffer in self.problem.buffers:
            if buffer.name in self.states:
                offsets[buffer.name] = end
                end += align_up(buffer.size, buffer.alignment)
        return offsets

    def pixels_held(self, value: str) -> int | None:
        """How many pixels of a value are held at a time; None if rows are."""
        for step in self.steps:
            if isinstance(step, Segment) and self.home[value] in step.panels:
                return step.panels[self.home[value]]
        return None

    def columns_held(self, value: str) -> int:
        """How many pixels of a row of a value are held at a time: fewer than it has in strips."""
        content, width = self.home[value], self.graph.tensors[value].hwc[1]
        for step in self.steps:
            if isinstance(step, Segment) and step.strips and content in step.strips.columns:
                strips = step.strips
                return width if content in strips.whole else strips.widest(content)
        return width

    def rows_held(self, value: str) -> int:
        """How many rows of a value are held at a time; a reshape to other rows is held whole."""
        content, height = self.home[value], self.graph.tensors[value].hwc[0]
        for step in self.steps:
            if isinstance(step, Segment) and content in step.rows:
                alike = height == self.graph.tensors[content].hwc[0]
                return step.rows[content] if alike else height
        return height


@dataclass(frozen=True)
class MemoryPlan:
    """A schedule whose buffers have their places in the arena."""

    schedule: Schedule
    placement: Placement

    @property
    def alignment(self) -> int:
        """Of the arena, and at least that of every buffer in it, bytes."""
        buffers = self.schedule.problem.buffers
        return max((buffer.alignment for buffer in buffers), default=ALIGNMENT)

    @property
    def arena_bytes(self) -> int:
        """Size of the arena: inputs, outputs, scratch and state included."""
        return self.placement.height

    def offset(self, tensor: str) -> int:
        """Byte offset of a tensor, or of the rows of it that are held, in the arena."""
        return self.placement.offset(self.schedule.home[tensor])

    def scratch_offset(self, step: Step) -> int | None:
        """Byte offset of the scratch of a step's kernels, None if they need none."""
        return self.placement.offsets.get(scratch_name(step))

    def scratch_bytes(self, step: Step) -> int:
        """Bytes of the scratch of a step's kernels."""
        buffers = self.schedule.problem.buffers
        return next((b.size for b in buffers if b.name == scratch_name(step)), 0)

    def sums_offset(self, node: Int8Node) -> int | None:
        """Byte offset of the sums of a reduction, None if the node is none."""
        return self.placement.offsets.get(sums_name(node))

    def counters_offset(self, segment: Segment) -> int:
        """Byte offset of a segment's counters."""
        return self.placement.offset(counters_name(segment))

    def type_of(self, tensor: str) -> TensorType:
        """The type of a tensor."""
        return self.schedule.graph.tensors[tensor]


def scratch_name(step: Step) -> str:
    """Name of the buffer for the scratch of a step's kernels, of which one runs at a time."""
    return f"{step.name}.scratch"


def sums_name(node: Int8Node) -> str:
    """Name of the buffer for the sums of a reduction."""
    return f"{node.name}.sums"


def counters_name(segment: Segment) -> str:
    """Name of the buffer for the counters of a segment."""
    return f"{segment.stages[0].name}.counters"
