"""Ways to run a network side by side: what each needs of memory, and what it costs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mcucc.kernels import Kernel
from mcucc.memory import Problem, place_greedy
from mcucc.ops import Int8Graph
from mcucc.ops.verify import total_macs
from mcucc.schedule.compare.patches import best_patches
from mcucc.schedule.macs import total_executed_macs
from mcucc.schedule.plan import (
    USUAL_RECOMPUTE,
    Planner,
    PlanOptions,
    plan_memory,
    plan_network,
    scratch_free_kernels,
)
from mcucc.schedule.types import MemoryPlan, Segment

_MOST_POINTS = 6
"""Points between whole layers and the smallest arena that are shown."""


@dataclass(frozen=True)
class Strategy:
    """A way to run a network.

    Attributes:
        name: what it is.
        arena_bytes: with the image in the arena; None for a plan that streams it.
        arena_bytes_streamed_input: with an image that is handed over row by row, or that lies
            elsewhere (patches); None for a plan that has it in the arena.
        executed_macs: multiply-accumulates, those done again included; of modelled patches the rows
            and pixels that overlap, not what kernels do twice.
        row_calls: turns of the stages of segments.
        segments: steps that run row by row.
        patches: patches or strips that a map is cut into; 1 for none.
        modelled: figures come from a model, not from a plan that can be compiled.
        chosen: it is what `compile` would take with these options.
    """

    name: str
    arena_bytes: int | None
    arena_bytes_streamed_input: int | None
    executed_macs: int
    row_calls: int = 0
    segments: int = 0
    patches: int = 1
    modelled: bool = False
    chosen: bool = False


@dataclass(frozen=True)
class Comparison:
    """The strategies for one network.

    Attributes:
        strategies: one of them is chosen.
        arena_bytes: of the chosen one.
        macs: multiply-accumulates, each counted once.
        lower_bound_bytes: no placement of the chosen steps is below it.
        peak_step: the chosen step that needs the most.
    """

    strategies: tuple[Strategy, ...]
    arena_bytes: int
    macs: int
    lower_bound_bytes: int
    peak_step: str


def compare_strategies(
    graph: Int8Graph, kernels: Mapping[str, Kernel | None], options: PlanOptions
) -> Comparison:
    """What a network needs under each strategy.

    Args:
        graph: the network.
        kernels: by the name of the node. Their scratch counts in the chosen strategy alone.
        options: as for `plan_network`; say which strategy is chosen.
    """
    chosen = plan_network(graph, kernels, options)
    kernels = scratch_free_kernels(kernels)
    resident = Planner(graph, kernels, replace(options, stream_input=False, mode="auto"))
    found = [*_whole_tensors(graph, kernels, options), *_patches(resident)]
    found += _points(resident, "mcucc")
    if len(graph.inputs) == 1:
        streaming = replace(options, stream_input=True, keep_input=False, mode="auto")
        streaming = replace(streaming, input_elsewhere=False)
        found += _points(Planner(graph, kernels, streaming), "mcucc, streamed")
        percent = options.max_recompute if options.input_elsewhere else USUAL_RECOMPUTE
        strips = replace(streaming, input_elsewhere=True, max_recompute=percent)
        found += [p for p in _points(Planner(graph, kernels, strips), "") if p.patches > 1]
    marked = _mark(found, chosen)
    step = max(range(len(chosen.schedule.steps)), key=lambda i: _live(chosen, i), default=None)
    name = "" if step is None else chosen.schedule.steps[step].name
    return Comparison(
        strategies=marked,
        arena_bytes=chosen.arena_bytes,
        macs=total_macs(graph),
        lower_bound_bytes=chosen.placement.lower_bound,
        peak_step=name,
    )


def _live(plan: MemoryPlan, step: int) -> int:
    return sum(buffer.size for buffer in plan.schedule.problem.live_at(step))


def _whole_tensors(
    graph: Int8Graph, kernels: Mapping[str, Kernel | None], options: PlanOptions
) -> Iterator[Strategy]:
    """Layer by layer: in the given order, in the best, and with outputs over dying inputs."""
    layers = replace(options, mode="layer", stream_input=False)
    for name, given in (("whole, given order", True), ("whole, best order", False)):
        planner = Planner(graph, kernels, layers, given_order=given)
        schedule = planner.schedule(planner.cheapest_layers())
        height = place_greedy(Problem(schedule.problem.buffers)).height
        yield Strategy(name, height, None, total_executed_macs(schedule))
    planner = Planner(graph, kernels, layers)
    plan = plan_memory(planner.schedule(planner.cheapest_layers()))
    macs = total_executed_macs(plan.schedule)
    yield Strategy("whole, in place or over inputs", plan.arena_bytes, None, macs)


def _patches(planner: Planner) -> Iterator[Strategy]:
    best = best_patches(planner.ordered, planner.partitioner)
    if best is not None:
        yield Strategy(
            name=f"{best.side}x{best.side} patches, {best.layers} layers, modelled",
            arena_bytes=best.arena_bytes,
            arena_bytes_streamed_input=best.arena_bytes_without_image,
            executed_macs=best.executed_macs,
            patches=best.side**2,
            modelled=True,
        )


def _points(planner: Planner, name: str) -> Iterator[Strategy]:
    """From the cheapest steps to the smallest arena."""
    plans = [*planner.pareto(_MOST_POINTS), planner.smallest()]
    seen: set[int] = set()
    for plan in sorted(plans, key=lambda plan: -plan.arena_bytes):
        if plan.arena_bytes not in seen:
            seen.add(plan.arena_bytes)
            yield _strategy(name, plan)


def _strategy(name: str, plan: MemoryPlan) -> Strategy:
    segments = [step for step in plan.schedule.steps if isinstance(step, Segment)]
    streamed = plan.schedule.streamed
    strips = max((step.strips.count for step in segments if step.strips), default=1)
    return Strategy(
        name=f"mcucc, elsewhere, {strips} strips" if strips > 1 else name,
        arena_bytes=None if streamed else plan.arena_bytes,
        arena_bytes_streamed_input=plan.arena_bytes if streamed else None,
        executed_macs=total_executed_macs(plan.schedule),
        row_calls=sum(
            stage.turns * (segment.strips.count if segment.strips else 1)
            for segment in segments
            for stage in segment.stages
        ),
        segments=len(segments),
        patches=strips,
    )


def _mark(found: list[Strategy], chosen: MemoryPlan) -> tuple[Strategy, ...]:
    """The strategies with the chosen one marked, and added if it is not among them."""
    mine = _strategy("mcucc", chosen)
    streamed = chosen.schedule.streamed

    def is_mine(each: Strategy) -> bool:
        size = each.arena_bytes_streamed_input if streamed else each.arena_bytes
        return not each.modelled and each.name.startswith("mcucc") and size == chosen.arena_bytes

    if not any(is_mine(each) for each in found):
        found = [*found, replace(mine, name="mcucc, with these options")]
    # Of the same steps the chosen plan may have faster kernels, which make some values twice.
    return tuple(
        replace(each, chosen=True, executed_macs=mine.executed_macs)
        if is_mine(each) or each.name == "mcucc, with these options"
        else each
        for each in found
    )
