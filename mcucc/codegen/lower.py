"""From a memory plan to the program that the templates print."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mcucc.codegen.algorithms import LEAVES_PADDING_OUT, kernel_body, kernel_ctype
from mcucc.codegen.elementwise import constant_operands
from mcucc.codegen.layer import Layer
from mcucc.codegen.layers import layer_code
from mcucc.codegen.literals import c_comment, int_rows, unique_idents
from mcucc.codegen.ports import element_of, ports, shifted_first, shifted_last
from mcucc.codegen.program import (
    ArrayDef,
    Io,
    KernelDef,
    Program,
    Provenance,
    StepDef,
    TensorRef,
    WindowRows,
)
from mcucc.kernels import Kernel, Shape
from mcucc.memory import draw, glyphs
from mcucc.ops import Conv2D, DepthwiseConv2D, Int8Graph, Int8Node, Pad, ResizeNearest
from mcucc.ops.verify import node_macs, total_macs
from mcucc.schedule import MemoryPlan, Step

ARENA_ALIGN = 4
"""Alignment of the arena and of every tensor in it, bytes."""

_MAP_WIDTH = 96


def lower(plan: MemoryPlan, provenance: Provenance, io: Io = "int8") -> Program:
    """Translate a plan; every choice was made before.

    Args:
        plan: steps and places.
        provenance: where the network comes from.
        io: what the C interface takes and gives.
    """
    return _Lowering(plan, provenance, io).program()


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
        self._kernels = {step.node.name: step.kernel for step in plan.schedule.steps}
        idents = unique_idents(list(self._kernels))
        self._names = _Names(_tensor_refs(plan), idents, _pad_arrays(self._graph))

    def program(self) -> Program:
        """The whole program."""
        plan, graph = self._plan, self._graph
        layers = [self._layer(node) for node in graph.nodes]
        arrays = [array for layer in layers for array in _arrays(layer)]
        refs, keep_input = self._names.tensors, plan.schedule.keep_input
        kernels = {kernel: None for kernel in self._kernels.values() if kernel is not None}
        return Program(
            name=graph.name,
            provenance=self._provenance,
            io=self._io,
            element=element_of(self._io),
            keep_input=keep_input,
            arena_bytes=plan.arena_bytes,
            arena_align=ARENA_ALIGN,
            inputs=ports(graph, graph.inputs, refs, self._io),
            outputs=ports(graph, graph.outputs, refs, self._io),
            tensors=tuple(refs.values()),
            steps=tuple(self._step(i, step) for i, step in enumerate(plan.schedule.steps)),
            kernels=tuple(
                KernelDef(kernel, kernel_ctype(kernel.family), kernel_body(kernel))
                for kernel in sorted(kernels, key=lambda k: k.name)
            ),
            arrays=(*self._names.pads.values(), *arrays),
            memory_map=_memory_map(plan),
            macs=total_macs(graph),
            shifted_first=shifted_first(graph, refs, self._io),
            shifted_last=shifted_last(graph, refs, self._io, keep_input=keep_input),
        )

    def _layer(self, node: Int8Node) -> Layer:
        ident, kernel = self._names.layers[node.name], self._kernels[node.name]
        return Layer(self._graph, node, kernel, ident, self._pad_name(node))

    def _pad_name(self, node: Int8Node) -> str:
        """The array of padding that a node's windows may fall on, NULL if they never do."""
        if not isinstance(node.op, Conv2D | DepthwiseConv2D) or not any(node.op.pads):
            return "NULL"
        array = self._names.pads[self._graph.type_of(node.inputs[0]).q.zero_point]
        return f"{self._graph.name}_{array.name}"

    def _step(self, index: int, step: Step) -> StepDef:
        node = step.node
        layer = self._layer(node)
        code = layer_code(layer)
        inputs = tuple(self._names.tensors[name] for name in self._graph.variable_inputs(node))
        output = self._names.tensors[node.output]
        return StepDef(
            index=index,
            function=f"step_{self._names.layers[node.name]}",
            title=_title(self._graph, node, inputs, output),
            origin=", ".join(node.origin) or "mcucc",
            macs=node_macs(self._graph, node),
            kernel=step.kernel,
            spec=None if code is None else code.spec,
            inputs=inputs,
            operands=self._operands(layer),
            output=output,
            window=self._window(step.node, step.kernel),
        )

    def _operands(self, layer: Layer) -> tuple[str, ...]:
        """Where each operand lies: in the arena, or in an array of its own if it is constant."""
        constants = constant_operands(layer)
        return tuple(
            layer.array_name(constants[name])
            if name in constants
            else f"&arena[{self._names.tensors[name].at}]"
            for name in layer.node.inputs
            if name in constants or name in self._names.tensors
        )

    def _window(self, node: Int8Node, kernel: Kernel | None) -> WindowRows | None:
        if kernel is None or kernel.shape is not Shape.WINDOW:
            return None
        if isinstance(node.op, ResizeNearest):
            return WindowRows(1, 1, 1, 0, "NULL", repeat=node.op.factor[0])
        window = node.op.window(self._graph.input_types(node))
        if window is None:
            return None
        pad = "NULL" if kernel.family in LEAVES_PADDING_OUT else self._pad_name(node)
        return WindowRows(window.taps, window.stride, window.dilation, window.pad_top, pad)


def _arrays(layer: Layer) -> tuple[ArrayDef, ...]:
    """All constants of a layer."""
    code = layer_code(layer)
    own = () if code is None else code.arrays
    return (*own, *constant_operands(layer).values())


def _tensor_refs(plan: MemoryPlan) -> Mapping[str, TensorRef]:
    """Every tensor, numbered in the order in which it comes to life."""
    graph = plan.schedule.graph
    order = [port.tensor for port in graph.inputs]
    order += [step.node.output for step in plan.schedule.steps]
    idents = unique_idents(list(dict.fromkeys(order)))
    refs: dict[str, TensorRef] = {}
    for number, (name, ident) in enumerate(idents.items()):
        h, w, c = graph.tensors[name].hwc
        start, end = plan.schedule.lives[name]
        at, offset = f"AT_{ident.upper()}", plan.offset(name)
        refs[name] = TensorRef(number, name, at, offset, h, w, c, (start, end - 1))
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
    names = [step.node.name for step in plan.schedule.steps]
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


def _title(
    graph: Int8Graph, node: Int8Node, inputs: tuple[TensorRef, ...], output: TensorRef
) -> str:
    """What a step computes: name, operator, sizes."""
    op = node.op
    what = type(op).__name__
    if isinstance(op, Conv2D | DepthwiseConv2D):
        what = _convolution(graph, node, op)
    elif isinstance(op, Pad):
        what = "padding"
    sizes = " + ".join(tensor.size_text for tensor in inputs)
    return f"{node.name}: {what}, {sizes} -> {output.size_text}"


def _convolution(graph: Int8Graph, node: Int8Node, op: Conv2D | DepthwiseConv2D) -> str:
    """Which kind of convolution it is, with its window."""
    x, weights = graph.input_types(node)[:2]
    window = f"{weights.shape[1]}x{weights.shape[2]}/{op.stride[0]}"
    if isinstance(op, DepthwiseConv2D):
        return f"{window} depthwise convolution"
    groups = x.shape[3] // weights.shape[3]
    return f"{window} convolution" if groups == 1 else f"{window} convolution in {groups} groups"
