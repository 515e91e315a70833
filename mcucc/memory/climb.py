"""Hill climbing over the orders that are given to first fit.

Where the exact search runs out of nodes, a change of the order of placement often still lowers
the arena: a buffer on top of it is placed before one that is in its way, or any two change places.
A change that makes the arena no higher is kept, so the search can cross a plain.
"""

from collections.abc import Iterator

from mcucc.memory.clearance import Rules, height_of
from mcucc.memory.greedy import first_fit, greedy_order, lowest_fit

COMPARED_PER_NODE = 160
"""Pairs of buffers that first fit compares in about the time of a node of the exact search."""

_MOST_PER_TRIPLE = 100
"""A few buffers are soon exhausted: no more comparisons than this times their number cubed."""


def climb(rules: Rules, known: tuple[int, ...], target: int, budget: int) -> tuple[int, ...]:
    """Looks for a lower placement than the one known.

    Args:
        rules: at least one buffer.
        known: offsets of a valid placement.
        target: a height in bytes that is low enough; the search stops when it is reached.
        budget: nodes; each stands for `COMPARED_PER_NODE` pairs of buffers.

    Returns:
        The lowest placement found, or the one known; the same for the same arguments.
    """
    most = _MOST_PER_TRIPLE * len(rules.buffers) ** 3
    hill = _Hill(rules, min(budget * COMPARED_PER_NODE, most))
    best = min(known, hill.offsets, key=lambda offsets: height_of(rules, offsets))
    lowest = height_of(rules, best)
    while lowest > target and hill.step():
        if hill.height < lowest:
            best, lowest = hill.offsets, hill.height
    return best


class _Hill:
    """Where the climbing is.

    Args:
        rules: the buffers and their distances.
        budget: how many pairs of buffers may be compared.
    """

    def __init__(self, rules: Rules, budget: int) -> None:
        self._rules = rules
        self._left = budget
        # Finding the place of a buffer takes a little even where nothing is in its way.
        self._pairs = tuple(len(distances) + 4 for distances in rules.clearance)
        self._choices = _choices()
        self._order = greedy_order(rules)
        self.offsets = first_fit(rules, self._order)
        self.height = height_of(rules, self.offsets)

    def step(self) -> bool:
        """Tries one change; False if there is nothing left to try it with."""
        count = len(self._order)
        if count < 2 or self._left < sum(self._pairs):
            return False
        order, first = self._push() if next(self._choices) % 2 else self._swap()
        placed = {i: self.offsets[i] for i in order[:first]}
        for i in order[first:]:
            self._left -= self._pairs[i]
            placed[i] = lowest_fit(self._rules, placed, i)
            if placed[i] + self._rules.buffers[i].size > self.height:
                return True
        self._left -= 1  # Also where nothing had to be placed again.
        self._order = order
        self.offsets = tuple(placed[i] for i in range(count))
        self.height = height_of(self._rules, self.offsets)
        return True

    def _push(self) -> tuple[list[int], int]:
        """A buffer on top of the arena goes before one that it conflicts with."""
        ends = (
            offset + b.size for offset, b in zip(self.offsets, self._rules.buffers, strict=True)
        )
        tops = [i for i, end in enumerate(ends) if end == self.height]
        top = self._choose(tops)
        here = self._order.index(top)
        ways = [at for at, i in enumerate(self._order[:here]) if i in self._rules.clearance[top]]
        there = self._choose(ways) if ways else 0
        order = list(self._order)
        order.insert(there, order.pop(here))
        return order, there

    def _swap(self) -> tuple[list[int], int]:
        count = len(self._order)
        here = next(self._choices) % count
        there = (here + 1 + next(self._choices) % (count - 1)) % count
        order = list(self._order)
        order[here], order[there] = order[there], order[here]
        return order, min(here, there)

    def _choose(self, some: list[int]) -> int:
        return some[next(self._choices) % len(some)]


def _choices() -> Iterator[int]:
    """Numbers without a pattern, always the same: Lehmer's generator, high bits only.

    The standard library's does not promise the same choices in every version of Python.
    """
    state = 1
    while True:
        state = state * 48271 % 0x7FFFFFFF
        yield state >> 8
