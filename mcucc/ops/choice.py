"""Operators that choose between two values; they exist in float graphs alone.

In int8 a choice by a constant mask is a smaller and a larger of two, one between two functions of
one value a table.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from mcucc.ir import Shape, TensorType
from mcucc.ops.base import FloatBase
from mcucc.ops.elementwise import FloatClip
from mcucc.ops.unary import FloatUnary

Comparison = Literal["==", ">", ">=", "<", "<="]
Piece = tuple[FloatUnary | FloatClip | tuple[float, float], ...]
"""Functions one after the other; two numbers are slope and offset of a line."""


@dataclass(frozen=True)
class FloatPieces(FloatBase):
    """A function of one element, made of two.

    Attributes:
        comparison: of the element with the bound.
        bound: the number.
        chosen: the function where the comparison is true.
        other: the function elsewhere.
    """

    comparison: Comparison
    bound: float
    chosen: Piece = ()
    other: Piece = ()

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The shape of x."""
        return inputs[0].shape

    @property
    def elementwise(self) -> bool:
        """Each element by itself."""
        return True


@dataclass(frozen=True)
class FloatSelect(FloatBase):
    """The first value where a constant mask is 1, the second where it is 0.

    Inputs are (first, second, mask); one of the first two may be constant, and both broadcast to
    the mask.
    """

    parameters: ClassVar[int] = 1

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The shape of the mask."""
        return inputs[2].shape

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:  # noqa: ARG002
        """Operands that broadcast to the mask."""
        shapes = [each.shape for each in inputs]
        if tuple(np.broadcast_shapes(*shapes)) != shapes[2]:
            yield f"the operands must broadcast to the mask, not {[list(s) for s in shapes]}"

    @property
    def copies(self) -> bool:
        """It moves values."""
        return True

    @property
    def rescales(self) -> bool:
        """Both values."""
        return True


Float = FloatPieces | FloatSelect
