"""How a plan was found: the order, and the cuts that were placed."""

from dataclasses import dataclass, field

from mcucc.schedule.order.search import Order
from mcucc.schedule.segments.ordered_graph import OrderedGraph
from mcucc.schedule.segments.partition import Cut, StepPartitioner
from mcucc.schedule.types import MemoryPlan


@dataclass(frozen=True)
class TriedCut:
    """A cut that was placed.

    Attributes:
        steps: how many.
        segments: how many of them run row by row.
        peak_bytes: of the step that needs most, by itself.
        arena_bytes: as placed.
        cost: modelled instructions beside those of the kernels.
    """

    steps: int
    segments: int
    peak_bytes: int
    arena_bytes: int
    cost: int


@dataclass(frozen=True, eq=False)
class Search:
    """What the planner knows of a plan that it made.

    Attributes:
        order: of the nodes.
        ordered: the nodes in that order.
        partitioner: knows what each candidate needs.
        cut: the one that was chosen.
        tried: all that were placed, in the order in which they were.
        with_scratch: those of kernels with scratch, none of which was small enough.
    """

    order: Order
    ordered: OrderedGraph
    partitioner: StepPartitioner
    cut: Cut
    tried: tuple[TriedCut, ...] = ()
    with_scratch: tuple[TriedCut, ...] = ()


@dataclass(frozen=True)
class FoundPlan(MemoryPlan):
    """A plan that the planner found, with what it knows of it."""

    search: Search = field(repr=False, compare=False)
