"""Operators that make indices: int32 numbers, which stand for themselves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mcucc.ir import DType, QParams, Shape, TensorType
from mcucc.ops.base import FloatBase, Op, Window

INDEX_QUANT = QParams((1.0,), 0)
"""Of an index: the number is the integer."""


@dataclass(frozen=True)
class ArgMax(Op):
    """Where the largest number of the last axis stands, as an int32.

    Attributes:
        largest: the smallest number if it is false.
        last: of several that are equal the last one, else the first.
    """

    largest: bool = True
    last: bool = False

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The input's shape with one number in place of the last axis."""
        return (*inputs[0].shape[:-1], 1)

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:  # noqa: ARG002
        """An index stands for itself."""
        if output.quant != INDEX_QUANT:
            yield "the output must have scale 1 and zero point 0"

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:  # noqa: ARG002
        """The pixel at the same place."""
        return Window()

    def element(self, inputs: Sequence[TensorType]) -> DType:  # noqa: ARG002
        """int32."""
        return DType.INT32


@dataclass(frozen=True)
class FloatArgMax(FloatBase):
    """The same of floats; the index is held as a float32, exact below 2^24.

    Attributes:
        largest: the smallest number if it is false.
        last: of several that are equal the last one, else the first.
    """

    largest: bool = True
    last: bool = False

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The shape of x with one number in place of the last axis."""
        return (*inputs[0].shape[:-1], 1)

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:  # noqa: ARG002
        """Indices that a float32 holds."""
        if inputs[0].shape[-1] >= 1 << 24:
            yield "there must be fewer than 2^24 numbers along the axis"

    @property
    def only_quant(self) -> QParams:
        """An index stands for itself."""
        return INDEX_QUANT

    @property
    def indexes(self) -> bool:
        """Its int8 form makes int32 numbers."""
        return True


Int8 = ArgMax
Float = FloatArgMax
