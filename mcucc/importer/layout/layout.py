"""Layouts of float values: how the inner bytes lie in an ONNX value.

A layout of an ONNX shape is an axes order `perm`: the inner tensor is onnx.transpose(perm). Many
layouts have the same bytes in the same order, for axes of one element may stand anywhere and
neighbouring axes may be merged or split; `byte_order` is what they have in common.
"""

import itertools
import math
from collections.abc import Collection, Iterator, Sequence

from mcucc.ir import Shape

Perm = tuple[int, ...]
"""An order of axes."""

ByteOrder = tuple[tuple[int, int], ...]
"""Nested loops (count, step) over the elements of the ONNX value, outermost first."""

_SEARCH_RANK = 6
"""Up to this rank all axes orders are tried."""


def channels_last(rank: int) -> Perm:
    """The layout that operators on maps need: axis 1 goes last."""
    return tuple(range(rank)) if rank < 3 else (0, *range(2, rank), 1)


def identity(rank: int) -> Perm:
    """ONNX's own layout."""
    return tuple(range(rank))


def inner_shape(shape: Shape, perm: Perm) -> Shape:
    """The sizes in the order of the layout."""
    return tuple(shape[axis] for axis in perm)


def byte_order(shape: Shape, perm: Perm) -> ByteOrder:
    """The order in which a layout visits the elements of an ONNX value, in canonical form.

    Loops of one turn are left out, and a loop that continues where the next inner one ends is
    merged with it, so that equal orders have equal forms.
    """
    steps = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    loops: list[tuple[int, int]] = []
    for axis in reversed(perm):
        count, step = shape[axis], steps[axis]
        if count == 1:
            continue
        if loops and step == loops[-1][0] * loops[-1][1]:
            inner_count, inner_step = loops.pop()
            count, step = count * inner_count, inner_step
        loops.append((count, step))
    return tuple(reversed(loops))


def find_layout(order: ByteOrder, shape: Shape) -> Perm | None:
    """A layout of `shape` with this byte order, None if there is none.

    Channels last is preferred, then ONNX's own layout, then any that leaves the batch first.
    """
    return next((perm for perm in _layouts(len(shape)) if byte_order(shape, perm) == order), None)


def _layouts(rank: int) -> Iterator[Perm]:
    yield channels_last(rank)
    yield identity(rank)
    if rank <= _SEARCH_RANK:
        yield from itertools.permutations(range(rank))


def common_axes(a: Shape, b: Shape) -> Shape | None:
    """The coarsest shape of which both are merged axes, None if there is none.

    [1, 6, 4] and [2, 3, 4] have [2, 3, 4], [6, 4] and [4, 6] have none.
    """
    cuts = sorted({math.prod(shape[i:]) for shape in (a, b) for i in range(len(shape) + 1)})
    if any(above % below for below, above in itertools.pairwise(cuts)):
        return None
    return tuple(above // below for below, above in itertools.pairwise(cuts))[::-1]


def split_layout(shape: Shape, perm: Perm, axes: Shape) -> Perm:
    """A layout of `shape` as one of the finer `axes` that `common_axes` gave."""
    ends = [math.prod(axes[i:]) for i in range(len(axes) + 1)]
    order: list[int] = []
    for axis in perm:
        first, last = math.prod(shape[axis:]), math.prod(shape[axis + 1 :])
        order += range(ends.index(first), ends.index(last))
    return tuple(order)


def fold_axes(shape: Sequence[int], kept: Collection[int]) -> tuple[Shape, dict[int, int]]:
    """The same bytes with as few axes as possible, behind a batch of 1.

    Args:
        shape: inner.
        kept: axes that stay by themselves.

    Returns:
        The shape, and where each axis that is kept is in it.
    """
    sizes, places, merges = [1], dict[int, int](), False
    for axis, size in enumerate(shape):
        if axis in kept:
            places[axis] = len(sizes)
        if axis in kept or not merges:
            sizes.append(size)
        else:
            sizes[-1] *= size
        merges = axis not in kept
    if 1 not in places.values() and sizes[1:2] == [1]:
        sizes.pop(1)
        places = {axis: place - 1 for axis, place in places.items()}
    return tuple(sizes), places


def fold_pair(a: Shape, b: Shape) -> tuple[Shape, Shape]:
    """Two inner shapes of equal rank that broadcast, with as few axes as possible.

    Neighbouring axes along which the same of them is repeated are one; the batch of 1 stays.
    """
    pairs: list[list[int]] = [[1, 1]]
    kinds: list[tuple[bool, bool]] = []
    for n, m in zip(a, b, strict=True):
        if n == m == 1:
            continue
        kind = (n == 1, m == 1)
        if kinds and kinds[-1] == kind:
            pairs[-1] = [pairs[-1][0] * n, pairs[-1][1] * m]
        else:
            pairs.append([n, m])
            kinds.append(kind)
    pairs += [[1, 1]] * (2 - len(pairs))
    first, second = zip(*pairs, strict=True)
    return tuple(first), tuple(second)


def merge_transposition(shape: Shape, perm: Perm) -> tuple[Shape, Perm]:
    """The same movement of bytes with as few axes as possible, and a batch of 1 in front.

    Args:
        shape: of what is transposed.
        perm: output axis i is input axis perm[i].

    Returns:
        The shape to view the input as, and the order of its axes.
    """
    real = [axis for axis, size in enumerate(shape) if size != 1]
    place = {axis: i for i, axis in enumerate(real)}
    groups: list[list[int]] = []
    for axis in perm:
        if axis not in place:
            continue
        if groups and place[axis] == place[groups[-1][-1]] + 1:
            groups[-1].append(axis)
        else:
            groups.append([axis])
    ordered = sorted(groups)
    sizes = (1, *(math.prod(shape[axis] for axis in group) for group in ordered))
    return sizes, (0, *(1 + ordered.index(group) for group in groups))
