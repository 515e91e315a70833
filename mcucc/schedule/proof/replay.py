"""The proof of a memory plan: its run, replayed over an arena that knows what each byte holds.

It shares no code with the planner: it knows the graph, the offsets, in which order the generated C
pulls rows, and what a kernel promises about its reads and writes. Where a plan is wrong, some
reader does not find its row, and the fault says which and what lies there instead.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from mcucc.kernels import Kernel
from mcucc.ops import Aliasing, Int8Graph, Int8Node
from mcucc.schedule.occupancy import dead_ranges
from mcucc.schedule.proof.replayed_stages import Place, ReplayedStage, actor, caller, pull
from mcucc.schedule.proof.shadow import ReplayFault, Run, Shadow, TooManyFaultsError
from mcucc.schedule.types import (
    Layer,
    MemoryPlan,
    Segment,
    Step,
    counters_name,
    scratch_name,
    sums_name,
)

_COUNTER_BYTES = 4
"""What a segment counts of each of its stages."""
_SUM_BYTES = 4
"""Of a sum of a reduction."""
_SUM_ALIGNMENT = 4
"""Of counters and sums."""


@dataclass(frozen=True)
class Replayed:
    """What a replay saw.

    Attributes:
        faults: in the order of the run; empty if the plan is right. Where there are many the
            replay ends early.
        macs: multiply-accumulates of the rows that were made.
        rows_made: for each tensor that the caller or a node wrote how many rows of it were
            written in all. Less than it has where nobody needs the last ones.
        touched_bytes: for each step how many bytes of the arena it reads or writes.
    """

    faults: tuple[ReplayFault, ...]
    macs: int
    rows_made: Mapping[str, int]
    touched_bytes: tuple[int, ...]


def replay(plan: MemoryPlan, *, keep_input: bool) -> Replayed:
    """Replays the run of a network in its arena.

    Args:
        plan: steps and offsets, and what it reports of them.
        keep_input: whether the inputs must be intact after the run.
    """
    run = _Replay(plan, keep_input=keep_input)
    with suppress(TooManyFaultsError):
        run.everything()
    return Replayed(
        faults=tuple(run.shadow.faults),
        macs=run.macs,
        rows_made=dict(run.rows_made),
        touched_bytes=tuple(run.touched_bytes),
    )


class _Replay:
    """One run."""

    def __init__(self, plan: MemoryPlan, *, keep_input: bool) -> None:
        self.shadow = Shadow(plan.arena_bytes)
        self.macs = 0
        self.rows_made: Counter[str] = Counter()
        self.touched_bytes: list[int] = []
        self._highest = 0
        self._plan = plan
        self._schedule = plan.schedule
        self._graph = plan.schedule.graph
        self._inputs = tuple(dict.fromkeys(port.tensor for port in self._graph.inputs))
        self._states = tuple(state.source for state in self._graph.states)
        self._kept = {*self._graph.output_tensors, *(self._inputs if keep_input else ())}
        self._written_as = _written_as(self._graph)
        self._numbers = {
            value: self.shadow.add(value, _row_bytes(self._graph, value))
            for value in dict.fromkeys(self._written_as.values())
        }

    def everything(self) -> None:
        """The run from its inputs to its outputs, and the reports about it."""
        self._check_nodes()
        self._check_alignment()
        if not self._schedule.streamed:
            for value in self._inputs:
                self.shadow.write(self._whole(value), "the caller")
                self.rows_made[value] += self._graph.tensors[value].hwc[0]
        for value in self._states:
            self.shadow.write(self._whole(value), "the run before")
            self.rows_made[value] += self._graph.tensors[value].hwc[0]
        for number, step in enumerate(self._schedule.steps):
            self.shadow.next_step(number)
            self._check_survivors(number)
            self._check_dead(number, "needed")
            self.shadow.next_step(number)
            self._run(number, step)
            self._check_dead(number, "used")
            self.touched_bytes.append(self.shadow.count_touched())
        self.shadow.next_step(len(self._schedule.steps))
        for value in sorted(self._kept):
            self._check_life(value, len(self._schedule.steps) - 1)
            self.shadow.read(self._whole(value), "after the run")
        for state in self._graph.states:
            found, left = self._plan.offset(state.source), self._plan.offset(state.update)
            if found != left:
                self.shadow.wrong(f"state '{state.name}' is found at {found}, left at {left}")
        self._check_totals()

    def _run(self, number: int, step: Step) -> None:
        for node in step.nodes:
            for value in (*self._graph.variable_inputs(node), node.output):
                self._check_life(value, number)
        extras = list(self._extras(step))
        for extra in extras:
            self.shadow.write(extra, f"step '{step.name}'")
        actors = self._segment(step) if isinstance(step, Segment) else self._layer(step)
        for extra in extras:
            self.shadow.read(extra, f"the end of step '{step.name}'")
        counted: set[int] = set()
        for done in actors:
            self._count(done, rows=done.out.number not in counted)
            counted.add(done.out.number)

    def _layer(self, step: Layer) -> tuple[ReplayedStage, ...]:
        if step.kernel is None:
            return ()
        layer = self._actor(step.node, step.kernel, self._place(step.node.output, None), {})
        while layer.done < layer.turns:
            layer.turn(self.shadow)
        return (layer,)

    def _segment(self, step: Segment) -> tuple[ReplayedStage, ...]:
        """Its stages, those of each strip anew."""
        strips = range(step.strips.count) if step.strips else (None,)
        return tuple(stage for strip in strips for stage in self._strip(step, strip))

    def _strip(self, step: Segment, strip: int | None) -> tuple[ReplayedStage, ...]:
        makers: dict[int, ReplayedStage] = {}
        for stage in step.stages:
            held, columns = step.rows[stage.content], _held_columns(step, stage.content, strip)
            if stage.node is not None and stage.kernel is not None:
                panel = step.panels.get(stage.content)
                own = _made_columns(step, stage.content, strip)
                out = self._place(stage.node.output, held, panel, columns)
                made = self._actor(stage.node, stage.kernel, out, makers, own)
            else:
                image = self._place(self._inputs[0], held, None, columns)
                made = caller(image, self._graph.tensors[image.value].hwc[2])
            makers[made.out.number] = made
        for sink in step.sinks:
            last = makers[self._numbers[self._written_as[sink]]]
            while last.done < last.turns:
                pull(last, self.shadow)
        return tuple(makers.values())

    def _actor(
        self,
        node: Int8Node,
        kernel: Kernel,
        out: Place,
        makers: Mapping[int, ReplayedStage],
        strip: tuple[int, int] | None = None,
    ) -> ReplayedStage:
        inputs: list[Place] = []
        for value in self._graph.variable_inputs(node):
            maker = makers.get(self._numbers[self._written_as[value]])
            if maker is None:
                inputs.append(self._place(value, None))
            else:
                seen = maker.out
                columns = (
                    None if seen.strip is None else (seen.strip, seen.pitch // seen.pixel_bytes)
                )
                inputs.append(self._place(value, seen.held, seen.panel, columns))
        return actor(self._graph, node, kernel, out, inputs, makers, strip)

    def _place(
        self,
        value: str,
        held: int | None,
        panel: int | None = None,
        columns: tuple[tuple[int, int], int] | None = None,
    ) -> Place:
        """Where a tensor lies; in strips with the columns that are held, and how many at most."""
        rows, pixels, channels = self._graph.tensors[value].hwc
        number, held = self._numbers[self._written_as[value]], held or rows
        offset, row_bytes = self._plan.offset(value), pixels * channels
        strip, pitch = (columns[0], columns[1] * channels) if columns else (None, 0)
        place = Place(value, number, offset, rows, row_bytes, held, channels, panel, strip, pitch)
        size = held * (pitch or row_bytes) if panel is None else panel * channels
        self._highest = max(self._highest, offset + size)
        return place

    def _whole(self, value: str) -> Run:
        return self._place(value, None).as_one_row().row(0)

    def _extras(self, step: Step) -> Iterator[Run]:
        """Counters, sums and scratch: nobody may write over them during the step."""
        if isinstance(step, Segment):
            size = _COUNTER_BYTES * (len(step.stages) - len(step.panels))
            yield self._extra(counters_name(step), size, _SUM_ALIGNMENT)
            kernels = [stage.kernel for stage in step.stages]
            for stage in step.stages:
                if stage.node is not None and stage.is_reduction:
                    size = _SUM_BYTES * self._graph.tensors[stage.node.output].hwc[2]
                    yield self._extra(sums_name(stage.node), size, _SUM_ALIGNMENT)
        else:
            kernels = [step.kernel]
        scratch = max(kernel.scratch_bytes for kernel in kernels if kernel) if any(kernels) else 0
        if scratch:
            yield self._extra(scratch_name(step), scratch, _SUM_ALIGNMENT)

    def _extra(self, name: str, size: int, alignment: int) -> Run:
        offset = self._plan.placement.offset(name)
        if offset % alignment:
            self.shadow.wrong(f"'{name}' lies at {offset}, no multiple of {alignment}")
        self._highest = max(self._highest, offset + size)
        return Run(self.shadow.add(name, None), 0, size, offset)

    def _count(self, done: ReplayedStage, *, rows: bool) -> None:
        """Adds up what a stage did; its rows only in one of the strips that make parts of them."""
        width = self._graph.tensors[done.out.value].hwc[1]
        if rows:
            self.rows_made[self._written_as[done.out.value]] += done.rows_made
        if done.node is not None:
            types = self._graph.input_types(done.node)
            macs = done.node.op.macs(types, self._graph.tensors[done.node.output])
            begin, end = done.strip or (0, width)
            self.macs += macs * done.rows_made * (end - begin) // (done.height * width)

    def _check_survivors(self, number: int) -> None:
        """What the plan reports to be live must lie there whole if earlier steps made it."""
        given = (*(() if self._schedule.streamed else self._inputs), *self._states)
        for value, (start, end) in self._schedule.lives.items():
            if start < number < end or (start <= number < end and value in given):
                self.shadow.read(self._whole(value), "said to be live before the step")

    def _check_life(self, value: str, number: int) -> None:
        start, end = self._schedule.lives[value]
        if not start <= number < end:
            self.shadow.wrong(f"'{value}' is used but said to live in steps {start} to {end - 1}")

    def _check_dead(self, number: int, how: str) -> None:
        for byte in self.shadow.touched_in(dead_ranges(self._plan, number)):
            self.shadow.wrong(f"byte {byte} is {how} but said to be dead")

    def _check_nodes(self) -> None:
        """Each node must run in one step, by the stages that a segment names."""
        runs = Counter(node.name for step in self._schedule.steps for node in step.nodes)
        runs.update({node.name: 0 for node in self._graph.nodes})
        for name, times in runs.items():
            if times != 1:
                self.shadow.wrong(f"node '{name}' runs in {times} steps", in_step=False)
        for step in self._schedule.steps:
            if isinstance(step, Segment):
                named = [stage.node.name for stage in step.stages if stage.node is not None]
                executed = [node.name for node in step.nodes if not _is_reshape(node)]
                if named != executed:
                    self.shadow.wrong(
                        f"the stages of '{step.name}' are not its nodes", in_step=False
                    )

    def _check_alignment(self) -> None:
        for buffer in self._schedule.problem.buffers:
            offset = self._plan.placement.offset(buffer.name)
            if offset % buffer.alignment:
                self.shadow.wrong(
                    f"'{buffer.name}' lies at {offset}, no multiple of {buffer.alignment}",
                    in_step=False,
                )

    def _check_totals(self) -> None:
        for value, made in self.rows_made.items():
            rows = self._graph.tensors[value].hwc[0]
            if made > rows:
                self.shadow.wrong(f"{made} rows of '{value}' are made of {rows}", in_step=False)
        if self._highest != self._plan.arena_bytes:
            self.shadow.wrong(
                f"the arena has {self._plan.arena_bytes} bytes, the steps use {self._highest}",
                in_step=False,
            )


def _written_as(graph: Int8Graph) -> Mapping[str, str]:
    """For each value the value that is written where it lies: itself, or what it reshapes."""
    found = {name: name for name in graph.source_tensors}
    for node in graph.nodes:
        found[node.output] = found[node.inputs[0]] if _is_reshape(node) else node.output
    return found


def _made_columns(step: Segment, content: str, strip: int | None) -> tuple[int, int] | None:
    """The columns of a content that a strip makes; None where there are no strips."""
    return None if step.strips is None or strip is None else step.strips.columns[content][strip]


def _held_columns(
    step: Segment, content: str, strip: int | None
) -> tuple[tuple[int, int], int] | None:
    """The columns that lie in a row during a strip, and the pixels from such a row to the next.

    None where whole rows are held.
    """
    made = _made_columns(step, content, strip)
    if made is None or step.strips is None or content in step.strips.whole:
        return None
    return None if content in step.panels else (made, step.strips.widest(content))


def _is_reshape(node: Int8Node) -> bool:
    return node.op.aliasing is Aliasing.SAME_BYTES


def _row_bytes(graph: Int8Graph, value: str) -> int:
    _, pixels, channels = graph.tensors[value].hwc
    return pixels * channels
