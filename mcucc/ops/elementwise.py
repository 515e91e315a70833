"""Operators that make each output element of the input elements at the same place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mcucc.ir import Shape, TensorType
from mcucc.ops.base import Activation, Aliasing, Op, RowWindow

_ONE_ROW = RowWindow(taps=1, stride=1, dilation=1, pad_top=0)


@dataclass(frozen=True)
class Add(Op):
    """Sum of two tensors of the same shape, each with its own scale."""

    activation: Activation = "none"

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The inputs' shape."""
        return inputs[0].shape

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Equal shapes, and scales that the fixed-point sum can hold.

        TensorFlow Lite aborts where 2 * max(s1, s2) / (2^20 * s_out) >= 1.
        """
        if inputs[0].shape != inputs[1].shape:
            yield "both inputs must have the same shape"
        if 2 * max(inputs[0].q.scale, inputs[1].q.scale) >= 2**20 * output.q.scale:
            yield "2 * max(s1, s2) / (2^20 * s_out) must be below 1"

    def window(self, inputs: Sequence[TensorType]) -> RowWindow:  # noqa: ARG002
        """The row at the same place."""
        return _ONE_ROW

    @property
    def aliasing(self) -> Aliasing:
        """Element by element."""
        return Aliasing.IN_PLACE


@dataclass(frozen=True)
class Requantize(Op):
    """The same values at another scale and zero point."""

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The input's shape."""
        return inputs[0].shape

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Both sides are quantised per tensor."""
        if inputs[0].q.axis is not None or output.q.axis is not None:
            yield "activations must be quantised per tensor"

    def window(self, inputs: Sequence[TensorType]) -> RowWindow:  # noqa: ARG002
        """The row at the same place."""
        return _ONE_ROW

    @property
    def aliasing(self) -> Aliasing:
        """Element by element."""
        return Aliasing.IN_PLACE
