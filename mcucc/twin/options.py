"""The attributes of each operator, as tables of the schema."""

from collections.abc import Callable, Sequence

import tflite
from flatbuffers import Builder

from mcucc.ir import DType
from mcucc.ops import Activation
from mcucc.twin.model import Options

_ACTIVATIONS: dict[Activation, int] = {
    "none": tflite.ActivationFunctionType.NONE,
    "relu": tflite.ActivationFunctionType.RELU,
    "relu6": tflite.ActivationFunctionType.RELU6,
}

TENSOR_TYPES: dict[DType, int] = {
    DType.INT8: tflite.TensorType.INT8,
    DType.INT32: tflite.TensorType.INT32,
}
"""The schema's numbers of the element types that twins are made of."""


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
    """Of AVERAGE_POOL_2D and MAX_POOL_2D; kernel and stride are rows, columns."""

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


def sub_options(activation: Activation) -> Options:
    """Of SUB."""

    def write(b: Builder) -> int:
        tflite.SubOptionsStart(b)
        tflite.SubOptionsAddFusedActivationFunction(b, _ACTIVATIONS[activation])
        return tflite.SubOptionsEnd(b)

    return Options(tflite.BuiltinOptions.SubOptions, write)


def mul_options(activation: Activation) -> Options:
    """Of MUL."""

    def write(b: Builder) -> int:
        tflite.MulOptionsStart(b)
        tflite.MulOptionsAddFusedActivationFunction(b, _ACTIVATIONS[activation])
        return tflite.MulOptionsEnd(b)

    return Options(tflite.BuiltinOptions.MulOptions, write)


def leaky_relu_options(alpha: float) -> Options:
    """Of LEAKY_RELU."""

    def write(b: Builder) -> int:
        tflite.LeakyReluOptionsStart(b)
        tflite.LeakyReluOptionsAddAlpha(b, alpha)
        return tflite.LeakyReluOptionsEnd(b)

    return Options(tflite.BuiltinOptions.LeakyReluOptions, write)


def concat_options() -> Options:
    """Of CONCATENATION along the last axis."""

    def write(b: Builder) -> int:
        tflite.ConcatenationOptionsStart(b)
        tflite.ConcatenationOptionsAddAxis(b, -1)
        return tflite.ConcatenationOptionsEnd(b)

    return Options(tflite.BuiltinOptions.ConcatenationOptions, write)


def cast_options(source: DType, target: DType) -> Options:
    """Of CAST."""

    def write(b: Builder) -> int:
        tflite.CastOptionsStart(b)
        tflite.CastOptionsAddInDataType(b, TENSOR_TYPES[source])
        tflite.CastOptionsAddOutDataType(b, TENSOR_TYPES[target])
        return tflite.CastOptionsEnd(b)

    return Options(tflite.BuiltinOptions.CastOptions, write)


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


def pad_v2_options() -> Options:
    """Of PADV2: none, but the table must be there."""
    return _empty(
        tflite.BuiltinOptions.PadV2Options, tflite.PadV2OptionsStart, tflite.PadV2OptionsEnd
    )


def hard_swish_options() -> Options:
    """Of HARD_SWISH: none, but the table must be there."""
    return _empty(
        tflite.BuiltinOptions.HardSwishOptions,
        tflite.HardSwishOptionsStart,
        tflite.HardSwishOptionsEnd,
    )


def maximum_minimum_options() -> Options:
    """Of MAXIMUM and MINIMUM: none, but the table must be there."""
    return _empty(
        tflite.BuiltinOptions.MaximumMinimumOptions,
        tflite.MaximumMinimumOptionsStart,
        tflite.MaximumMinimumOptionsEnd,
    )


def gather_options() -> Options:
    """Of GATHER along axis 0, the default."""
    return _empty(
        tflite.BuiltinOptions.GatherOptions, tflite.GatherOptionsStart, tflite.GatherOptionsEnd
    )


def resize_nearest_options() -> Options:
    """Of RESIZE_NEAREST_NEIGHBOR with the defaults: neither aligned corners nor pixel centres."""
    return _empty(
        tflite.BuiltinOptions.ResizeNearestNeighborOptions,
        tflite.ResizeNearestNeighborOptionsStart,
        tflite.ResizeNearestNeighborOptionsEnd,
    )


def transpose_options() -> Options:
    """Of TRANSPOSE: none, but the table must be there."""
    return _empty(
        tflite.BuiltinOptions.TransposeOptions,
        tflite.TransposeOptionsStart,
        tflite.TransposeOptionsEnd,
    )


def slice_options() -> Options:
    """Of SLICE: none, but the table must be there."""
    return _empty(
        tflite.BuiltinOptions.SliceOptions, tflite.SliceOptionsStart, tflite.SliceOptionsEnd
    )


def no_options() -> Options:
    """Of operators for which the schema has no table."""
    return Options(tflite.BuiltinOptions.NONE, lambda _: 0)


def _empty(kind: int, start: Callable[[Builder], None], end: Callable[[Builder], int]) -> Options:
    def write(b: Builder) -> int:
        start(b)
        return end(b)

    return Options(kind, write)


def _padding(*, same: bool) -> int:
    return tflite.Padding.SAME if same else tflite.Padding.VALID
