"""Hill climbing over the orders that are given to first fit.

Where the exact search runs out of nodes, a change of the order of placement often still lowers
the arena: a buffer on top of it is placed earlier, or any two change places. A change that makes
the arena no higher is kept, so the search can cross a plain.
"""

from collections.abc import Iterator

from mcucc.memory.clearance import Rules, height_of
from mcucc.memory.greedy import first_fit, greedy_order

PLACED_PER_NODE = 2
"""Buffers that first fit places in about the time of a node of the exact search."""


def climb(rules: Rules, known: tuple[int, ...], target: int, budget: int) -> tuple[int, ...]:
    """Looks for a lower placement than the one known.

    Args:
        rules: at least one buffer.
        known: offsets of a valid placement.
        target: a height in bytes that is low enough; the search stops when it is reached.
        budget: nodes; `PLACED_PER_NODE` times as many buffers are placed at most.

    Returns:
        The lowest placement found, or the one known; the same for the same arguments.
    """
    left = budget * PLACED_PER_NODE
    count = len(rules.buffers)
    if count < 2 or left < count:
        return known
    order = greedy_order(rules)
    offsets = first_fit(rules, order)
    height, best = height_of(rules, offsets), known
    left -= count
    choices = _choices()
    while height_of(rules, best) > target:
        changed, first = _change(rules, order, offsets, choices)
        left -= count - first
        if left < 0:
            break
        tried = first_fit(rules, changed, first, offsets)
        if height_of(rules, tried) <= height:
            order, offsets, height = changed, tried, height_of(rules, tried)
            if height < height_of(rules, best):
                best = offsets
    return best


def _change(
    rules: Rules, order: list[int], offsets: tuple[int, ...], choices: Iterator[int]
) -> tuple[list[int], int]:
    """An order that differs in one or two places, and the first place that does."""
    count = len(order)
    changed = list(order)
    if next(choices) % 2:
        height = height_of(rules, offsets)
        tops = [at for at, i in enumerate(order) if offsets[i] + rules.buffers[i].size == height]
        here = tops[next(choices) % len(tops)]
        there = next(choices) % max(here, 1)
        changed.insert(there, changed.pop(here))
    else:
        here = next(choices) % count
        there = (here + 1 + next(choices) % (count - 1)) % count
        changed[here], changed[there] = changed[there], changed[here]
    return changed, min(here, there)


def _choices() -> Iterator[int]:
    """Numbers without a pattern, always the same: Lehmer's generator, high bits only.

    The standard library's does not promise the same choices in every version of Python.
    """
    state = 1
    while True:
        state = state * 48271 % 0x7FFFFFFF
        yield state >> 8
