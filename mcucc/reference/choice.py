"""Operators that choose between two values, of floats."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mcucc.ops.choice import Comparison, FloatPieces, FloatSelect, Piece
from mcucc.ops.elementwise import FloatClip
from mcucc.ops.unary import FloatUnary
from mcucc.reference.meaning import FloatMeaning
from mcucc.reference.unary import clip, float_unary

FloatArray = NDArray[np.float32]

_COMPARISONS: Mapping[Comparison, Callable[[FloatArray, np.float32], NDArray[np.bool_]]] = {
    "==": np.equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
}


def pieces(op: FloatPieces, x: FloatArray) -> FloatArray:
    """Each element by the function that its comparison with the bound says."""
    with np.errstate(all="ignore"):
        chosen, other = (_composed(piece, x) for piece in (op.chosen, op.other))
        return np.where(_COMPARISONS[op.comparison](x, np.float32(op.bound)), chosen, other)


def _composed(piece: Piece, x: FloatArray) -> FloatArray:
    """Functions one after the other, in float32."""
    for each in piece:
        match each:
            case FloatUnary():
                x = float_unary(each, x)
            case FloatClip(low, high):
                x = clip(x, low, high)
            case slope, offset:
                x = np.float32(slope) * x + np.float32(offset)
    return x


def _select(_: FloatSelect, x: Sequence[FloatArray]) -> FloatArray:
    return np.where(x[2] != 0, x[0], x[1])


FLOAT: dict[type, FloatMeaning] = {
    FloatPieces: lambda op, x: pieces(op, x[0]),
    FloatSelect: _select,
}
