"""Operators that make indices, int32 numbers which stand for themselves; and what they find."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mcucc.ir import DType, QParams, Shape, TensorType
from mcucc.ops.base import FloatBase, Op, Window, same_quantization

INDEX_QUANT = QParams((1.0,), 0)
"""Of an index: the number is the integer."""


@dataclass(frozen=True)
class _Index(Op):
    """What operators share that make indices."""

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
class ArgMax(_Index):
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


def _too_many(k: int, inputs: Sequence[TensorType]) -> Iterator[str]:
    """The rule of operators that keep k numbers of the last axis."""
    if not 1 <= k <= inputs[0].shape[-1]:
        yield "there must be at least 1 and at most as many as the last axis has"


@dataclass(frozen=True)
class _TopK(Op):
    """The k largest numbers of the last axis, the largest first; of equal ones the first.

    Attributes:
        k: how many.
        largest: the smallest ones, the smallest first, if it is false.
    """

    k: int
    largest: bool = True

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The input's shape with k numbers along the last axis."""
        return (*inputs[0].shape[:-1], self.k)

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:  # noqa: ARG002
        """The pixel at the same place."""
        return Window()


@dataclass(frozen=True)
class TopKValues(_TopK):
    """The k largest numbers of the last axis, the largest first."""

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Numbers are copied."""
        yield from _too_many(self.k, inputs)
        yield from same_quantization(inputs, output)


@dataclass(frozen=True)
class TopKIndices(_TopK, _Index):
    """Where these stand, as int32."""

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """There are as many; an index stands for itself."""
        yield from _too_many(self.k, inputs)
        yield from super().rules(inputs, output)


@dataclass(frozen=True)
class _FloatIndex(FloatBase):
    """What operators share whose int8 form makes indices."""

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


@dataclass(frozen=True)
class FloatArgMax(_FloatIndex):
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


@dataclass(frozen=True)
class _FloatTopK(FloatBase):
    """As the int8 one.

    Attributes:
        k: how many.
        largest: the smallest ones, the smallest first, if it is false.
    """

    k: int
    largest: bool = True

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The shape of x with k numbers along the last axis."""
        return (*inputs[0].shape[:-1], self.k)

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """There are as many."""
        yield from _too_many(self.k, inputs)
        yield from super().rules(inputs, output)


@dataclass(frozen=True)
class FloatTopKValues(_FloatTopK):
    """The k largest numbers of the last axis, the largest first."""

    @property
    def copies(self) -> bool:
        """They are numbers of the input."""
        return True


@dataclass(frozen=True)
class FloatTopKIndices(_FloatTopK, _FloatIndex):
    """Where these stand, held as float32, exact below 2^24."""


Int8 = ArgMax | TopKValues | TopKIndices
Float = FloatArgMax | FloatTopKValues | FloatTopKIndices
