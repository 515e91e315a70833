"""Softmax, its logarithm, and L2 normalization: each along the last axis."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mcucc.ir import QParams, Shape, TensorType
from mcucc.ops.base import Aliasing, FloatBase, Op, PerPixel

SOFTMAX_QUANT = QParams((1 / 256,), -128)
"""The output quantization of TensorFlow Lite's softmax in int8; at others it rounds 16 bits."""
WIDE_SOFTMAX_QUANT = QParams((1 / 65536,), -32768)
"""That of its softmax in 16 bits."""
SMALLEST_SOFTMAX_SCALE = 2.0**-30
"""Of an output; below, what 16 bits hold falls out of an int32."""
LOG_SOFTMAX_QUANT = QParams((1 / 16,), 127)
"""The only output quantization of LogSoftmax."""
L2_NORMALIZATION_QUANT = QParams((1 / 128,), 0)
"""The only output quantization of L2Normalization."""
_MOST_SQUARES = 2**15
"""From about here on their sum overflows an int32."""
MOST_CLASSES = 2**12
"""From here on a sum in Q12.19 overflows."""


@dataclass(frozen=True)
class Softmax(Op):
    """Softmax over the last axis, in gemmlowp's fixed point."""

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The input's shape."""
        return inputs[0].shape

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Scales and sum stay within the fixed-point formats.

        TensorFlow Lite aborts on scales up to 2^-26; its sum is Q12.19 and 4096 ones overflow it.
        """
        if output.q.axis is not None or output.q.scale < SMALLEST_SOFTMAX_SCALE:
            yield "the output must have one scale, of 2^-30 at least"
        if inputs[0].q.scale <= 2**-26:
            yield "the input's scale must be above 2^-26"
        if inputs[0].shape[-1] >= MOST_CLASSES:
            yield "there must be fewer than 4096 classes"

    @property
    def aliasing(self) -> Aliasing:
        """A row is read for its maximum and sum before its first element is written."""
        return Aliasing.IN_PLACE


@dataclass(frozen=True)
class FloatSoftmax(FloatBase):
    """Softmax over the last axis."""

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The shape of x."""
        return inputs[0].shape

    @property
    def only_quant(self) -> QParams:
        """That of TensorFlow Lite's softmax in int8."""
        return SOFTMAX_QUANT


@dataclass(frozen=True)
class LogSoftmax(PerPixel):
    """Logarithm of the softmax over the last axis, in gemmlowp's fixed point."""

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """The output's quantization is fixed; scale and sum stay within the fixed-point formats.

        TensorFlow Lite Micro aborts at 2^-26.
        """
        if output.quant != LOG_SOFTMAX_QUANT:
            yield "the output must have scale 1/16 and zero point 127"
        if inputs[0].q.scale < 2**-25:
            yield "the input's scale must be at least 2^-25"
        if inputs[0].shape[-1] >= MOST_CLASSES:
            yield "there must be fewer than 4096 classes"


@dataclass(frozen=True)
class L2Normalization(PerPixel):
    """The last axis divided by the root of the sum of its squares, in fixed point."""

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """The output's quantization is fixed; the sum of squares is an int32.

        TensorFlow Lite Micro computes at this scale whatever the file says.
        """
        if output.quant != L2_NORMALIZATION_QUANT:
            yield "the output must have scale 1/128 and zero point 0"
        if inputs[0].shape[-1] >= _MOST_SQUARES:
            yield "there must be fewer than 32768 elements along the last axis"


@dataclass(frozen=True)
class FloatLogSoftmax(FloatBase):
    """Logarithm of the softmax over the last axis."""

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The shape of x."""
        return inputs[0].shape

    @property
    def only_quant(self) -> QParams:
        """That of the fixed point."""
        return LOG_SOFTMAX_QUANT


@dataclass(frozen=True)
class FloatL2Normalization(FloatBase):
    """The last axis divided by the root of the sum of its squares; zeros stay zeros."""

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The shape of x."""
        return inputs[0].shape

    @property
    def only_quant(self) -> QParams:
        """That of the fixed point."""
        return L2_NORMALIZATION_QUANT


Int8 = Softmax | LogSoftmax | L2Normalization
Float = FloatSoftmax | FloatLogSoftmax | FloatL2Normalization
