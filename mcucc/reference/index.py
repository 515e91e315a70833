"""Operators that make indices.

In the int8 interpreter an int32 value is held as its bytes: int8 of four times as many channels,
little-endian, as the arena of every board holds it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mcucc.ops import NodeView
from mcucc.ops.index import (
    ArgMax,
    FloatArgMax,
    FloatTopKIndices,
    FloatTopKValues,
    TopKIndices,
    TopKValues,
)
from mcucc.reference.meaning import FloatMeaning, Int8Meaning


def find(x: NDArray[np.generic], *, largest: bool, last: bool) -> NDArray[np.int32]:
    """Where the extreme of the last axis stands, (N, ..., 1).

    Args:
        x: (N, ..., C).
        largest: the smallest number if it is false.
        last: of several that are equal the last one, else the first.
    """
    seen = x[..., ::-1] if last else x
    found = seen.argmax(axis=-1) if largest else seen.argmin(axis=-1)
    place = x.shape[-1] - 1 - found if last else found
    return place[..., np.newaxis].astype(np.int32)


def first_k(x: NDArray[np.generic], k: int, *, largest: bool) -> NDArray[np.int32]:
    """Where the k largest numbers of the last axis stand, the largest first, (N, ..., k).

    Args:
        x: (N, ..., C), int8 or float32.
        k: at most C. Of equal numbers the first one comes first.
        largest: the smallest ones, the smallest first, if it is false.
    """
    numbers = x.astype(np.float32)
    order = np.argsort(-numbers if largest else numbers, axis=-1, kind="stable")
    return order[..., :k].astype(np.int32)


def as_bytes(indices: NDArray[np.integer]) -> NDArray[np.int8]:
    """int32 numbers (..., C) as their little-endian bytes (..., 4 C)."""
    return np.ascontiguousarray(indices.astype("<i4")).view(np.int8)


def from_bytes(held: NDArray[np.int8]) -> NDArray[np.int32]:
    """The int32 numbers (..., C) of their bytes (..., 4 C)."""
    return np.ascontiguousarray(held).view("<i4").astype(np.int32, copy=False)


def _arg_max(view: NodeView[ArgMax], x: Sequence[NDArray[np.int8]]) -> NDArray[np.int8]:
    return as_bytes(find(x[0], largest=view.op.largest, last=view.op.last))


def _float_arg_max(op: FloatArgMax, x: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    return find(x[0], largest=op.largest, last=op.last).astype(np.float32)


def _top_k_values(view: NodeView[TopKValues], x: Sequence[NDArray[np.int8]]) -> NDArray[np.int8]:
    places = first_k(x[0], view.op.k, largest=view.op.largest)
    return np.take_along_axis(x[0], places, axis=-1)


def _top_k_indices(view: NodeView[TopKIndices], x: Sequence[NDArray[np.int8]]) -> NDArray[np.int8]:
    return as_bytes(first_k(x[0], view.op.k, largest=view.op.largest))


def _float_top_k_values(
    op: FloatTopKValues, x: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    return np.take_along_axis(x[0], first_k(x[0], op.k, largest=op.largest), axis=-1)


def _float_top_k_indices(
    op: FloatTopKIndices, x: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    return first_k(x[0], op.k, largest=op.largest).astype(np.float32)


INT8: dict[type, Int8Meaning] = {
    ArgMax: _arg_max,
    TopKIndices: _top_k_indices,
    TopKValues: _top_k_values,
}
FLOAT: dict[type, FloatMeaning] = {
    FloatArgMax: _float_arg_max,
    FloatTopKIndices: _float_top_k_indices,
    FloatTopKValues: _float_top_k_values,
}
