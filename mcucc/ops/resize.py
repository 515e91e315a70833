"""Operators that make a map larger or smaller."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mcucc.ir import Shape, TensorType
from mcucc.ops.base import Axis, FloatBase, Op, Window, same_quantization


@dataclass(frozen=True)
class ResizeNearest(Op):
    """Each pixel repeated: output pixel (y, x) is input pixel (y // rows, x // columns).

    Attributes:
        factor: rows, columns.
    """

    factor: tuple[int, int]

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H * rows, W * columns, C]."""
        _, h, w, c = inputs[0].shape
        return (1, h * self.factor[0], w * self.factor[1], c)

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Same quantization on both sides; whole factors, up to 40 where there are several pixels.

        TensorFlow Lite divides in float32, which at a factor of 41 picks another pixel.
        """
        yield from same_quantization(inputs, output)
        several = [f for f, n in zip(self.factor, inputs[0].shape[1:3], strict=True) if n > 1]
        if min(self.factor) < 1 or max(several, default=1) > 40:
            yield "the factors must lie between 1 and 40"

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:  # noqa: ARG002
        """The pixel that is repeated here."""
        rows, columns = self.factor
        return Window(Axis(repeat=rows), Axis(repeat=columns))

    @property
    def channelwise(self) -> bool:
        """Each channel by itself."""
        return True


@dataclass(frozen=True)
class FloatResizeNearest(FloatBase):
    """Each pixel repeated by whole factors (rows, columns)."""

    factor: tuple[int, int]

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H * rows, W * columns, C]."""
        _, h, w, c = inputs[0].shape
        return (1, h * self.factor[0], w * self.factor[1], c)

    @property
    def copies(self) -> bool:
        """It moves values."""
        return True


Int8 = ResizeNearest
Float = FloatResizeNearest
