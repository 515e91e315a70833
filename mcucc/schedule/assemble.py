"""From a cut of the order to a schedule: its steps, its buffers, and how long each value lives."""

from collections.abc import Iterator, Mapping

from mcucc.memory import ALIGNMENT, Buffer, Overlap, Problem
from mcucc.schedule.segments.candidates import StepCandidate
from mcucc.schedule.segments.ordered_graph import OrderedGraph
from mcucc.schedule.segments.partition import Cut
from mcucc.schedule.types import (
    Layer,
    Schedule,
    Segment,
    Step,
    counters_name,
    scratch_name,
    sums_name,
)


def schedule_of(
    ordered: OrderedGraph,
    cut: Cut,
    *,
    alignment: int,
    keep_input: bool,
    elsewhere: bool,
    proven: bool,
) -> Schedule:
    """The schedule of a cut.

    Args:
        ordered: the network.
        cut: its steps.
        alignment: of every buffer, bytes.
        keep_input: the inputs must survive the run.
        elsewhere: the caller hands over any pixels of the input, as often as they are needed.
        proven: whether no other order of whole layers has a lower peak.
    """
    steps = tuple(_step(ordered, candidate) for candidate in cut.steps)
    step_of = [
        i for i, candidate in enumerate(cut.steps) for _ in range(candidate.begin, candidate.end)
    ]
    held = {name: size for candidate in cut.steps for name, size in candidate.kept.items()}
    home = _homes(ordered)
    buffers = tuple(
        Buffer(
            name=lifetime.name,
            size=held.get(lifetime.name, lifetime.size),
            start=step_of[max(lifetime.born, 0)] if step_of else 0,
            end=step_of[lifetime.last] + 1 if lifetime.last < len(step_of) else max(len(steps), 1),
            alignment=alignment,
        )
        for lifetime in ordered.lifetimes
        if lifetime.name not in ordered.state_names
    )
    states = state_buffers(ordered, len(steps), alignment)
    extras = tuple(_extra_buffers(steps, cut, alignment))
    return Schedule(
        graph=ordered.graph,
        steps=steps,
        order_proven=proven,
        home=home,
        lives=_value_lives(ordered, step_of, len(steps), keep_input=keep_input),
        problem=Problem((*buffers, *extras, *states), tuple(_overlaps(cut))),
        keep_input=keep_input,
        streamed=ordered.streamed,
        elsewhere=elsewhere,
        states=tuple(buffer.name for buffer in states),
    )


def state_buffers(ordered: OrderedGraph, steps: int, alignment: int) -> tuple[Buffer, ...]:
    """The buffers of what runs hand on, each named after the content that a run finds.

    Args:
        ordered: the network.
        steps: of the schedule, all of which they live through.
        alignment: of every buffer, bytes.
    """
    return tuple(
        Buffer(
            ordered.lifetimes[old].name,
            ordered.graph.tensors[ordered.lifetimes[old].name].nbytes,
            0,
            max(steps, 1),
            alignment,
        )
        for old, _ in ordered.states
    )


def _step(ordered: OrderedGraph, candidate: StepCandidate) -> Step:
    items = ordered.items[candidate.begin : candidate.end]
    nodes = tuple(item.node for item in items if item.node is not None)
    if not candidate.stages:
        return Layer(nodes[0], items[0].kernel)
    return Segment(
        nodes,
        candidate.stages,
        candidate.rows,
        candidate.panels,
        candidate.sinks,
        candidate.strips,
    )


def _homes(ordered: OrderedGraph) -> Mapping[str, str]:
    """For each value the content that holds it."""
    home = {lifetime.name: lifetime.name for lifetime in ordered.lifetimes}
    for old, new in ordered.states:
        home[ordered.lifetimes[new].name] = ordered.lifetimes[old].name
    for item in ordered.items:
        if item.node is not None and item.is_reshape:
            home[item.node.output] = home[item.node.inputs[0]]
    return home


def _value_lives(
    ordered: OrderedGraph, step_of: list[int], steps: int, *, keep_input: bool
) -> Mapping[str, tuple[int, int]]:
    """For each value the steps from the one that makes it to the last that reads it."""
    graph = ordered.graph
    step_of_node = {
        item.node.name: step_of[i] for i, item in enumerate(ordered.items) if item.node is not None
    }
    kept = set(graph.output_tensors)
    if keep_input:
        kept |= {port.tensor for port in graph.inputs}
    lives: dict[str, tuple[int, int]] = {}
    for value in graph.tensors:
        maker = graph.producers.get(value)
        start = 0 if maker is None else step_of_node[maker.name]
        last = max((step_of_node[reader.name] for reader in graph.readers[value]), default=start)
        lives[value] = (start, max(steps, 1) if value in kept else last + 1)
    return lives


def _overlaps(cut: Cut) -> Iterator[Overlap]:
    for candidate in cut.steps:
        for upper, distances in candidate.distances.items():
            for lower, distance in distances.items():
                if distance < candidate.kept[lower]:
                    yield Overlap(lower, upper, distance)


def _extra_buffers(steps: tuple[Step, ...], cut: Cut, alignment: int) -> Iterator[Buffer]:
    """Scratch of kernels, sums of reductions, and the counters of segments."""
    words = max(ALIGNMENT, alignment)
    for i, (step, candidate) in enumerate(zip(steps, cut.steps, strict=True)):
        if isinstance(step, Layer):
            scratch = candidate.layer_scratch
        else:
            scratch = max(stage.scratch_bytes for stage in step.stages)
            # Counters are 16 bits wide, sums 32.
            yield Buffer(counters_name(step), candidate.counter_bytes, i, i + 1, words)
            for stage in step.stages:
                if stage.node is not None and stage.sum_bytes:
                    yield Buffer(sums_name(stage.node), stage.sum_bytes, i, i + 1, words)
        if scratch:
            yield Buffer(scratch_name(step), scratch, i, i + 1, words)
