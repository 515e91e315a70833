"""Operators that bring bytes into another order, on values of four axes."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mcucc.importer.layout.layout import Perm, identity, merge_transposition
from mcucc.ir import Shape

Kind = Literal["reshape", "transpose", "DCR", "CRD"]
"""Operators that only rename axes or move bytes; the last two make blocks of pixels of channels."""

_LARGEST_RANK = 4
_MOST_AXES = 6
"""For which a way is looked for."""


@dataclass(frozen=True)
class Move:
    """An operator that moves bytes.

    Attributes:
        kind: no reshape.
        shape: inner, as which its input is viewed; the batch is 1.
        axes: order of inner axes, or rows and columns of a block.
    """

    kind: Kind
    shape: Shape
    axes: tuple[int, ...]


def moves_of(shape: Shape, turn: Perm) -> Sequence[Move]:
    """A transposition: as one operator, or as few as can be.

    Args:
        shape: of what is transposed, with a batch of 1.
        turn: output axis i is input axis turn[i].

    Returns:
        What is done in turn. Where there are too many axes, one transposition of all of them, which
        is refused.
    """
    if len(shape) <= _LARGEST_RANK or len(shape) > _MOST_AXES + 1:
        return [Move("transpose", shape, turn)]
    if turn == (0, 1, 4, 2, 5, 3):  # a map, its channels (c, row, column)
        _, h, w, c, rows, columns = shape
        return [Move("CRD", (1, h, w, c * rows * columns), (rows, columns))]
    made: list[Move] = []
    order = identity(len(shape) - 1)
    for target in _way(tuple(axis - 1 for axis in turn[1:])):
        sizes = (1, *(shape[1 + axis] for axis in order))
        made.append(_move(sizes, (0, *(1 + order.index(axis) for axis in target))))
        order = target
    return made


def _move(shape: Shape, turn: Perm) -> Move:
    merged, axes = merge_transposition(shape, turn)
    if axes != (0, 1, 3, 2, 4):
        return Move("transpose", merged, axes)
    _, rows, columns, parts, size = merged
    return Move("DCR", (1, rows, columns, parts * size), (parts, 1))


def _way(target: Perm) -> Sequence[Perm]:
    """The orders that axes have after each of the fewest moves that bring them into an order."""
    start, before = identity(len(target)), dict[Perm, Perm]()
    reached = [start]
    for order in reached:
        for new in _turned(order):
            if new not in before and new != start:
                before[new] = order
                reached.append(new)
        if target in before:
            break
    way = [target]
    while way[-1] != start and before[way[-1]] != start:
        way.append(before[way[-1]])
    return way[::-1]


def _turned(order: Perm) -> Iterator[Perm]:
    """What one move makes of an order: three blocks trade places, or the middle two of four."""
    cuts = range(len(order) + 1)
    for first, second in itertools.combinations(cuts, 2):
        blocks = order[:first], order[first:second], order[second:]
        for a, b, c in itertools.permutations(blocks):
            yield (*a, *b, *c)
    for i, j, k in itertools.combinations(cuts, 3):
        yield (*order[:i], *order[j:k], *order[i:j], *order[k:])
