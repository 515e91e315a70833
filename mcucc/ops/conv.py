"""Convolutions: ordinary and depthwise.

Inputs are (x, weights, bias): x int8 [1, H, W, C]; bias int32 [out_c] at scale s_x * s_w[c].
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from mcucc.ir import DType, QParams, Shape, TensorType
from mcucc.ops.base import Activation, FloatBase, Op, PerPixel, Window, sliding

Pads = tuple[int, int, int, int]
"""Padding in pixels: top, bottom, left, right."""


def window_output(size: int, taps: int, stride: int, dilation: int, pads: int) -> int:
    """Output positions along one axis of a sliding window; may be <= 0 if it does not fit."""
    return (size + pads - dilation * (taps - 1) - 1) // stride + 1


def spatial_shape(
    x: TensorType,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    pads: Pads,
    channels: int,
) -> Shape:
    """The shape [1, H', W', channels] that a sliding window makes of x [1, H, W, C]."""
    height = window_output(x.shape[1], kernel[0], stride[0], dilation[0], pads[0] + pads[1])
    width = window_output(x.shape[2], kernel[1], stride[1], dilation[1], pads[2] + pads[3])
    return (1, height, width, channels)


@dataclass(frozen=True)
class _Sliding(Op):
    """What both convolutions share.

    Attributes:
        stride: rows, columns.
        dilation: rows, columns.
        pads: top, bottom, left, right, filled with the input's zero point.
        activation: narrows the output's clamp.
    """

    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    activation: Activation = "none"

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:  # noqa: ARG002
        """That of the weights [.., kh, kw, ..]."""
        _, kh, kw, _ = inputs[1].shape
        return sliding((kh, kw), self.stride, self.dilation, self.pads)


@dataclass(frozen=True)
class Conv2D(_Sliding):
    """Convolution; weights int8 [out_c, kh, kw, in_c / groups], scales along axis 0.

    The groups follow from the shapes: output channels 0 .. out_c/groups - 1 read input channels
    0 .. in_c/groups - 1, and so on.
    """

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H', W', out_c]."""
        x, weights = inputs[0], inputs[1]
        out_c, kh, kw, _ = weights.shape
        return spatial_shape(x, (kh, kw), self.stride, self.dilation, self.pads, out_c)

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Channels, weights and bias fit together."""
        groups, rest = divmod(inputs[0].shape[-1], inputs[1].shape[3])
        if rest or inputs[1].shape[0] % max(1, groups):
            yield "the weights' input channels times the groups must equal the input's"
        yield from weight_rules(inputs, self.channel_axis, output.shape[-1])

    @property
    def channel_axis(self) -> int:
        """The first."""
        return 0

    def macs(self, inputs: Sequence[TensorType], output: TensorType) -> int:
        """Output elements x kh x kw x in_c."""
        return output.size * (inputs[1].size // inputs[1].shape[0])

    def is_pointwise(self, weights: TensorType) -> bool:
        """Whether each output pixel depends on the input pixel at the same place alone."""
        return weights.shape[1:3] == (1, 1) and self.stride == (1, 1) and not any(self.pads)


@dataclass(frozen=True)
class DepthwiseConv2D(_Sliding):
    """Depthwise convolution; weights int8 [1, kh, kw, out_c], scales along axis 3.

    Output channel c reads input channel c // (out_c // in_c).
    """

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H', W', out_c]."""
        x, weights = inputs[0], inputs[1]
        _, kh, kw, out_c = weights.shape
        return spatial_shape(x, (kh, kw), self.stride, self.dilation, self.pads, out_c)

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Channels, weights and bias fit together."""
        if output.shape[-1] % inputs[0].shape[-1]:
            yield "the output channels must be a multiple of the input channels"
        yield from weight_rules(inputs, self.channel_axis, output.shape[-1])

    @property
    def channel_axis(self) -> int:
        """The last."""
        return 3

    def macs(self, inputs: Sequence[TensorType], output: TensorType) -> int:
        """Output elements x kh x kw."""
        return output.size * inputs[1].shape[1] * inputs[1].shape[2]


@dataclass(frozen=True)
class BandScale(PerPixel):
    """Bands of as many rows each, whose channels have a factor and an offset of their own.

    Inputs are those of the depthwise convolution by 1x1 that it is if the channels of all bands
    stand side by side: weights int8 [1, 1, 1, bands * C], scales along axis 3.
    """

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:  # noqa: ARG002
        """Whole bands, weights and bias fit together."""
        if not _in_bands(inputs[0].shape, inputs[1].shape):
            yield "there must be weights for the channels of bands of as many rows each"
        yield from weight_rules(inputs, self.channel_axis, inputs[1].shape[-1])

    @property
    def channel_axis(self) -> int:
        """The last."""
        return 3

    def macs(self, inputs: Sequence[TensorType], output: TensorType) -> int:  # noqa: ARG002
        """One for each element."""
        return output.size


def weight_rules(inputs: Sequence[TensorType], channel_axis: int, channels: int) -> Iterator[str]:
    """What convolutions and dense layers demand of (x, weights, bias)."""
    x, weights, bias = inputs
    if x.dtype != DType.INT8 or weights.dtype != DType.INT8:
        yield "input and weights must be int8"
    if weights.q.zero_point != 0:
        yield "weights must be symmetric (zero point 0)"
    if weights.q.axis not in (None, channel_axis):
        yield f"weight scales must run along axis {channel_axis}"
    if len(weights.q.scales) not in (1, channels):
        yield "there must be one weight scale, or one per output channel"
    if bias.dtype != DType.INT32 or bias.shape != (channels,):
        yield f"the bias must be int32 [{channels}]"


def channel_scales(weights: QParams, channels: int) -> tuple[float, ...]:
    """One weight scale per output channel, whichever way they are stored."""
    return weights.scales * channels if weights.axis is None else weights.scales


@dataclass(frozen=True)
class _FloatSliding(FloatBase):
    """What convolutions share.

    Attributes:
        stride: rows, columns.
        dilation: rows, columns.
        pads: top, bottom, left, right, filled with 0.
        activation: applied to the result.
    """

    parameters: ClassVar[int] = 2
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    activation: Activation = "none"


@dataclass(frozen=True)
class FloatConv2D(_FloatSliding):
    """Convolution of (x, weights [out_c, kh, kw, in_c / groups], bias [out_c])."""

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:  # noqa: ARG002
        """Channels, weights and bias fit together."""
        yield from float_weight_rules(inputs, 4, 0, _groups_fit)

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H', W', out_c]."""
        out_c, kh, kw, _ = inputs[1].shape
        return spatial_shape(inputs[0], (kh, kw), self.stride, self.dilation, self.pads, out_c)

    def macs(self, inputs: Sequence[TensorType], output: TensorType) -> int:
        """Output elements x kh x kw x in_c / groups."""
        return output.size * (inputs[1].size // inputs[1].shape[0])


@dataclass(frozen=True)
class FloatDepthwiseConv2D(_FloatSliding):
    """Depthwise convolution of (x, weights [1, kh, kw, out_c], bias [out_c])."""

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:  # noqa: ARG002
        """Channels, weights and bias fit together."""
        yield from float_weight_rules(inputs, 4, 3, _multiplied)

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H', W', out_c]."""
        _, kh, kw, out_c = inputs[1].shape
        return spatial_shape(inputs[0], (kh, kw), self.stride, self.dilation, self.pads, out_c)

    def macs(self, inputs: Sequence[TensorType], output: TensorType) -> int:
        """Output elements x kh x kw."""
        return output.size * inputs[1].shape[1] * inputs[1].shape[2]


@dataclass(frozen=True)
class FloatBandScale(FloatBase):
    """Bands of rows times (weights [1, 1, 1, bands * C]), plus (bias [bands * C])."""

    parameters: ClassVar[int] = 2

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The shape of x."""
        return inputs[0].shape

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:  # noqa: ARG002
        """Whole bands, weights and bias fit together."""
        yield from float_weight_rules(inputs, 4, 3, _multiplied)
        if not _in_bands(inputs[0].shape, inputs[1].shape):
            yield "the rows must make up whole bands"


def float_weight_rules(
    inputs: Sequence[TensorType],
    rank: int,
    channel_axis: int,
    fits: Callable[[int, Shape], bool],
) -> Iterator[str]:
    """What float convolutions and dense layers demand of (x, weights, bias).

    Args:
        inputs: their types.
        rank: of x and of the weights.
        channel_axis: of the weights, along the output channels.
        fits: whether weights of a shape fit a number of input channels.
    """
    x, weights, bias = (each.shape for each in inputs)
    if (len(x), len(weights)) != (rank, rank):
        yield f"x and weights must have rank {rank}, not {list(x)} and {list(weights)}"
        return
    if not fits(x[-1], weights):
        yield f"weights {list(weights)} do not fit the channels of {list(x)}"
    if bias != (weights[channel_axis],):
        yield f"the bias must be [{weights[channel_axis]}], not {list(bias)}"


def _groups_fit(in_c: int, weights: Shape) -> bool:
    return in_c % weights[3] == 0 and weights[0] % (in_c // weights[3]) == 0


def _multiplied(in_c: int, weights: Shape) -> bool:
    return weights[0] == 1 and weights[3] % in_c == 0


def _in_bands(x: Shape, weights: Shape) -> bool:
    """Whether there are weights for the channels of bands of as many rows each."""
    bands, rest = divmod(weights[-1], x[-1])
    return (len(x), weights[:-1]) == (4, (1, 1, 1)) and bands > 0 == rest == x[1] % max(1, bands)


Int8 = Conv2D | DepthwiseConv2D | BandScale
Float = FloatConv2D | FloatDepthwiseConv2D | FloatBandScale
