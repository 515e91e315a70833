"""From ONNX's channels-first layout to the inner channels-last one."""

import math

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
    return _inner_order(before) == _inner_order(after)


def _inner_order(shape: Shape) -> tuple[tuple[int, int], ...]:
    """Where the inner bytes lie in the ONNX value: nested loops (count, step), outermost first.

    The form is canonical: loops of one turn are left out, and a loop that continues where the
    next inner one ends is merged with it. Equal orders thus have equal forms.
    """
    steps = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    loops: list[tuple[int, int]] = []
    for axis in to_inner_perm(len(shape)) or range(len(shape)):
        count, step = shape[axis], steps[axis]
        if count == 1:
            continue
        if loops and loops[-1][1] == count * step:
            count *= loops.pop()[0]
        loops.append((count, step))
    return tuple(loops)
