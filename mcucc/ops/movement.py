"""Operators that move bytes and compute nothing."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mcucc.ir import Shape, TensorType
from mcucc.ops.base import Aliasing, Op, RowWindow, same_quantisation
from mcucc.ops.conv import Pads, spatial_shape


@dataclass(frozen=True)
class Reshape(Op):
    """The same elements in the same (NHWC) order under another shape."""

    shape: Shape

    def infer(self, inputs: Sequence[TensorType]) -> Shape:  # noqa: ARG002
        """The shape it is given."""
        return self.shape

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Same number of elements, same quantisation."""
        if math.prod(self.shape) != inputs[0].size:
            yield "the number of elements must stay the same"
        yield from same_quantisation(inputs, output)

    @property
    def aliasing(self) -> Aliasing:
        """Nothing is executed."""
        return Aliasing.SAME_BYTES


@dataclass(frozen=True)
class Pad(Op):
    """A border of the zero point around each map.

    Attributes:
        pads: top, bottom, left, right.
    """

    pads: Pads

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H + top + bottom, W + left + right, C]."""
        x = inputs[0]
        return spatial_shape(x, (1, 1), (1, 1), (1, 1), self.pads, x.shape[-1])

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Same quantisation on both sides; no cropping."""
        if min(self.pads) < 0:
            yield "padding must not be negative"
        yield from same_quantisation(inputs, output)

    def window(self, inputs: Sequence[TensorType]) -> RowWindow:  # noqa: ARG002
        """The row at the same place, or a row of padding."""
        return RowWindow(1, 1, 1, self.pads[0])
