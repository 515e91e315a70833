"""Convolutions in TensorFlow Lite; what they are padded with is the zero point of their input."""

from collections.abc import Callable, Mapping

from mcucc.ir import Shape
from mcucc.ops import Int8Node
from mcucc.ops.conv import BandScale, Conv2D, DepthwiseConv2D
from mcucc.twin.draft import Draft
from mcucc.twin.model import Code
from mcucc.twin.operators.movement import RESHAPE, TRANSPOSE
from mcucc.twin.operators.twin import Twin
from mcucc.twin.options import ACTIVATIONS, options, padding
from mcucc.twin.windows import NO_PADS, append_pad, is_same, padded_shape, same_pads

CONV_2D = Code(3, 3)
DEPTHWISE_CONV_2D = Code(4, 3)


def _conv(draft: Draft, node: Int8Node, op: Conv2D) -> None:
    source, same = _padded(draft, node, op)
    opts = options(
        "Conv2DOptions",
        Padding=padding(same=same),
        StrideH=op.stride[0],
        StrideW=op.stride[1],
        DilationHFactor=op.dilation[0],
        DilationWFactor=op.dilation[1],
        FusedActivationFunction=ACTIVATIONS[op.activation],
    )
    inputs = (source, draft.weights(node), draft.bias(node))
    draft.operator(CONV_2D, inputs, draft.value(node.output), opts)


def _depthwise(draft: Draft, node: Int8Node, op: DepthwiseConv2D) -> None:
    x, weights = draft.graph.input_types(node)[:2]
    source, same = _padded(draft, node, op)
    opts = options(
        "DepthwiseConv2DOptions",
        Padding=padding(same=same),
        StrideH=op.stride[0],
        StrideW=op.stride[1],
        DepthMultiplier=weights.shape[-1] // x.shape[-1],
        DilationHFactor=op.dilation[0],
        DilationWFactor=op.dilation[1],
        FusedActivationFunction=ACTIVATIONS[op.activation],
    )
    inputs = (source, draft.weights(node), draft.bias(node))
    draft.operator(DEPTHWISE_CONV_2D, inputs, draft.value(node.output), opts)


def _band_scale(draft: Draft, node: Int8Node, _: BandScale) -> None:
    """A DEPTHWISE_CONV_2D of the channels of all bands side by side."""
    shape, weights = (kind.shape for kind in draft.graph.input_types(node)[:2])
    bands, rows = weights[-1] // shape[3], shape[1] * shape[3] // weights[-1]
    pixels, beside = rows * shape[2], (1, rows, shape[2], weights[-1])
    x, made = draft.int8("beside", node, beside), draft.int8_made("made", node, beside)
    ends = (draft.value(node.inputs[0]), x)
    _exchanged(draft, node, draft.int8, ends, ((bands, pixels, shape[3]), beside))
    opts = options(
        "DepthwiseConv2DOptions",
        Padding=padding(same=False),
        StrideH=1,
        StrideW=1,
        DepthMultiplier=1,
    )
    draft.operator(DEPTHWISE_CONV_2D, (x, draft.weights(node), draft.bias(node)), made, opts)
    ends = (made, draft.value(node.output))
    _exchanged(draft, node, draft.int8_made, ends, ((pixels, bands, shape[3]), shape))


def _exchanged(
    draft: Draft,
    node: Int8Node,
    value: Callable[[str, Int8Node, Shape], int],
    ends: tuple[int, int],
    shapes: tuple[Shape, Shape],
) -> None:
    """A tensor of which the first two axes change places: seen as one shape, then as another.

    Args:
        draft: the twin.
        node: that it is a part of.
        value: appends a value of the tensor's quantization.
        ends: before and behind.
        shapes: likewise.
    """
    before, behind = shapes
    seen = value("seen", node, before)
    turned = value("turned", node, (before[1], before[0], before[2]))
    for operator, (x, y), numbers, name in (
        (RESHAPE, (ends[0], seen), before, "shape"),
        (TRANSPOSE, (seen, turned), (1, 0, 2), "perm"),
        (RESHAPE, (turned, ends[1]), behind, "back"),
    ):
        reshapes = options("ReshapeOptions", NewShape=numbers)
        opts = reshapes if operator == RESHAPE else options("TransposeOptions")
        draft.operator(operator, (x, draft.int32(name, node, numbers)), y, opts)


def _padded(draft: Draft, node: Int8Node, op: Conv2D | DepthwiseConv2D) -> tuple[int, bool]:
    """What the convolution reads, and whether its padding is SAME."""
    x, weights = draft.graph.input_types(node)[:2]
    kernel = (weights.shape[1], weights.shape[2])
    same = is_same(op.pads, same_pads(x.shape, kernel, op.stride, op.dilation))
    source = draft.value(node.inputs[0])
    if op.pads != NO_PADS and not same:
        source = draft.int8("padded", node, padded_shape(x.shape, op.pads))
        append_pad(draft, node, op.pads, source)
    return source, same


TWINS: Mapping[type, Twin] = {
    BandScale: Twin(_band_scale),
    Conv2D: Twin(_conv),
    DepthwiseConv2D: Twin(_depthwise),
}
