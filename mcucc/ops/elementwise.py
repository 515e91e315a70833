"""Operators that make each output element of the input elements at the same place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from mcucc.ir import DType, QParams, Shape, TensorType
from mcucc.ops.base import (
    Activation,
    Axis,
    FloatBase,
    PerPixel,
    Window,
    same_quantization,
)


@dataclass(frozen=True)
class Elementwise(PerPixel):
    """What operators on elements share: they need the row at the same place."""

    @property
    def channelwise(self) -> bool:
        """Each channel by itself."""
        return True


@dataclass(frozen=True)
class _Sum(Elementwise):
    """Sum or difference of two tensors of the same shape, each with its own scale."""

    activation: Activation = "none"

    @property
    def joins(self) -> bool:
        """Both inputs are values."""
        return True

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Equal shapes, and scales that the fixed-point sum can hold.

        TensorFlow Lite aborts where 2 * max(s1, s2) / (2^20 * s_out) >= 1.
        """
        if inputs[0].shape != inputs[1].shape:
            yield "both inputs must have the same shape"
        if 2 * max(inputs[0].q.scale, inputs[1].q.scale) >= 2**20 * output.q.scale:
            yield "2 * max(s1, s2) / (2^20 * s_out) must be below 1"


@dataclass(frozen=True)
class Add(_Sum):
    """Sum of two tensors of the same shape."""


@dataclass(frozen=True)
class Sub(_Sum):
    """First input less the second, of the same shape."""


@dataclass(frozen=True)
class SquaredDifference(Elementwise):
    """Square of the difference of two tensors of the same shape, each with its own scale."""

    @property
    def joins(self) -> bool:
        """Both inputs are values."""
        return True

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Equal shapes, and a factor of the square that shifts nothing to the left."""
        if inputs[0].shape != inputs[1].shape:
            yield "both inputs must have the same shape"
        if (2 * max(inputs[0].q.scale, inputs[1].q.scale)) ** 2 >= 2**14 * output.q.scale:
            yield "4 * max(s1, s2)^2 / (2^14 * s_out) must be below 1"


@dataclass(frozen=True)
class _Extreme(Elementwise):
    """Of two tensors of the same shape, element by element, the one of the two."""

    @property
    def joins(self) -> bool:
        """Both inputs are values."""
        return True

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Equal shapes, and one quantization: integers are compared and copied.

        TensorFlow Lite Micro takes other scales, and ignores them.
        """
        if inputs[0].shape != inputs[1].shape:
            yield "both inputs must have the same shape"
        if any(each.quant != output.quant for each in inputs):
            yield "inputs and output must have the same scale and zero point"


@dataclass(frozen=True)
class Maximum(_Extreme):
    """The larger of two tensors of the same shape and quantization."""


@dataclass(frozen=True)
class Minimum(_Extreme):
    """The smaller of two tensors of the same shape and quantization."""


@dataclass(frozen=True)
class Mul(Elementwise):
    """Product of two tensors; the second has the first's shape, or [1, 1, 1, C] for each channel.

    A second input of one value per channel is what gates a map (squeeze-and-excite).
    """

    activation: Activation = "none"

    @property
    def joins(self) -> bool:
        """Both inputs are values."""
        return True

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Shapes that match, and a factor whose left shift a product of 2^16 survives."""
        first, second = inputs
        per_channel = (1,) * (len(first.shape) - 1) + first.shape[-1:]
        if second.shape not in (first.shape, per_channel):
            yield "the second input must have the first's shape, or one value per channel"
        if first.q.scale * second.q.scale >= 2**14 * output.q.scale:
            yield "s1 * s2 / s_out must be below 2^14"

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:
        """The pixel at the same place, or the one pixel of a gate."""
        if inputs[operand].shape != inputs[0].shape:
            return Window(Axis(stride=0), Axis(stride=0))
        return Window()


@dataclass(frozen=True)
class Requantize(Elementwise):
    """The same values at another scale and zero point."""

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Both sides are quantized per tensor."""
        if inputs[0].q.axis is not None or output.q.axis is not None:
            yield "activations must be quantized per tensor"


@dataclass(frozen=True)
class Clamp(Elementwise):
    """The same values, limited to [low, high].

    Attributes:
        low: smallest int8 output.
        high: largest int8 output.
    """

    low: int = -128
    high: int = 127

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Same quantization on both sides; bounds in order."""
        yield from same_quantization(inputs, output)
        if not -128 <= self.low <= self.high <= 127:
            yield "the bounds must be ordered int8 values"


@dataclass(frozen=True)
class PRelu(Elementwise):
    """x where x >= 0, x times its channel's slope elsewhere; inputs are (x, slopes).

    The slopes are a constant int8 [C] with one scale and zero point.
    """

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """One slope per channel, and factors whose left shifts an int32 survives."""
        x, slopes = inputs
        if slopes.dtype != DType.INT8 or slopes.shape != x.shape[-1:]:
            yield f"the slopes must be int8 [{x.shape[-1]}]"
        if len(slopes.q.scales) != 1:
            yield "the slopes must have one scale"
        elif x.q.scale * slopes.q.scale >= 2**14 * output.q.scale:
            yield "s_in * s_slope / s_out must be below 2^14"
        if x.q.scale >= 2**22 * output.q.scale:
            yield "s_in / s_out must be below 2^22"

    @property
    def channelwise(self) -> bool:
        """Channels are not alike: each has its slope."""
        return False


BinaryKind = Literal["add", "sub", "mul", "div"]


@dataclass(frozen=True)
class FloatPair(FloatBase):
    """What operators on two values share: numpy's broadcasting; either may be a constant."""

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The broadcast shape."""
        return tuple(np.broadcast_shapes(inputs[0].shape, inputs[1].shape))


@dataclass(frozen=True)
class FloatBinary(FloatPair):
    """Elementwise arithmetic."""

    kind: BinaryKind
    activation: Activation = "none"


@dataclass(frozen=True)
class FloatSquaredDifference(FloatPair):
    """Square of the difference of two values, element by element."""


@dataclass(frozen=True)
class _FloatExtreme(FloatPair):
    """One of two values, element by element."""

    @property
    def copies(self) -> bool:
        """Integers of one scale are compared."""
        return True

    @property
    def rescales(self) -> bool:
        """Rounding keeps the order, so that both inputs may be requantized before."""
        return True


@dataclass(frozen=True)
class FloatMaximum(_FloatExtreme):
    """The larger of two values, element by element."""


@dataclass(frozen=True)
class FloatMinimum(_FloatExtreme):
    """The smaller of two values, element by element."""


@dataclass(frozen=True)
class FloatClip(FloatBase):
    """x limited to [low, high], None for no limit; a Relu has low 0 and no high."""

    low: float | None = 0.0
    high: float | None = None

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The shape of x."""
        return inputs[0].shape

    @property
    def elementwise(self) -> bool:
        """Each element by itself."""
        return True


@dataclass(frozen=True)
class FloatBatchNorm(FloatBase):
    """(x - mean) / sqrt(variance + epsilon) * scale + bias; inputs (x, scale, bias, mean, var)."""

    parameters: ClassVar[int] = 4
    epsilon: float = 1e-5

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:  # noqa: ARG002
        """One parameter of each kind per channel."""
        x, *parameters = (each.shape for each in inputs)
        if any(shape != (x[-1],) for shape in parameters):
            yield f"each parameter must be [{x[-1]}], not {[list(shape) for shape in parameters]}"

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The shape of x."""
        return inputs[0].shape


@dataclass(frozen=True)
class FloatFakeQuant(FloatBase):
    """x rounded to the int8 numbers of a quantization that the file gives, as reals again.

    It stands for a QuantizeLinear and the DequantizeLinear behind it. No pass looks through it, so
    what stands on its two sides is never fused.

    Attributes:
        quant: one scale and zero point; uint8 is shifted to int8.
    """

    quant: QParams

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The shape of x."""
        return inputs[0].shape


@dataclass(frozen=True)
class FloatPRelu(FloatBase):
    """x where x >= 0, x times a slope elsewhere; inputs are (x, slopes [C] or [1])."""

    parameters: ClassVar[int] = 1

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The shape of x."""
        return inputs[0].shape

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:  # noqa: ARG002
        """One slope, or one per channel."""
        x, slopes = (each.shape for each in inputs)
        if slopes not in ((1,), x[-1:]):
            yield f"the slopes must be [1] or [{x[-1]}], not {list(slopes)}"


Int8 = Add | Sub | SquaredDifference | Maximum | Minimum | Mul | Requantize | Clamp | PRelu
Float = (
    FloatBinary
    | FloatSquaredDifference
    | FloatMaximum
    | FloatMinimum
    | FloatClip
    | FloatBatchNorm
    | FloatFakeQuant
    | FloatPRelu
)
