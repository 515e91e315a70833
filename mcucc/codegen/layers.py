"""The numbers of each layer: its C structure, its constant arrays and its kernel call."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from mcucc.codegen.literals import c_int, int_rows
from mcucc.codegen.program import ArrayDef, LayerSpec
from mcucc.kernels import Family, Kernel
from mcucc.ops import (
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Int8Graph,
    Int8Node,
    Mean,
    Pad,
    Requantize,
    Reshape,
    Softmax,
    clamp_range,
)
from mcucc.ops.base import Activation
from mcucc.reference.fixed_point import Multiplier
from mcucc.reference.parameters import (
    add_parameters,
    conv_multipliers,
    mean_parameters,
    requantize_multiplier,
)
from mcucc.reference.softmax import softmax_table

Field = tuple[str, str]


@dataclass(frozen=True)
class LayerCode:
    """A layer's structure and the arrays that only it uses."""

    spec: LayerSpec
    arrays: tuple[ArrayDef, ...] = ()


@dataclass(frozen=True)
class Layer:
    """What the rules below need to know of a node."""

    graph: Int8Graph
    node: Int8Node
    ident: str
    pad: str

    @property
    def in_hwc(self) -> tuple[int, int, int]:
        """Rows, pixels and channels of the first input."""
        return self.graph.type_of(self.node.inputs[0]).hwc

    @property
    def out_c(self) -> int:
        """Channels of the output."""
        return self.graph.tensors[self.node.output].hwc[2]

    @property
    def prefixed(self) -> str:
        """Its identifier with the network's prefix, as its arrays begin."""
        return f"{self.graph.name}_{self.ident}"


def layer_code(layer: Layer) -> LayerCode | None:
    """The code of a layer, None where nothing is executed."""
    op = layer.node.op
    match op:
        case Conv2D() | DepthwiseConv2D() | FullyConnected():
            return _weighted(layer, op)
        case Add():
            return _add(layer, op.activation)
        case Requantize():
            return _rescale(layer)
        case AveragePool2D():
            return _average_pool(layer, op)
        case Mean():
            return _mean(layer, op)
        case Softmax():
            return _softmax(layer)
        case Pad():
            return _pad(layer, op)
        case Reshape():
            return None
        case _:
            assert_never(op)


def kernel_ctype(family: Family) -> str:
    """The C structure that a kernel of this family reads."""
    return f"mcucc_{_ALGORITHMS[family][0]}_t"


def kernel_body(kernel: Kernel) -> str:
    """The C statement that calls the kernel's algorithm with its constants."""
    function = f"mcucc_{_ALGORITHMS[kernel.family][1]}"
    if kernel.family == Family.DENSE or kernel.shape.name == "TENSOR":
        arguments = ["p", "in", "out"]
    else:
        arguments = ["p", "rows", "x_begin", "x_end", "out", "out_stride"]
    window = kernel.window
    if window is not None:
        arguments += [str(window.kh), str(window.kw), str(window.stride)]
        if kernel.family != Family.AVERAGE_POOL:
            arguments.append(str(window.dilation))
    if kernel.requant is not None:
        arguments.append(f"MCUCC_{kernel.requant.name}")
    return f"{function}({', '.join(arguments)});"


_ALGORITHMS: dict[Family, tuple[str, str]] = {
    Family.CONV: ("conv", "conv"),
    Family.DEPTHWISE: ("depthwise", "depthwise"),
    Family.DEPTHWISE_MULTIPLIED: ("depthwise", "depthwise_multiplied"),
    Family.POINTWISE: ("pointwise", "pointwise"),
    Family.DENSE: ("pointwise", "pointwise_pixel"),
    Family.ADD: ("add", "add"),
    Family.RESCALE: ("rescale", "rescale"),
    Family.AVERAGE_POOL: ("average_pool", "average_pool"),
    Family.MEAN: ("mean", "mean"),
    Family.SOFTMAX: ("softmax", "softmax"),
    Family.PAD: ("pad", "pad"),
}
"""For each family the stem of its structure and of its function."""


def _weighted(layer: Layer, op: Conv2D | DepthwiseConv2D | FullyConnected) -> LayerCode:
    weights, channels = _weight_array(layer), _channel_array(layer)
    arrays = (weights, channels)
    tail: list[Field] = [
        ("output", _output(layer, op.activation)),
        ("weights", f"{layer.graph.name}_{weights.name}"),
        ("channels", f"{layer.graph.name}_{channels.name}"),
    ]
    _, in_w, in_c = layer.in_hwc
    sizes: list[Field] = [("in_c", str(in_c)), ("out_c", str(layer.out_c))]
    pointwise = isinstance(op, Conv2D) and op.is_pointwise(
        layer.graph.const(layer.node.inputs[1]).type
    )
    if isinstance(op, FullyConnected) or pointwise:
        return LayerCode(_spec(layer, "pointwise", [*sizes, *tail]), arrays)
    stem = "conv" if isinstance(op, Conv2D) else "depthwise"
    head: list[Field] = [("in_w", str(in_w)), *sizes, ("pad_left", str(op.pads[2]))]
    return LayerCode(_spec(layer, stem, [*head, *tail, ("pad", layer.pad)]), arrays)


def _weight_array(layer: Layer) -> ArrayDef:
    const = layer.graph.const(layer.node.inputs[1])
    shape = "x".join(str(n) for n in const.type.shape)
    layout = {2: "[out_c][in_c]", 4: "[out_c][kh][kw][in_c]"}[len(const.type.shape)]
    if isinstance(layer.node.op, DepthwiseConv2D):
        layout = "[1][kh][kw][out_c]"
    return ArrayDef(
        f"{layer.ident}_weights",
        "int8_t",
        const.type.size,
        int_rows(const.data.astype(np.int64), 16),
        f"{const.name}: {shape}, {layout}",
    )


def _channel_array(layer: Layer) -> ArrayDef:
    rows = tuple(
        f"{{{c_int(bias)}, {c_int(m.m)}, {-m.shift}}},"
        for bias, m in zip(
            _folded_bias(layer).tolist(), conv_multipliers(layer.graph, layer.node), strict=True
        )
    )
    comment = (
        f"{layer.node.name}: {{bias - zero_point * sum(w), multiplier, right shift}} per channel"
    )
    return ArrayDef(f"{layer.ident}_channels", "mcucc_channel_t", len(rows), rows, comment)


def _folded_bias(layer: Layer) -> NDArray[np.int64]:
    """The bias less the input's zero point times the sum of each channel's weights."""
    weights = layer.graph.const(layer.node.inputs[1]).data.astype(np.int64)
    bias = layer.graph.const(layer.node.inputs[2]).data.astype(np.int64)
    if isinstance(layer.node.op, DepthwiseConv2D):
        sums = weights.reshape(-1, weights.shape[-1]).sum(axis=0)
    else:
        sums = weights.reshape(weights.shape[0], -1).sum(axis=1)
    return bias - layer.graph.type_of(layer.node.inputs[0]).q.zero_point * sums


def _add(layer: Layer, activation: Activation) -> LayerCode:
    p = add_parameters(layer.graph, layer.node)
    addends = ", ".join(
        f"{{{t.q.zero_point}, {m.m}, {-m.shift}}}"
        for t, m in zip(layer.graph.input_types(layer.node), (p.first, p.second), strict=True)
    )
    fields: list[Field] = [
        ("c", str(layer.out_c)),
        ("input", f"{{{addends}}}"),
        ("multiplier", c_int(p.output.m)),
        ("right", str(-p.output.shift)),
        ("output", _output(layer, activation)),
    ]
    constants = dict.fromkeys(n for n in layer.node.inputs if n in layer.graph.consts)
    return LayerCode(_spec(layer, "add", fields), tuple(_operand(layer, c) for c in constants))


def operand_array(ident: str, node: Int8Node, name: str) -> str:
    """Name, without the network's prefix, of the array of a constant activation."""
    return f"{ident}_operand{node.inputs.index(name)}"


def _operand(layer: Layer, name: str) -> ArrayDef:
    const = layer.graph.const(name)
    return ArrayDef(
        operand_array(layer.ident, layer.node, name),
        "int8_t",
        const.type.size,
        int_rows(const.data.astype(np.int64), 16),
        f"{name}: {'x'.join(str(n) for n in const.type.shape)}",
    )


def _rescale(layer: Layer) -> LayerCode:
    multiplier = requantize_multiplier(layer.graph, layer.node)
    fields: list[Field] = [
        ("c", str(layer.out_c)),
        ("in_zero_point", str(layer.graph.type_of(layer.node.inputs[0]).q.zero_point)),
        ("scale", _channel(0, multiplier)),
        ("output", _output(layer, "none")),
    ]
    return LayerCode(_spec(layer, "rescale", fields))


def _average_pool(layer: Layer, op: AveragePool2D) -> LayerCode:
    _, in_w, in_c = layer.in_hwc
    fields: list[Field] = [("in_w", str(in_w)), ("c", str(in_c)), ("pad_left", str(op.pads[2]))]
    return LayerCode(_spec(layer, "average_pool", fields))


def _mean(layer: Layer, op: Mean) -> LayerCode:
    x = layer.graph.type_of(layer.node.inputs[0])
    p = mean_parameters(layer.graph, layer.node)
    outer = int(np.prod(x.shape[: op.axes[0]]))
    fields: list[Field] = [
        ("outer", str(outer)),
        ("count", str(p.count)),
        ("inner", str(x.size // (outer * p.count))),
        ("scale", _channel(-p.count * x.q.zero_point, p.multiplier)),
        ("output", _output(layer, "none")),
    ]
    return LayerCode(_spec(layer, "mean", fields))


def _softmax(layer: Layer) -> LayerCode:
    x = layer.graph.type_of(layer.node.inputs[0])
    table = ArrayDef(
        f"{layer.ident}_exponentials",
        "int32_t",
        256,
        int_rows(softmax_table(x.q.scale), 8),
        f"{layer.node.name}: exp(-i * {x.q.scale:.9g}) in Q0.31",
    )
    fields: list[Field] = [
        ("rows", str(x.size // x.shape[-1])),
        ("n", str(x.shape[-1])),
        ("exponentials", f"{layer.graph.name}_{table.name}"),
    ]
    return LayerCode(_spec(layer, "softmax", fields), (table,))


def _pad(layer: Layer, op: Pad) -> LayerCode:
    _, in_w, in_c = layer.in_hwc
    fields: list[Field] = [
        ("in_w", str(in_w)),
        ("c", str(in_c)),
        ("pad_left", str(op.pads[2])),
        ("zero_point", str(layer.graph.type_of(layer.node.inputs[0]).q.zero_point)),
    ]
    return LayerCode(_spec(layer, "pad", fields))


def _spec(layer: Layer, stem: str, fields: Sequence[Field]) -> LayerSpec:
    return LayerSpec(f"spec_{layer.ident}", f"mcucc_{stem}_t", tuple(fields))


def _output(layer: Layer, activation: Activation) -> str:
    quant = layer.graph.tensors[layer.node.output].q
    low, high = clamp_range(activation, quant)
    return f"{{.zero_point = {quant.zero_point}, .min = {low}, .max = {high}}}"


def _channel(bias: int, multiplier: Multiplier) -> str:
    return (
        f"{{.bias = {c_int(bias)}, .multiplier = {c_int(multiplier.m)}, "
        f".right = {-multiplier.shift}}}"
    )
