"""From a graph with its kernels to a schedule, and from a schedule to a memory plan."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from mcucc.errors import InvariantError
from mcucc.kernels import Kernel
from mcucc.memory import (
    ALIGNMENT,
    DEFAULT_BUDGET,
    Placement,
    Problem,
    Solver,
    place,
    validate,
)
from mcucc.ops import Aliasing, Int8Graph
from mcucc.ops.verify import total_macs
from mcucc.schedule.assemble import schedule_of, state_buffers
from mcucc.schedule.gaps import place_scratch_in_gaps
from mcucc.schedule.order.memory_graph import MANY_NODES, memory_graph_of
from mcucc.schedule.order.search import best_order
from mcucc.schedule.search import FoundPlan, Search, TriedCut
from mcucc.schedule.segments.ordered_graph import ordered_graph_of
from mcucc.schedule.segments.partition import Cut, StepPartitioner
from mcucc.schedule.types import (
    MemoryPlan,
    Schedule,
)

Objective = Literal["auto", "memory", "speed"]
Mode = Literal["auto", "layer", "stream"]

USUAL_RECOMPUTE = 10.0
"""Percent of a network's multiply-accumulates that strips may execute again if nothing is said."""
_LESS_BUDGET = DEFAULT_BUDGET // 8
"""Nodes of the exact placement of a cut that is not the first choice."""
_MANY_BUFFERS = 32
"""Beyond so many at a time fewer placements are tried, and each for a shorter time."""
_MOST_PLACED = 8
"""How many cuts are placed to find one whose buffers can be placed in what its steps need."""


@dataclass(frozen=True)
class PlanOptions:
    """What a plan should be like.

    Attributes:
        objective: "memory": the smallest arena, then the cheapest steps within it. "speed": the
            cheapest steps whose arena is within the limit; "auto" the same. Both fall back to the
            smallest arena where nothing is within the limit.
        mode: "layer": whole tensors only. "stream": rows wherever they are possible. "auto": what
            serves the objective.
        limit: bytes that the arena may take; None for no limit.
        keep_input: the inputs of the network must survive the run.
        stream_input: the caller hands over the one input row by row.
        input_elsewhere: the caller hands over any pixels of the one input, in any order, as often
            as they are needed; then `stream_input` holds as well.
        max_recompute: multiply-accumulates that may be executed again, in percent of the network's.
        alignment: bytes; every buffer lies at a multiple of it. A power of two.
        solver: who searches for the exact placement.
    """

    objective: Objective = "auto"
    mode: Mode = "auto"
    limit: int | None = None
    keep_input: bool = False
    stream_input: bool = False
    input_elsewhere: bool = False
    max_recompute: float = 0.0
    alignment: int = ALIGNMENT
    solver: Solver = "own"


def plan_network(
    graph: Int8Graph, kernels: Mapping[str, Kernel | None], options: PlanOptions
) -> FoundPlan:
    """Chooses order, steps and places of a network.

    Where the arena must be small, kernels that need no scratch take the place of those that do,
    except where the arena has room for it anyway.

    Args:
        graph: the network.
        kernels: the fastest, by the name of the node; None for reshapes, which execute nothing.
        options: what to prefer.

    Raises:
        InvariantError: a node has no kernel, a reshape has one, an output is a constant, or a
            network with several inputs is to be streamed.
    """
    scratch_free = scratch_free_kernels(kernels)
    need_none = all(k is None or not k.scratch_bytes for k in kernels.values())
    too_large: tuple[TriedCut, ...] = ()
    if options.objective != "memory" or need_none:
        plan = Planner(graph, kernels, options).plan()
        if need_none or options.limit is None or plan.arena_bytes <= options.limit:
            return plan
        too_large = plan.search.tried
    plan = Planner(graph, scratch_free, options).plan()
    faster = place_scratch_in_gaps(plan, kernels)
    search = replace(plan.search, with_scratch=too_large)
    return FoundPlan(faster.schedule, faster.placement, search)


def scratch_free_kernels(kernels: Mapping[str, Kernel | None]) -> Mapping[str, Kernel | None]:
    """For each node the kernel that needs no scratch."""
    return {name: None if k is None else k.scratch_free for name, k in kernels.items()}


def schedule_layers(
    graph: Int8Graph,
    kernels: Mapping[str, Kernel | None],
    *,
    keep_input: bool = False,
    alignment: int = ALIGNMENT,
) -> Schedule:
    """Schedules a graph layer by layer: each step makes a whole tensor.

    Args and errors as for `plan_network`.
    """
    options = PlanOptions(mode="layer", keep_input=keep_input, alignment=alignment)
    planner = Planner(graph, kernels, options)
    return planner.schedule(planner.cheapest_layers())


def plan_memory(
    schedule: Schedule, *, budget: int = DEFAULT_BUDGET, solver: Solver = "own"
) -> MemoryPlan:
    """Gives every buffer of a schedule its place in the arena.

    Args:
        schedule: what is live when.
        budget: the most nodes that the exact placement may visit.
        solver: who searches for it.

    Raises:
        InvariantError: the placement breaks a rule.
        UsageError: OR-tools is asked for but not installed.
    """
    placement = _place(schedule, budget, solver)
    faults = validate(schedule.problem, placement)
    if faults:
        raise InvariantError(
            f"the memory plan of '{schedule.graph.name}' is wrong: "
            + "; ".join(str(fault) for fault in faults)
        )
    return MemoryPlan(schedule, placement)


def _place(schedule: Schedule, budget: int, solver: Solver) -> Placement:
    """States one after the other from the start of the arena, all else above them."""
    problem, states = schedule.problem, set(schedule.states)
    others = tuple(buffer for buffer in problem.buffers if buffer.name not in states)
    placement = place(Problem(others, problem.overlaps), budget=budget, solver=solver)
    if not states:
        return placement
    end = schedule.state_bytes
    offsets = {name: offset + end for name, offset in placement.offsets.items()}
    offsets |= schedule.state_offsets()
    highest = max(offsets[buffer.name] + buffer.size for buffer in problem.buffers)
    return replace(
        placement,
        offsets=offsets,
        height=highest,
        lower_bound=min(placement.lower_bound + end, highest),
    )


class Planner:
    """The search for one network: its order, and the cuts of it.

    Args and errors as for `plan_network`.

    Args:
        given_order: the nodes keep the order of the graph.
    """

    def __init__(
        self,
        graph: Int8Graph,
        kernels: Mapping[str, Kernel | None],
        options: PlanOptions,
        *,
        given_order: bool = False,
    ) -> None:
        _check_kernels(graph, kernels)
        if options.stream_input and len(graph.inputs) != 1:
            raise InvariantError(f"'{graph.name}' has {len(graph.inputs)} inputs to stream")
        scratch = {name: k.scratch_bytes for name, k in kernels.items() if k is not None}
        memory = memory_graph_of(graph, scratch, keep_input=options.keep_input)
        order = best_order(memory, alignment=options.alignment)
        tasks = tuple(range(len(graph.nodes))) if given_order else order.tasks
        self._options = options
        self._proven = order.proven and not given_order
        self._order = order
        self._tried: list[TriedCut] = []
        self.ordered = ordered_graph_of(
            graph, kernels, memory, tasks, streamed=options.stream_input
        )
        self.partitioner = StepPartitioner(
            self.ordered,
            options.alignment,
            rows=options.mode != "layer",
            macs_again=self._macs_again() if options.input_elsewhere else None,
        )

    def _macs_again(self) -> int:
        return int(total_macs(self.ordered.graph) * self._options.max_recompute / 100)

    def plan(self) -> FoundPlan:
        """The plan that the options ask for, with all cuts that were tried for it."""
        plan = self._wanted()
        return replace(plan, search=replace(plan.search, tried=tuple(self._tried)))

    def _wanted(self) -> FoundPlan:
        if self._options.mode == "stream":
            return self._placed(self.partitioner.longest())
        if self._options.mode == "layer":
            return self._placed(self.cheapest_layers())
        if self._options.objective == "memory":
            return self.smallest()
        return self._fastest() or self.smallest()

    def cheapest_layers(self) -> Cut:
        """The steps that cost least, whatever they need."""
        cut = self.partitioner.cheapest(None)
        if cut is None:
            raise InvariantError(f"'{self.ordered.graph.name}' cannot be cut into steps")
        return cut

    def pareto(self, most: int) -> Iterator[FoundPlan]:
        """Plans from the cheapest steps towards the smallest arena, each smaller than the last."""
        cut = self.partitioner.cheapest(None)
        last: int | None = None
        for _ in range(max(2, int(most * self._share))):
            if cut is None:
                return
            plan = self._placed(cut, _LESS_BUDGET)
            if last is None or plan.arena_bytes < last:
                last = plan.arena_bytes
                yield plan
            cut = self.partitioner.cheapest(cut.peak * 4 // 5)

    @cached_property
    def _share(self) -> float:
        """Of the usual search: less for many nodes, and for many buffers at a time."""
        crowd = max(map(len, self.ordered.crossing))
        return min(1.0, MANY_NODES / max(1, len(self.ordered.items)), _MANY_BUFFERS / max(1, crowd))

    @cached_property
    def _state_bytes(self) -> int:
        return sum(
            buffer.size for buffer in state_buffers(self.ordered, 1, self._options.alignment)
        )

    @property
    def _most_placed(self) -> int:
        return max(1, int(_MOST_PLACED * self._share))

    def schedule(self, cut: Cut) -> Schedule:
        """The schedule of a cut."""
        return schedule_of(
            self.ordered,
            cut,
            alignment=self._options.alignment,
            keep_input=self._options.keep_input,
            elsewhere=self._options.input_elsewhere,
            proven=self._proven,
        )

    def _placed(self, cut: Cut, budget: int = DEFAULT_BUDGET) -> FoundPlan:
        budget = int(budget * self._share**2)
        plan = plan_memory(self.schedule(cut), budget=budget, solver=self._options.solver)
        segments = sum(bool(candidate.stages) for candidate in cut.steps)
        tried = TriedCut(len(cut.steps), segments, cut.peak, plan.arena_bytes, cut.cost)
        self._tried.append(tried)
        search = Search(self._order, self.ordered, self.partitioner, cut)
        return FoundPlan(plan.schedule, plan.placement, search)

    def _fastest(self) -> FoundPlan | None:
        """The cheapest steps within the limit, None if none were found."""
        limit = self._options.limit
        budget = None if limit is None else max(0, limit - self._state_bytes)
        for _ in range(self._most_placed):
            cut = self.partitioner.cheapest(budget)
            if cut is None:
                return None
            plan = self._placed(cut)
            if limit is None or plan.arena_bytes <= limit:
                return plan
            budget = cut.peak - 1
        return None

    def smallest(self) -> FoundPlan:
        """The smallest arena among the cuts with the smallest peaks."""
        best: tuple[int, int, FoundPlan] | None = None
        for cut in self._candidates():
            if best is not None and cut.peak >= best[0]:
                break
            budget = DEFAULT_BUDGET if best is None else _LESS_BUDGET
            plan = self._placed(cut, budget)
            if best is None or (plan.arena_bytes, cut.cost) < best[:2]:
                best = (plan.arena_bytes, cut.cost, plan)
        if best is None:
            raise InvariantError(f"'{self.ordered.graph.name}' cannot be cut into steps")
        return best[2]

    def _candidates(self) -> Iterator[Cut]:
        """Cuts by ascending peaks; those of the smallest peak in all variants."""
        smallest = self.partitioner.smallest()
        yield smallest
        yield from self.partitioner.without_one_place(smallest, self._most_placed)
        yield from self.partitioner.by_peak(self._most_placed)


def _check_kernels(graph: Int8Graph, kernels: Mapping[str, Kernel | None]) -> None:
    for node in graph.nodes:
        executed = node.op.aliasing is not Aliasing.SAME_BYTES
        if executed and kernels.get(node.name) is None:
            raise InvariantError(f"node '{node.name}' has no kernel")
        if not executed and kernels.get(node.name) is not None:
            raise InvariantError(f"node '{node.name}' executes nothing but has a kernel")
