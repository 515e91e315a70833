"""From a planned segment to what the templates print."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mcucc.codegen.arena_refs import TensorRef, Workspace
from mcucc.codegen.layer_code import ExecutedNode
from mcucc.codegen.segment import PanelDef, PullDef, RingDef, SegmentDef, StageDef
from mcucc.codegen.step_titles import stage_title
from mcucc.codegen.strip_tables import StripTable, strip_table
from mcucc.errors import InvariantError
from mcucc.kernels import Shape
from mcucc.ops import Aliasing, Axis, Window
from mcucc.ops.verify import node_macs
from mcucc.schedule import MemoryPlan, Segment, Stage, Step


class SegmentLowering:
    """Prints one segment.

    Args:
        plan: the network's.
        tensors: every tensor by name.
        executed: what the code of each node is made of, by its name.
    """

    def __init__(
        self,
        plan: MemoryPlan,
        tensors: Mapping[str, TensorRef],
        executed: Mapping[str, ExecutedNode],
    ) -> None:
        self.plan = plan
        self.graph = plan.schedule.graph
        self.tensors = tensors
        self.executed = executed

    def lower(self, index: int, segment: Segment) -> SegmentDef:
        """The segment that is step `index`."""
        rings = {
            stage.content: RingDef(
                self.tensors[stage.content].ident,
                self.tensors[stage.content],
                segment.rows[stage.content],
                self.plan.schedule.columns_held(stage.content),
            )
            for stage in segment.stages
        }
        turns = [stage for stage in segment.stages if stage.content not in segment.panels]
        stages = tuple(_StageLowering(self, segment, rings, s).lower() for s in turns)
        by_rows = {tensor for s in stages for tensor in s.traced}
        by_rows |= {tensor for s in stages for panel in s.panels for tensor in panel.traced}
        reshaped = [self.tensors[node.output] for node in segment.nodes]
        reshaped = [tensor for tensor in reshaped if tensor not in by_rows]
        by_tensor = {each.ring.tensor.name: each for each in stages}
        return SegmentDef(
            index=index,
            title=_title(segment),
            counters=Workspace(
                f"COUNTERS_SEG{index}",
                self.plan.counters_offset(segment),
                segment.counter_bytes,
                "how many rows of each tensor are made",
            ),
            stages=stages,
            sinks=tuple(by_tensor[name] for name in segment.sinks),
            reshaped_first=tuple(t for t in reshaped if self.home(t.name) not in rings),
            reshaped_last=tuple(t for t in reshaped if self.home(t.name) in rings),
            scratch=scratch_of(self.plan, segment, f"seg{index}"),
            strips=1 if segment.strips is None else segment.strips.count,
        )

    def home(self, value: str) -> str:
        """The content that holds a value."""
        return self.plan.schedule.home[value]


class _StageLowering:
    """Prints a stage with the stages that run within its turns."""

    def __init__(
        self, whole: SegmentLowering, segment: Segment, rings: Mapping[str, RingDef], stage: Stage
    ) -> None:
        self._whole = whole
        self._graph = whole.graph
        self._segment = segment
        self._rings = rings
        self._stage = stage
        self._makers = {
            each.content: each for each in segment.stages if each.content in segment.panels
        }

    def lower(self) -> StageDef:
        """The stage."""
        stage, ring = self._stage, self._rings[self._stage.content]
        if stage.node is None:
            title = f"{ring.tensor.name}: the caller's image, {ring.tensor.size_text}"
            traced = self._traced(stage)
            return StageDef(
                *("", title, "", 0, None, None, ring, stage.turns, (), (), None, traced),
                strips=self._strips(stage),
            )
        executed = self._whole.executed[stage.node.name]
        panels = self._panels(stage)
        return StageDef(
            node=stage.node.name,
            title=self._title(stage),
            origin=_origin(stage),
            macs=node_macs(self._graph, stage.node),
            kernel=stage.kernel,
            spec=executed.code.spec,
            ring=ring,
            turns=stage.turns,
            pulls=tuple(self._pulls(stage)),
            rows=self._heads(stage) if panels else self._rows(stage, "rows"),
            sums=self._sums(stage, ring),
            traced=self._traced(stage),
            pointers=sum(self._pointers(each) for each in (stage, *self._within(stage))),
            panels=panels,
            run=max(self._segment.panels.values()) if panels else 0,
            operands=self._run_operands(stage) if panels else (),
            strips=self._strips(stage),
        )

    def _strips(self, stage: Stage) -> StripTable | None:
        if self._segment.strips is None:
            return None
        ident = self._whole.tensors[stage.content].ident
        window = stage.kernel is not None and stage.kernel.shape is Shape.WINDOW
        return strip_table(stage, self._segment.strips, ident, window=window)

    def _pointers(self, stage: Stage) -> int:
        """To the rows under its window, or to the row of each operand."""
        assert stage.node is not None
        if stage.kernel is not None and stage.kernel.shape is Shape.WINDOW:
            return stage.reads[0].window.rows.taps
        return len(stage.node.inputs)

    def _sums(self, stage: Stage, ring: RingDef) -> Workspace | None:
        assert stage.node is not None
        offset = self._whole.plan.sums_offset(stage.node)
        if offset is None:
            return None
        return Workspace(f"SUMS_{ring.ident.upper()}", offset, stage.sum_bytes, "sums of columns")

    def _title(self, stage: Stage) -> str:
        assert stage.node is not None
        names = self._graph.variable_inputs(stage.node)
        inputs = tuple(self._whole.tensors[name] for name in names)
        return stage_title(self._graph, stage.node, inputs, self._whole.tensors[stage.value])

    def _traced(self, stage: Stage) -> tuple[TensorRef, ...]:
        """What the stage makes, and its reshapes within the segment."""
        alike = {stage.value}
        for node in self._segment.nodes:
            if node.op.aliasing is Aliasing.SAME_BYTES and node.inputs[0] in alike:
                alike.add(node.output)
        made = (self._whole.tensors[n.output] for n in self._segment.nodes if n.output in alike)
        return tuple(tensor for tensor in made if tensor.h == stage.shape[0])

    def _within(self, stage: Stage) -> Iterator[Stage]:
        """The stages that run within the turns of one, in order."""
        for read in stage.reads:
            if read.content in self._makers:
                yield from self._within(self._makers[read.content])
                yield self._makers[read.content]

    def _pulls(self, stage: Stage) -> Iterator[PullDef]:
        """Rows that must have been made before a turn, input by input."""
        for read in stage.reads:
            if read.content in self._makers:
                yield from self._pulls(self._makers[read.content])
            elif read.content in self._rings:
                needed = _needed(read.window.rows, read.turns, read.shape[0])
                yield PullDef(self._rings[read.content], needed)

    def _heads(self, stage: Stage) -> tuple[str, ...]:
        """C that finds the rows of those stages within a turn that read no panel."""
        return tuple(
            line
            for each in self._within(stage)
            if not self._reads_panel(each)
            for line in self._rows(each, self._rows_name(each))
        )

    def _reads_panel(self, stage: Stage) -> bool:
        return any(read.content in self._makers for read in stage.reads)

    def _rows_name(self, stage: Stage) -> str:
        return f"rows_{self._whole.tensors[stage.value].ident}"

    def _panels(self, stage: Stage) -> tuple[PanelDef, ...]:
        found: list[PanelDef] = []
        for each in self._within(stage):
            assert each.node is not None
            assert each.kernel is not None
            code = self._whole.executed[each.node.name].code
            found.append(
                PanelDef(
                    node=each.node.name,
                    title=self._title(each),
                    origin=_origin(each),
                    macs=node_macs(self._graph, each.node),
                    kernel=each.kernel,
                    spec=code.spec,
                    tensor=self._whole.tensors[each.value],
                    operands=self._run_operands(each) if self._reads_panel(each) else (),
                    rows=self._rows_name(each),
                    traced=self._traced(each),
                    strips=self._strips(each),
                )
            )
        return tuple(found)

    def _rows(self, stage: Stage, name: str) -> tuple[str, ...]:
        """C that finds the rows under the window of turn y, or the row of each operand."""
        assert stage.node is not None
        executed = self._whole.executed[stage.node.name]
        if executed.kernel.shape is Shape.WINDOW:
            return self._window_rows(executed, stage, name)
        operands = [text for text, _ in self._operands(executed)]
        if executed.kernel.shape is Shape.REDUCTION:
            return (f"const int8_t *const row = {operands[0]};",)
        return (f"const int8_t *const {name}[{len(operands)}] = {{{', '.join(operands)}}};",)

    def _window_rows(self, executed: ExecutedNode, stage: Stage, name: str) -> tuple[str, ...]:
        read = stage.reads[0]
        axis, pad = read.window.rows, executed.use.row_of_pad
        declaration = f"const int8_t *{name}[{axis.taps}];"
        window = f"{first_row(axis)}, {axis.dilation}, {pad}"
        ring = self._rings.get(read.content)
        if ring is not None:
            state = f"&{ring.name}, &s->{ring.ident}, arena"
            return (declaration, f"mcucc_ring_window({state}, {name}, {axis.taps}, {window});")
        source = self._whole.tensors[read.value]
        place = f"&arena[{source.at}], {source.row_bytes}, {source.h}"
        return (declaration, f"mcucc_window({name}, {axis.taps}, {place}, {window});")

    def _run_operands(self, stage: Stage) -> tuple[str, ...]:
        """The first pixel of each input of a run that begins at pixel x."""
        assert stage.node is not None
        operands = self._operands(self._whole.executed[stage.node.name])
        return tuple(f"&{text}[x * {step}]" if step else text for text, step in operands)

    def _operands(self, executed: ExecutedNode) -> tuple[tuple[str, int], ...]:
        """C expression of the first pixel of turn y of each input, and bytes to the next pixel.

        Panels and gates are the same wherever a run begins: their step is 0.
        """
        node, constants = executed.node, executed.constants
        types = self._graph.input_types(node)
        found: list[tuple[str, int]] = []
        for operand, name in enumerate(node.inputs):
            if name not in constants and name in self._graph.consts:
                continue  # a table or weights
            rows = self._rows_of_a_turn(executed, operand)
            height, width, channels = types[operand].hwc
            step = 0 if rows.stride == 0 else channels
            row = f"({first_row(rows)})" if rows.pad else first_row(rows)
            if name in constants:
                array = executed.use.array_name(constants[name])
                text = f"(&{array}[{row} * {width * channels}])"
            else:
                text, step = self._variable(name, row, step)
            if step and self._segment.strips is not None:
                text = self._ahead(
                    text, self._whole.home(name) if name not in constants else name, step
                )
            if rows.stride and height < self._graph.tensors[node.output].hwc[0]:
                first = rows.pad  # other rows are not of this input
                text = f"((y >= {first} && y < {first + height}) ? {text} : NULL)"
            found.append((text, step))
        return tuple(found)

    def _ahead(self, text: str, content: str, step: int) -> str:
        """The first pixel of a strip in a row that may hold columns before it."""
        strips = self._segment.strips
        assert strips is not None
        own = strips.columns[self._stage.content]
        held = [strips.held(content, 0, i)[0] for i in range(strips.count)]
        if all(mine[0] == begin for mine, begin in zip(own, held, strict=True)):
            return text
        if not any(held):
            return f"(&{text}[at->begin * {step}])"
        other = f"strips_{self._whole.tensors[content].ident}[strip].begin"
        return f"(&{text}[(at->begin - {other}) * {step}])"

    def _rows_of_a_turn(self, executed: ExecutedNode, operand: int) -> Axis:
        """Which rows of an input a turn reads; what adds rows up takes them one by one."""
        if executed.kernel.shape is Shape.REDUCTION:
            return Axis()
        node = executed.node
        return (node.op.window(self._graph.input_types(node), operand) or Window()).rows

    def _variable(self, name: str, row: str, step: int) -> tuple[str, int]:
        content, tensor = self._whole.home(name), self._whole.tensors[name]
        if content in self._makers:
            return f"&arena[{self._whole.tensors[content].at}]", 0
        if content in self._rings:
            ring = self._rings[content]
            return f"mcucc_ring_row(&{ring.name}, &s->{ring.ident}, arena, {row})", step
        return f"(&arena[{tensor.at} + ({row} * {tensor.row_bytes})])", step


def scratch_of(plan: MemoryPlan, step: Step, function: str) -> Workspace | None:
    """What a step's kernels work in, None if they need nothing; `function` is the step's in C."""
    offset = plan.scratch_offset(step)
    if offset is None:
        return None
    size = plan.scratch_bytes(step)
    return Workspace(f"SCRATCH_{function.upper()}", offset, size, "what a kernel works in")


def _origin(stage: Stage) -> str:
    return ", ".join(() if stage.node is None else stage.node.origin) or "mcucc"


def first_row(axis: Axis) -> str:
    """C expression of the first input row under the window of output row y.

    >>> first_row(Axis(3, 2, 1, 1)), first_row(Axis(repeat=2)), first_row(Axis(pad=-2))
    ('(y * 2) - 1', 'y / 2', 'y + 2')
    >>> first_row(Axis(2, 512, 1, 1, repeat=1024, phase=768))
    '(((y * 512) + 768) / 1024) - 1'
    """
    if axis.stride == 0:
        return "0"
    row = "y" if axis.stride == 1 else f"(y * {axis.stride})"
    if axis.phase:
        row = f"({row} + {axis.phase})"
    if axis.repeat != 1:
        row = f"{row} / {axis.repeat}"
    if axis.phase:
        row = f"({row})"
    row = _shifted(row, -axis.pad)
    if axis.mirror is None:
        return row
    return f"mcucc_mirrored({row}, {axis.mirror.size}, {axis.mirror.step}, {axis.mirror.back})"


def _needed(axis: Axis, turns: int, height: int) -> str:
    """C expression of how many input rows must have been made before turn y."""
    if axis.stride == 0:
        return "1"
    if axis.mirror is not None:
        return f"{first_row(axis)} + 1"
    span = (axis.taps - 1) * axis.dilation + 1 - axis.pad
    row = first_row(replace(axis, pad=0))
    rows = _shifted(row, span)
    return rows if axis.end(turns - 1) <= height else f"mcucc_min({rows}, {height})"


def _shifted(row: str, by: int) -> str:
    return row if not by else f"{row} {'+' if by > 0 else '-'} {abs(by)}"


def _title(segment: Segment) -> str:
    if len(segment.stages) == 1:
        return f"{segment.stages[0].name} row by row"
    first, last = segment.stages[0].name, segment.stages[-1].name
    if not first or not last:
        raise InvariantError("a stage has no name")
    return f"{first} to {last} row by row, {len(segment.stages)} stages"
