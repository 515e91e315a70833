"""The int8 graph as the plain values of a `.tflite` file.

One operator per int8 operator and one tensor per value, under the same names. What TensorFlow
Lite needs beyond that (explicit padding, shapes and axes as tensors) gets names that begin with
`TWIN_PREFIX`.
"""

from typing import assert_never

from mcucc.errors import UnsupportedModelError, Violation
from mcucc.ir import Shape
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
    Pads,
    Requantize,
    Reshape,
    Softmax,
)
from mcucc.twin import options
from mcucc.twin.draft import Draft
from mcucc.twin.model import Code, Options, TwinModel

_NO_PADS: Pads = (0, 0, 0, 0)


def lower(graph: Int8Graph) -> TwinModel:
    """Translate a verified graph.

    Raises:
        UnsupportedModelError: TensorFlow Lite cannot express a node.
    """
    violations = tuple(
        _pool_violation(graph, node, node.op)
        for node in graph.nodes
        if isinstance(node.op, AveragePool2D) and not _pool_fits(graph, node, node.op)
    )
    if violations:
        raise UnsupportedModelError(violations)
    draft = Draft(graph)
    for port in graph.inputs:
        draft.value(port.tensor)
    for node in graph.nodes:
        _lower_node(draft, node)
    return draft.model()


def same_pads(
    shape: Shape,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
) -> Pads:
    """TensorFlow's SAME padding of a map [1, H, W, C]: the odd pixel goes below and right."""
    totals = [
        max(0, (-(-size // step) - 1) * step + gap * (count - 1) + 1 - size)
        for size, count, step, gap in zip(shape[1:3], kernel, stride, dilation, strict=True)
    ]
    rows, columns = totals
    return (rows // 2, rows - rows // 2, columns // 2, columns - columns // 2)


def _lower_node(draft: Draft, node: Int8Node) -> None:
    """Append the operators of one node."""
    match node.op:
        case Conv2D() | DepthwiseConv2D():
            _lower_conv(draft, node, node.op)
        case FullyConnected():
            opts = options.fully_connected_options(node.op.activation)
            _append(draft, node, Code.FULLY_CONNECTED, opts, _weights_and_bias(draft, node))
        case Pad():
            extra = (_paddings(draft, node, node.op.pads),)
            _append(draft, node, Code.PAD, options.pad_options(), extra)
        case Mean():
            opts = options.mean_options(keep_dims=node.op.keep_dims)
            _append(draft, node, Code.MEAN, opts, (draft.int32("axes", node, node.op.axes),))
        case Reshape():
            opts = options.reshape_options(node.op.shape)
            _append(draft, node, Code.RESHAPE, opts, (draft.int32("shape", node, node.op.shape),))
        case Add():
            second = (draft.value(node.inputs[1]),)
            _append(draft, node, Code.ADD, options.add_options(node.op.activation), second)
        case Requantize():
            _append(draft, node, Code.QUANTIZE, options.quantize_options())
        case AveragePool2D():
            _append(draft, node, Code.AVERAGE_POOL_2D, _pool_options(node.op))
        case Softmax():
            _append(draft, node, Code.SOFTMAX, options.softmax_options())
        case _:
            assert_never(node.op)


def _append(
    draft: Draft, node: Int8Node, code: Code, opts: Options, extra: tuple[int, ...] = ()
) -> None:
    """Append the operator that reads a node's first input (and more) and makes its output."""
    inputs = (draft.value(node.inputs[0]), *extra)
    draft.operator(code, inputs, draft.value(node.output), opts)


def _lower_conv(draft: Draft, node: Int8Node, op: Conv2D | DepthwiseConv2D) -> None:
    """SAME or VALID where that says the same; otherwise explicit padding before VALID."""
    x, weights = draft.graph.input_types(node)[:2]
    kernel = (weights.shape[1], weights.shape[2])
    same = op.pads != _NO_PADS and op.pads == same_pads(x.shape, kernel, op.stride, op.dilation)
    code, opts = _conv_options(op, x.shape[-1], weights.shape[-1], same=same)
    source = draft.value(node.inputs[0])
    if op.pads != _NO_PADS and not same:
        source = _explicit_padding(draft, node, op.pads)
    extra = _weights_and_bias(draft, node)
    draft.operator(code, (source, *extra), draft.value(node.output), opts)


def _conv_options(
    op: Conv2D | DepthwiseConv2D, in_c: int, out_c: int, *, same: bool
) -> tuple[Code, Options]:
    if isinstance(op, Conv2D):
        return Code.CONV_2D, options.conv_options(
            same=same, stride=op.stride, dilation=op.dilation, activation=op.activation
        )
    return Code.DEPTHWISE_CONV_2D, options.depthwise_options(
        same=same,
        stride=op.stride,
        dilation=op.dilation,
        activation=op.activation,
        multiplier=out_c // in_c,
    )


def _explicit_padding(draft: Draft, node: Int8Node, pads: Pads) -> int:
    """Append a PAD of a node's first input; the index of what it makes."""
    _, height, width, channels = draft.graph.input_types(node)[0].shape
    top, bottom, left, right = pads
    padded = draft.padded(node, (1, top + height + bottom, left + width + right, channels))
    inputs = (draft.value(node.inputs[0]), _paddings(draft, node, pads))
    draft.operator(Code.PAD, inputs, padded, options.pad_options())
    return padded


def _paddings(draft: Draft, node: Int8Node, pads: Pads) -> int:
    return draft.int32_matrix("paddings", node, (0, 0, *pads, 0, 0), (4, 2))


def _weights_and_bias(draft: Draft, node: Int8Node) -> tuple[int, int]:
    return draft.weights(node), draft.bias(node)


def _pool_options(op: AveragePool2D) -> Options:
    return options.pool_options(same=op.pads != _NO_PADS, kernel=op.kernel, stride=op.stride)


def _pool_fits(graph: Int8Graph, node: Int8Node, op: AveragePool2D) -> bool:
    shape = graph.input_types(node)[0].shape
    return op.pads in (_NO_PADS, same_pads(shape, op.kernel, op.stride))


def _pool_violation(graph: Int8Graph, node: Int8Node, op: AveragePool2D) -> Violation:
    same = same_pads(graph.input_types(node)[0].shape, op.kernel, op.stride)
    return Violation(
        node=", ".join(node.origin) or node.name,
        op="AveragePool",
        rule=f"an average that does not count padding needs no padding or SAME padding {same}",
        actual=f"padding (top, bottom, left, right) {op.pads}",
        hint="Give the pool an explicit Pad before it, or SAME padding.",
    )
