"""Why a layer is not in one segment with the next, and why a tensor is not written over another."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from mcucc.ops import Aliasing
from mcucc.report.model import Gain, Reason
from mcucc.report.reasons.placed import PlacedLayer
from mcucc.schedule import FoundPlan, Layer, PlanOptions, Search, dead_ranges, peak_step
from mcucc.schedule.segments.candidates import StepCandidate, hindrance
from mcucc.schedule.segments.ordered_graph import OrderedGraph


def step_reasons(
    plan: FoundPlan, layers: tuple[PlacedLayer, ...], options: PlanOptions
) -> Iterator[Reason]:
    """The reasons of the planner that are about a layer.

    Args:
        plan: with what the planner knows of it.
        layers: of the plan.
        options: that it was asked for.
    """
    if _looked_for_rows(plan, options):
        index = {layer.node.name: layer.index for layer in layers}
        ordered, candidates = plan.search.ordered, plan.search.cut.steps
        executed = [i for i, candidate in enumerate(candidates) if _executes(ordered, candidate)]
        for before, after in pairwise(executed):
            yield from _apart(plan.search, before, after, index)
    for layer in layers:
        yield from _in_place(plan, layer)


def _looked_for_rows(plan: FoundPlan, options: PlanOptions) -> bool:
    """Whether segments were wanted: whole tensors that fit are taken without looking further."""
    if options.mode == "layer":
        return False
    wanted = options.mode == "stream" or options.objective == "memory"
    over = options.limit is not None and plan.arena_bytes > options.limit
    return wanted or over or any(candidate.stages for candidate in plan.search.cut.steps)


def _apart(search: Search, step: int, then: int, index: Mapping[str, int]) -> Iterator[Reason]:
    """Why a step and the next that executes anything are two."""
    before, after = search.cut.steps[step], search.cut.steps[then]
    first = search.partitioner.first(after.end)
    parted = first > before.begin
    place = first - 1 if parted else before.end - 1
    node = search.ordered.items[place].node
    if node is None or node.name not in index:
        return
    if parted:
        why = hindrance(search.ordered, place, first, after.end)
        why = why or "segments so long are not tried in networks of so many layers"
    else:
        why = search.partitioner.why_apart(before, after, search.cut.peak)
    other = step if place >= after.begin else then
    yield Reason(
        *("segment", index[node.name], node.name, "row by row"),
        declined=f"it is not in one segment with step {other}: {why}",
    )


def _executes(ordered: OrderedGraph, candidate: StepCandidate) -> bool:
    """Whether a step does anything, or only sees bytes in another shape."""
    return any(not ordered.items[i].is_reshape for i in range(candidate.begin, candidate.end))


def _in_place(plan: FoundPlan, layer: PlacedLayer) -> Iterator[Reason]:
    """Whether an operator that may writes over its input, and if not why."""
    node, step = layer.node, layer.within
    if node.op.aliasing is not Aliasing.IN_PLACE or not isinstance(step, Layer):
        return
    graph = plan.schedule.graph
    where = ("placement", layer.index, node.name, "in place")
    inputs = graph.variable_inputs(node)
    output = plan.type_of(node.output).nbytes
    over = [x for x in inputs if plan.offset(x) == plan.offset(node.output)]
    if over:
        yield Reason(*where, did=f"is written over '{over[0]}', which dies there")
        return
    faults = dict.fromkeys(_held(plan, layer, x, output) for x in inputs)
    if faults:
        gain = min(output, _above_the_rest(plan, layer.step))
        yield Reason(
            *where,
            declined="; ".join(faults),
            gain=Gain(gain, "arena bytes") if gain > 0 else None,
        )


def _held(plan: FoundPlan, layer: PlacedLayer, x: str, output: int) -> str:
    """Why the bytes of an input do not become those of the output."""
    schedule = plan.schedule
    home = schedule.home[x]
    shared = [name for name, other in schedule.home.items() if other == home]
    later = _readers_after(plan, shared, layer.step)
    if later:
        return f"'{x}' is read later by '{later[0]}'"
    is_input = any(port.tensor in shared for port in schedule.graph.inputs)
    if not schedule.graph.output_tensors.isdisjoint(shared) or (schedule.keep_input and is_input):
        return f"'{x}' must outlive the run"
    if schedule.graph.type_of(x).nbytes != output:
        return f"'{x}' has {schedule.graph.type_of(x).nbytes:,} bytes, the output {output:,}"
    return f"'{x}' dies too, but the arena has room for both"


def _readers_after(plan: FoundPlan, values: list[str], step: int) -> list[str]:
    """The nodes that read one of some values in a later step."""
    later = {node.name for each in plan.schedule.steps[step + 1 :] for node in each.nodes}
    readers = plan.schedule.graph.readers
    return [node.name for value in values for node in readers[value] if node.name in later]


def _above_the_rest(plan: FoundPlan, step: int) -> int:
    """By how many bytes a step needs more than every other; 0 if some needs as much."""
    if step != peak_step(plan):
        return 0
    live = [
        plan.arena_bytes - sum(end - begin for begin, end in dead_ranges(plan, i))
        for i in range(len(plan.schedule.steps))
    ]
    return live[step] - max((size for i, size in enumerate(live) if i != step), default=0)
