"""From a memory plan to the program that the templates print."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mcucc.codegen.layers import Layer, kernel_body, kernel_ctype, layer_code, operand_array
from mcucc.codegen.literals import c_comment, c_float, int_rows, unique_idents
from mcucc.codegen.program import (
    ArrayDef,
    KernelDef,
    PortDef,
    Program,
    Provenance,
    StepDef,
    TensorRef,
    WindowRows,
)
from mcucc.ir import Port, QParams
from mcucc.kernels import Family, Shape
from mcucc.memory import draw, glyphs
from mcucc.ops import Add, Conv2D, DepthwiseConv2D, Int8Graph, Int8Node, Pad
from mcucc.ops.verify import node_macs, total_macs
from mcucc.reference.fixed_point import quantize
from mcucc.schedule import MemoryPlan, Step

ARENA_ALIGN = 4
"""Alignment of the arena and of every tensor in it, bytes."""


def lower(plan: MemoryPlan, provenance: Provenance) -> Program:
    """Translate a plan; every choice was made before."""
    return _Lowering(plan, provenance).program()


@dataclass(frozen=True)
class _Names:
    """Identifiers of tensors and layers, and the arrays of padding."""

    tensors: Mapping[str, TensorRef]
    layers: Mapping[str, str]
    pads: Mapping[int, ArrayDef]


class _Lowering:
    """One translation; holds what all its parts look up."""

    def __init__(self, plan: MemoryPlan, provenance: Provenance) -> None:
        self._plan = plan
        self._graph = plan.schedule.graph
        self._provenance = provenance
        nodes = [step.node.name for step in plan.schedule.steps]
        self._names = _Names(_tensor_refs(plan), unique_idents(nodes), _pad_arrays(self._graph))

    def program(self) -> Program:
        """The whole program."""
        plan, graph = self._plan, self._graph
        codes = {node.name: layer_code(self._layer(node)) for node in graph.nodes}
        arrays = [array for code in codes.values() if code is not None for array in code.arrays]
        kernels = {step.kernel: None for step in plan.schedule.steps if step.kernel is not None}
        return Program(
            name=graph.name,
            provenance=self._provenance,
            arena_bytes=plan.arena_bytes,
            arena_align=ARENA_ALIGN,
            inputs=tuple(self._port(i, port) for i, port in enumerate(graph.inputs)),
            outputs=tuple(self._port(i, port) for i, port in enumerate(graph.outputs)),
            tensors=tuple(self._names.tensors.values()),
            steps=tuple(self._step(i, step) for i, step in enumerate(plan.schedule.steps)),
            kernels=tuple(
                KernelDef(kernel, kernel_ctype(kernel.family), kernel_body(kernel))
                for kernel in sorted(kernels, key=lambda k: k.name)
            ),
            arrays=(*self._names.pads.values(), *arrays),
            memory_map=_memory_map(plan),
            macs=total_macs(graph),
        )

    def _layer(self, node: Int8Node) -> Layer:
        return Layer(self._graph, node, self._names.layers[node.name], self._pad_name(node))

    def _pad_name(self, node: Int8Node) -> str:
        """The array of padding that a node's windows may fall on, NULL if they never do."""
        if not isinstance(node.op, Conv2D | DepthwiseConv2D) or not any(node.op.pads):
            return "NULL"
        array = self._names.pads[self._graph.type_of(node.inputs[0]).q.zero_point]
        return f"{self._graph.name}_{array.name}"

    def _step(self, index: int, step: Step) -> StepDef:
        node = step.node
        code = layer_code(self._layer(node))
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
            operands=self._operands(node),
            output=output,
            window=self._window(step),
        )

    def _operands(self, node: Int8Node) -> tuple[str, ...]:
        """Where the activations that a node reads lie: in the arena, or in a constant array."""
        graph, ident = self._graph, self._names.layers[node.name]
        return tuple(
            f"{graph.name}_{operand_array(ident, node, name)}"
            if name in graph.consts
            else f"&arena[{self._names.tensors[name].at}]"
            for name in (node.inputs if isinstance(node.op, Add) else node.inputs[:1])
        )

    def _window(self, step: Step) -> WindowRows | None:
        if step.kernel is None or step.kernel.shape != Shape.WINDOW:
            return None
        window = step.node.op.window(self._graph.input_types(step.node))
        if window is None:
            return None
        takes_null = step.kernel.family in (Family.AVERAGE_POOL, Family.PAD)
        pad = "NULL" if takes_null else self._pad_name(step.node)
        return WindowRows(window.taps, window.stride, window.dilation, window.pad_top, pad)

    def _port(self, index: int, port: Port) -> PortDef:
        quant = self._graph.tensors[port.tensor].q
        return PortDef(
            index,
            port.name,
            self._names.tensors[port.tensor],
            c_float(quant.scale),
            quant.zero_point,
            _image_unit(quant),
        )


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
        at = f"AT_{ident.removesuffix('_quantized').upper()}"
        refs[name] = TensorRef(number, name, at, plan.offset(name), h, w, c, (start, end - 1))
    return refs if len({r.at for r in refs.values()}) == len(refs) else _unshortened(refs, idents)


def _unshortened(
    refs: Mapping[str, TensorRef], idents: Mapping[str, str]
) -> Mapping[str, TensorRef]:
    """The same with whole names, for graphs in which short ones would collide."""
    return {name: replace(r, at=f"AT_{idents[name].upper()}") for name, r in refs.items()}


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
    lines = [draw(problem, placement, names, width=96), "", "   offset   bytes  steps   holds"]
    for name, glyph in glyphs(problem).items():
        buffer = next(each for each in problem.buffers if each.name == name)
        steps = f"{buffer.start}-{buffer.end - 1}"
        holds = c_comment(", ".join(tenants.get(name, [name])))
        lines.append(f"{glyph} {placement.offset(name):>7} {buffer.size:>7}  {steps:<6}  {holds}")
    return "\n".join(lines)


def _title(
    graph: Int8Graph, node: Int8Node, inputs: tuple[TensorRef, ...], output: TensorRef
) -> str:
    """What a step computes: name, operator, sizes."""
    op = node.op
    what = type(op).__name__
    if isinstance(op, Conv2D | DepthwiseConv2D):
        shape = graph.type_of(node.inputs[1]).shape
        kind = "convolution" if isinstance(op, Conv2D) else "depthwise convolution"
        what = f"{shape[1]}x{shape[2]}/{op.stride[0]} {kind}"
    elif isinstance(op, Pad):
        what = "padding"
    sizes = " + ".join(tensor.size_text for tensor in inputs)
    return f"{node.name}: {what}, {sizes} -> {output.size_text}"


def _image_unit(quant: QParams) -> str:
    """What a uint8 pixel u stands for if q = u - 128 quantises it exactly, else empty."""
    u = np.arange(256, dtype=np.float32)
    for unit, real in (
        ("u", u),
        ("u / 255", u / 255),
        ("u / 128 - 1", u / np.float32(128) - 1),
    ):
        if np.array_equal(quantize(real, quant).astype(np.int64), np.arange(256) - 128):
            return f"the real value {unit}"
    return ""
