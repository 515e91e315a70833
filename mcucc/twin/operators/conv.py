"""Convolutions in TensorFlow Lite; what they are padded with is the zero point of their input."""

from collections.abc import Mapping

from mcucc.ops import Int8Node
from mcucc.ops.conv import Conv2D, DepthwiseConv2D
from mcucc.twin.draft import Draft
from mcucc.twin.model import Code
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


TWINS: Mapping[type, Twin] = {Conv2D: Twin(_conv), DepthwiseConv2D: Twin(_depthwise)}
