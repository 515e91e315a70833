"""Softmax and its logarithm."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mcucc.ir import QParams, Shape, TensorType
from mcucc.ops.base import Aliasing, FloatBase, Op, Window

SOFTMAX_QUANT = QParams((1 / 256,), -128)
"""The only output quantization the fixed-point softmax has."""
LOG_SOFTMAX_QUANT = QParams((1 / 16,), 127)
"""The only output quantization of LogSoftmax."""
MOST_CLASSES = 2**12
"""From here on a sum in Q12.19 overflows."""


@dataclass(frozen=True)
class Softmax(Op):
    """Softmax over the last axis, in gemmlowp's fixed point."""

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The input's shape."""
        return inputs[0].shape

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """The output's quantization is fixed; scale and sum stay within the fixed-point formats.

        TensorFlow Lite aborts on scales up to 2^-26; its sum is Q12.19 and 4096 ones overflow it.
        """
        if output.quant != SOFTMAX_QUANT:
            yield "the output must have scale 1/256 and zero point -128"
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
        """That of the fixed-point softmax."""
        return SOFTMAX_QUANT


@dataclass(frozen=True)
class LogSoftmax(Op):
    """Logarithm of the softmax over the last axis, in gemmlowp's fixed point."""

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The input's shape."""
        return inputs[0].shape

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

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:  # noqa: ARG002
        """The pixel at the same place."""
        return Window()

    @property
    def aliasing(self) -> Aliasing:
        """A pixel is read for its maximum and sum before its first element is written."""
        return Aliasing.IN_PLACE


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


Int8 = Softmax | LogSoftmax
Float = FloatSoftmax | FloatLogSoftmax
