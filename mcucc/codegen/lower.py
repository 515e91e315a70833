"""From a memory plan to the program that the templates print."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mcucc.codegen.arena_refs import TensorRef, WindowRows
from mcucc.codegen.layer_code import ExecutedNode, execute
from mcucc.codegen.literals import c_comment, unique_idents
from mcucc.codegen.lower_segment import SegmentLowering, first_row, scratch_of
from mcucc.codegen.ports import elements_of, ports, shifted_first, shifted_last
from mcucc.codegen.program import Io, LayerDef, Program, Provenance, StepDef
from mcucc.codegen.stack import stack_bound
from mcucc.codegen.states import state_arrays, state_defs
from mcucc.codegen.step_titles import stage_title
from mcucc.kernels import Kernel, Shape
from mcucc.kernels.literals import int_rows
from mcucc.kernels.use import ArrayDef
from mcucc.memory import draw, glyphs
from mcucc.ops import Int8Graph, Int8Node
from mcucc.ops.conv import Conv2D, DepthwiseConv2D
from mcucc.ops.verify import node_macs, total_macs
from mcucc.schedule import Layer as PlannedLayer
from mcucc.schedule import MemoryPlan, Segment, Step
from mcucc.targets.core import Core

_MAP_WIDTH = 96


def lower(
    plan: MemoryPlan, provenance: Provenance, io: Io = "int8", core: Core | None = None
) -> Program:
    """Translate a plan; every choice was made before.

    Args:
        plan: steps and places.
        provenance: where the network comes from.
        io: what the C interface takes and gives.
        core: that it is made for, which says how much stack it may take; None for a computer.
    """
    return _Lowering(plan, provenance, io).program(core)


@dataclass(frozen=True)
class _Names:
    """Identifiers of tensors and layers, and the arrays of padding."""

    tensors: Mapping[str, TensorRef]
    layers: Mapping[str, str]
    pads: Mapping[int, ArrayDef]


class _Lowering:
    """One translation; holds what all its parts look up."""

    def __init__(self, plan: MemoryPlan, provenance: Provenance, io: Io) -> None:
        self._plan = plan
        self._graph = plan.schedule.graph
        self._provenance = provenance
        self._io: Io = io
        self._kernels = _kernels(plan.schedule.steps)
        idents = unique_idents(list(self._kernels))
        self._names = _Names(_tensor_refs(plan), idents, _pad_arrays(self._graph))
        pads = {node.name: self._pad_name(node) for node in self._graph.nodes}
        self._executed = execute(self._graph, self._kernels, idents, pads)
        self._segments = SegmentLowering(plan, self._names.tensors, self._executed)

    def program(self, core: Core | None) -> Program:
        """The whole program."""
        plan, graph = self._plan, self._graph
        arrays = [array for each in self._executed.values() for array in each.arrays]
        refs, keep_input = self._names.tensors, plan.schedule.keep_input
        kernels = {kernel for kernel in self._kernels.values() if kernel is not None}
        steps = tuple(self._step(i, step) for i, step in enumerate(plan.schedule.steps))
        inputs, outputs = elements_of(self._io)
        return Program(
            name=graph.name,
            provenance=self._provenance,
            io=self._io,
            element=inputs,
            output_element=outputs,
            keep_input=keep_input,
            arena_bytes=plan.arena_bytes,
            arena_align=plan.alignment,
            inputs=ports(graph, graph.inputs, refs, inputs),
            outputs=ports(graph, graph.outputs, refs, outputs),
            tensors=tuple(refs.values()),
            steps=steps,
            kernels=tuple(sorted(kernels, key=lambda kernel: kernel.name)),
            arrays=(*self._names.pads.values(), *state_arrays(graph, refs), *arrays),
            arrays_of={
                name: tuple(each.use.array_name(array) for array in each.arrays)
                for name, each in self._executed.items()
            },
            memory_map=_memory_map(plan),
            macs=total_macs(graph),
            shifted_first=() if plan.schedule.streamed else shifted_first(graph, refs, self._io),
            shifted_last=shifted_last(graph, refs, self._io, keep_input=keep_input),
            streamed=plan.schedule.streamed,
            elsewhere=plan.schedule.elsewhere,
            stack_bytes=stack_bound(steps, self._io, core),
            states=state_defs(graph, refs),
            state_bytes=plan.schedule.state_bytes,
        )

    def _pad_name(self, node: Int8Node) -> str:
        """The array of padding that a node's windows may fall on, NULL if they never do."""
        if not isinstance(node.op, Conv2D | DepthwiseConv2D) or not any(node.op.pads):
            return "NULL"
        array = self._names.pads[self._graph.type_of(node.inputs[0]).q.zero_point]
        return f"{self._graph.name}_{array.name}"

    def _step(self, index: int, step: Step) -> StepDef:
        if isinstance(step, Segment):
            return self._segments.lower(index, step)
        return self._layer_step(index, step)

    def _layer_step(self, index: int, step: PlannedLayer) -> LayerDef:
        node = step.node
        executed = self._executed.get(node.name)
        function = f"step_{self._names.layers[node.name]}"
        inputs = tuple(self._names.tensors[name] for name in self._graph.variable_inputs(node))
        output = self._names.tensors[node.output]
        return LayerDef(
            index=index,
            node=node.name,
            function=function,
            title=stage_title(self._graph, node, inputs, output),
            origin=", ".join(node.origin) or "mcucc",
            macs=node_macs(self._graph, node),
            kernel=step.kernel,
            spec=None if executed is None else executed.code.spec,
            inputs=inputs,
            operands=() if executed is None else self._operands(executed),
            output=output,
            window=None if executed is None else self._window(executed),
            scratch=scratch_of(self._plan, step, function),
        )

    def _operands(self, executed: ExecutedNode) -> tuple[str, ...]:
        """Where each operand lies: in the arena, or in an array of its own if it is constant."""
        constants = executed.constants
        return tuple(
            executed.use.array_name(constants[name])
            if name in constants
            else f"&arena[{self._names.tensors[name].at}]"
            for name in executed.node.inputs
            if name in constants or name in self._names.tensors
        )

    def _window(self, executed: ExecutedNode) -> WindowRows | None:
        if executed.kernel.shape is not Shape.WINDOW:
            return None
        window = executed.node.op.window(self._graph.input_types(executed.node))
        if window is None:
            return None
        axis, pad = window.rows, executed.use.row_of_pad
        return WindowRows(axis.taps, first_row(axis), axis.dilation, pad)


def _kernels(steps: Sequence[Step]) -> Mapping[str, Kernel | None]:
    """The kernel of every node, by its name, in the order of execution."""
    found: dict[str, Kernel | None] = {}
    for step in steps:
        found |= {node.name: None for node in step.nodes}
        if isinstance(step, Segment):
            stages = ((stage.node, stage.kernel) for stage in step.stages)
            found |= {node.name: kernel for node, kernel in stages if node is not None}
        else:
            found[step.node.name] = step.kernel
    return found


def _tensor_refs(plan: MemoryPlan) -> Mapping[str, TensorRef]:
    """Every tensor, numbered in the order in which it comes to life."""
    graph = plan.schedule.graph
    order = list(graph.source_tensors)
    order += [node.output for step in plan.schedule.steps for node in step.nodes]
    idents = unique_idents(list(dict.fromkeys(order)))
    refs: dict[str, TensorRef] = {}
    for number, (name, ident) in enumerate(idents.items()):
        h, w, c = graph.tensors[name].hwc
        start, end = plan.schedule.lives[name]
        rows, offset = plan.schedule.rows_held(name), plan.offset(name)
        pixels = plan.schedule.pixels_held(name)
        steps = (start, end - 1)
        columns = plan.schedule.columns_held(name)
        refs[name] = TensorRef(number, name, ident, offset, rows, pixels, h, w, c, steps, columns)
    return refs


def _pad_arrays(graph: Int8Graph) -> Mapping[int, ArrayDef]:
    """One row of zero points per zero point in use, as long as the longest padded row."""
    longest: dict[int, int] = {}
    for node in graph.nodes:
        if isinstance(node.op, Conv2D | DepthwiseConv2D) and any(node.op.pads):
            x = graph.type_of(node.inputs[0])
            _, w, c = x.hwc
            longest[x.q.zero_point] = max(longest.get(x.q.zero_point, 0), w * c)
    return {zero: _pad_array(zero, length) for zero, length in sorted(longest.items())}


def _pad_array(zero_point: int, length: int) -> ArrayDef:
    sign = "m" if zero_point < 0 else ""
    row = np.full(length, zero_point, dtype=np.int64)
    comment = f"padding: a row of the zero point {zero_point}"
    return ArrayDef(f"pad_{sign}{abs(zero_point)}", "int8_t", length, int_rows(row, 16), comment)


def _memory_map(plan: MemoryPlan) -> str:
    """The timeline, and a table that says which buffer each letter is and what it holds."""
    problem, placement = plan.schedule.problem, plan.placement
    names = [step.name for step in plan.schedule.steps]
    tenants: dict[str, list[str]] = {}
    for tensor, home in plan.schedule.home.items():
        tenants.setdefault(home, []).append(tensor)
    lines = [
        draw(problem, placement, names, width=_MAP_WIDTH),
        "",
        "   offset   bytes  steps   holds",
    ]
    for name, glyph in glyphs(problem).items():
        buffer = next(each for each in problem.buffers if each.name == name)
        steps = f"{buffer.start}-{buffer.end - 1}"
        row = f"{glyph} {placement.offset(name):>7} {buffer.size:>7}  {steps:<6}  "
        holds = c_comment(", ".join(tenants.get(name, [name])))
        lines += textwrap.wrap(
            row + holds, _MAP_WIDTH, subsequent_indent=" " * len(row), break_on_hyphens=False
        )
    return "\n".join(lines)
