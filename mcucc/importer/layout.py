"""From ONNX's channels-first layout to the inner channels-last one."""

import numpy as np

from mcucc.ir import Shape


def to_inner_perm(rank: int) -> tuple[int, ...] | None:
    """Axes order with inner = onnx.transpose(perm): channels (axis 1) go last.

    None where rank 2 or less leaves nothing to move.
    """
    return None if rank < 3 else (0, *range(2, rank), 1)


def to_inner_shape(shape: Shape) -> Shape:
    """The inner shape of a channels-first shape."""
    perm = to_inner_perm(len(shape))
    return shape if perm is None else tuple(shape[axis] for axis in perm)


def same_order(before: Shape, after: Shape) -> bool:
    """Whether an ONNX reshape keeps the order of the inner bytes too.

    It does not as soon as rows or columns and channels both have more than one element.
    """

    def inner_order(shape: Shape) -> bytes:
        order = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
        perm = to_inner_perm(len(shape))
        return np.ascontiguousarray(order if perm is None else order.transpose(perm)).tobytes()

    return inner_order(before) == inner_order(after)
