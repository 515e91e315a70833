"""Axes orders: output axis i is input axis perm[i]."""

from mcucc.ir import Shape

Perm = tuple[int, ...]


def composed(first: Perm, second: Perm) -> Perm:
    """One transposition in place of two."""
    return tuple(first[axis] for axis in second)


def inverse(perm: Perm) -> Perm:
    """The transposition that undoes another."""
    return tuple(perm.index(axis) for axis in range(len(perm)))


def is_identity(perm: Perm) -> bool:
    """Whether all axes stay."""
    return perm == tuple(range(len(perm)))


def real_axes(shape: Shape) -> Perm:
    """The axes with more than one element."""
    return tuple(axis for axis, size in enumerate(shape) if size != 1)


def keeps_order(shape: Shape, perm: Perm) -> bool:
    """Whether the elements of a tensor of this shape stay in order: only axes of one move."""
    moved = tuple(axis for axis in perm if shape[axis] != 1)
    return moved == real_axes(shape)
