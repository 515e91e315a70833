"""Operators with sliding windows, whose padding TensorFlow Lite says in three ways.

SAME and VALID where one of them says the same; otherwise an explicit padding operator whose output
exists only in the twin, and then VALID.
"""

from mcucc.errors import Violation
from mcucc.ir import Shape
from mcucc.ops import Int8Graph, Int8Node, Pads
from mcucc.ops.conv import Conv2D, DepthwiseConv2D
from mcucc.ops.pool import AveragePool2D, MaxPool2D
from mcucc.twin import options
from mcucc.twin.draft import Draft
from mcucc.twin.model import Code, Options

_NO_PADS: Pads = (0, 0, 0, 0)
_BELOW_ALL = -128
"""What a maximum is padded with."""


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


def lower_conv(draft: Draft, node: Int8Node, op: Conv2D | DepthwiseConv2D) -> None:
    """Append a convolution; what it is padded with is the input's zero point."""
    x, weights = draft.graph.input_types(node)[:2]
    kernel = (weights.shape[1], weights.shape[2])
    same = _is_same(op.pads, same_pads(x.shape, kernel, op.stride, op.dilation))
    code, opts = _conv_options(op, x.shape[-1], weights.shape[-1], same=same)
    source = draft.value(node.inputs[0])
    if op.pads != _NO_PADS and not same:
        source = draft.int8("padded", node, _padded_shape(x.shape, op.pads))
        lower_pad(draft, node, op.pads, source)
    inputs = (source, draft.weights(node), draft.bias(node))
    draft.operator(code, inputs, draft.value(node.output), opts)


def lower_pool(draft: Draft, node: Int8Node, op: AveragePool2D | MaxPool2D) -> None:
    """Append a pool; only a maximum may have other padding than SAME."""
    shape = draft.graph.input_types(node)[0].shape
    same = _is_same(op.pads, same_pads(shape, op.kernel, op.stride))
    source = draft.value(node.inputs[0])
    if op.pads != _NO_PADS and not same:
        source = draft.int8("padded", node, _padded_shape(shape, op.pads))
        value = draft.int8_scalar("lowest", node, _BELOW_ALL)
        inputs = (draft.value(node.inputs[0]), _paddings(draft, node, op.pads), value)
        draft.operator(Code.PADV2, inputs, source, options.pad_v2_options())
    code = Code.MAX_POOL_2D if isinstance(op, MaxPool2D) else Code.AVERAGE_POOL_2D
    opts = options.pool_options(same=same, kernel=op.kernel, stride=op.stride)
    draft.operator(code, (source,), draft.value(node.output), opts)


def lower_pad(draft: Draft, node: Int8Node, pads: Pads, output: int) -> None:
    """Append a PAD of a node's first input with its zero point."""
    inputs = (draft.value(node.inputs[0]), _paddings(draft, node, pads))
    draft.operator(Code.PAD, inputs, output, options.pad_options())


def pool_fits(graph: Int8Graph, node: Int8Node, op: AveragePool2D) -> bool:
    """Whether TensorFlow Lite has an average's padding."""
    shape = graph.input_types(node)[0].shape
    return op.pads in (_NO_PADS, same_pads(shape, op.kernel, op.stride))


def pool_violation(graph: Int8Graph, node: Int8Node, op: AveragePool2D) -> Violation:
    """The refusal of an average whose padding TensorFlow Lite has not."""
    same = same_pads(graph.input_types(node)[0].shape, op.kernel, op.stride)
    return Violation(
        node=", ".join(node.origin) or node.name,
        op="AveragePool",
        rule=f"an average that does not count padding needs no padding or SAME padding {same}",
        actual=f"padding (top, bottom, left, right) {op.pads}",
        hint="Give the pool an explicit Pad before it, or SAME padding.",
    )


def _is_same(pads: Pads, same: Pads) -> bool:
    """Whether SAME is to be written; where nothing is padded VALID is."""
    return pads != _NO_PADS and pads == same


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


def _padded_shape(shape: Shape, pads: Pads) -> Shape:
    _, height, width, channels = shape
    top, bottom, left, right = pads
    return (1, top + height + bottom, left + width + right, channels)


def _paddings(draft: Draft, node: Int8Node, pads: Pads) -> int:
    return draft.int32_matrix("paddings", node, (0, 0, *pads, 0, 0), (4, 2))
