"""Rectangles whose areas are numbers: what takes flash."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A rectangle; all sizes in the unit of the whole."""

    left: float
    top: float
    width: float
    height: float


def squarified(sizes: Sequence[int], whole: Place) -> tuple[Place, ...]:
    """Places for numbers, each with an area in proportion and about as wide as high.

    Rows are filled along the shorter side of what is left, as long as the proportions of their
    rectangles get better.

    Args:
        sizes: positive, by falling size.
        whole: what they share.
    """
    return tuple(_placed(sizes, whole))


def _placed(sizes: Sequence[int], left: Place) -> Iterator[Place]:
    begin = 0
    while begin < len(sizes):
        rest = sum(sizes[begin:])
        scale = left.width * left.height / rest
        side = min(left.width, left.height)
        end = begin + 1
        while end < len(sizes) and _worst(sizes[begin : end + 1], side, scale) <= _worst(
            sizes[begin:end], side, scale
        ):
            end += 1
        row = sizes[begin:end]
        yield from _row(row, left, sum(row) / rest)
        left = _beyond(left, sum(row) / rest)
        begin = end


def _worst(row: Sequence[int], side: float, scale: float) -> float:
    """The proportion of the longest rectangle of a row along a side."""
    thick = sum(row) * scale / side
    return max(max(thick / (x * scale / thick), (x * scale / thick) / thick) for x in row)


def _row(row: Sequence[int], left: Place, share: float) -> Iterator[Place]:
    total, done = sum(row), 0
    for size in row:
        at, part = done / total, size / total
        if left.width >= left.height:
            thick = left.width * share
            top = left.top + left.height * at
            yield Place(left.left, top, thick, left.height * part)
        else:
            thick = left.height * share
            start = left.left + left.width * at
            yield Place(start, left.top, left.width * part, thick)
        done += size


def _beyond(left: Place, share: float) -> Place:
    """What a row leaves."""
    if left.width >= left.height:
        thick = left.width * share
        return Place(left.left + thick, left.top, left.width - thick, left.height)
    thick = left.height * share
    return Place(left.left, left.top + thick, left.width, left.height - thick)
