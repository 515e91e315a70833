"""The attributes of each operator, as tables of the schema."""

from collections.abc import Callable, Sequence

import tflite
from flatbuffers import Builder

from mcucc.ops import Activation
from mcucc.twin.model import Options

_ACTIVATIONS: dict[Activation, int] = {
    "none": tflite.ActivationFunctionType.NONE,
    "relu": tflite.ActivationFunctionType.RELU,
    "relu6": tflite.ActivationFunctionType.RELU6,
}


def int32_vector(builder: Builder, values: Sequence[int]) -> int:
    """Write a vector of int32."""
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependInt32(value)
    return builder.EndVector()


def conv_options(
    *, same: bool, stride: tuple[int, int], dilation: tuple[int, int], activation: Activation
) -> Options:
    """Of CONV_2D; stride and dilation are rows, columns."""

    def write(b: Builder) -> int:
        tflite.Conv2DOptionsStart(b)
        tflite.Conv2DOptionsAddPadding(b, _padding(same=same))
        tflite.Conv2DOptionsAddStrideH(b, stride[0])
        tflite.Conv2DOptionsAddStrideW(b, stride[1])
        tflite.Conv2DOptionsAddDilationHFactor(b, dilation[0])
        tflite.Conv2DOptionsAddDilationWFactor(b, dilation[1])
        tflite.Conv2DOptionsAddFusedActivationFunction(b, _ACTIVATIONS[activation])
        return tflite.Conv2DOptionsEnd(b)

    return Options(tflite.BuiltinOptions.Conv2DOptions, write)


def depthwise_options(
    *,
    same: bool,
    stride: tuple[int, int],
    dilation: tuple[int, int],
    activation: Activation,
    multiplier: int,
) -> Options:
    """Of DEPTHWISE_CONV_2D; `multiplier` is output channels per input channel."""

    def write(b: Builder) -> int:
        tflite.DepthwiseConv2DOptionsStart(b)
        tflite.DepthwiseConv2DOptionsAddPadding(b, _padding(same=same))
        tflite.DepthwiseConv2DOptionsAddStrideH(b, stride[0])
        tflite.DepthwiseConv2DOptionsAddStrideW(b, stride[1])
        tflite.DepthwiseConv2DOptionsAddDepthMultiplier(b, multiplier)
        tflite.DepthwiseConv2DOptionsAddDilationHFactor(b, dilation[0])
        tflite.DepthwiseConv2DOptionsAddDilationWFactor(b, dilation[1])
        tflite.DepthwiseConv2DOptionsAddFusedActivationFunction(b, _ACTIVATIONS[activation])
        return tflite.DepthwiseConv2DOptionsEnd(b)

    return Options(tflite.BuiltinOptions.DepthwiseConv2DOptions, write)


def pool_options(*, same: bool, kernel: tuple[int, int], stride: tuple[int, int]) -> Options:
    """Of AVERAGE_POOL_2D; kernel and stride are rows, columns."""

    def write(b: Builder) -> int:
        tflite.Pool2DOptionsStart(b)
        tflite.Pool2DOptionsAddPadding(b, _padding(same=same))
        tflite.Pool2DOptionsAddStrideH(b, stride[0])
        tflite.Pool2DOptionsAddStrideW(b, stride[1])
        tflite.Pool2DOptionsAddFilterHeight(b, kernel[0])
        tflite.Pool2DOptionsAddFilterWidth(b, kernel[1])
        return tflite.Pool2DOptionsEnd(b)

    return Options(tflite.BuiltinOptions.Pool2DOptions, write)


def fully_connected_options(activation: Activation) -> Options:
    """Of FULLY_CONNECTED."""

    def write(b: Builder) -> int:
        tflite.FullyConnectedOptionsStart(b)
        tflite.FullyConnectedOptionsAddFusedActivationFunction(b, _ACTIVATIONS[activation])
        return tflite.FullyConnectedOptionsEnd(b)

    return Options(tflite.BuiltinOptions.FullyConnectedOptions, write)


def add_options(activation: Activation) -> Options:
    """Of ADD."""

    def write(b: Builder) -> int:
        tflite.AddOptionsStart(b)
        tflite.AddOptionsAddFusedActivationFunction(b, _ACTIVATIONS[activation])
        return tflite.AddOptionsEnd(b)

    return Options(tflite.BuiltinOptions.AddOptions, write)


def softmax_options() -> Options:
    """Of SOFTMAX: beta is 1."""

    def write(b: Builder) -> int:
        tflite.SoftmaxOptionsStart(b)
        tflite.SoftmaxOptionsAddBeta(b, 1.0)
        return tflite.SoftmaxOptionsEnd(b)

    return Options(tflite.BuiltinOptions.SoftmaxOptions, write)


def mean_options(*, keep_dims: bool) -> Options:
    """Of MEAN."""

    def write(b: Builder) -> int:
        tflite.ReducerOptionsStart(b)
        tflite.ReducerOptionsAddKeepDims(b, keep_dims)
        return tflite.ReducerOptionsEnd(b)

    return Options(tflite.BuiltinOptions.ReducerOptions, write)


def reshape_options(shape: Sequence[int]) -> Options:
    """Of RESHAPE."""

    def write(b: Builder) -> int:
        vector = int32_vector(b, shape)
        tflite.ReshapeOptionsStart(b)
        tflite.ReshapeOptionsAddNewShape(b, vector)
        return tflite.ReshapeOptionsEnd(b)

    return Options(tflite.BuiltinOptions.ReshapeOptions, write)


def pad_options() -> Options:
    """Of PAD: none, but the table must be there."""
    return _empty(tflite.BuiltinOptions.PadOptions, tflite.PadOptionsStart, tflite.PadOptionsEnd)


def quantize_options() -> Options:
    """Of QUANTIZE: none, but the table must be there."""
    return _empty(
        tflite.BuiltinOptions.QuantizeOptions,
        tflite.QuantizeOptionsStart,
        tflite.QuantizeOptionsEnd,
    )


def _empty(kind: int, start: Callable[[Builder], None], end: Callable[[Builder], int]) -> Options:
    def write(b: Builder) -> int:
        start(b)
        return end(b)

    return Options(kind, write)


def _padding(*, same: bool) -> int:
    return tflite.Padding.SAME if same else tflite.Padding.VALID
