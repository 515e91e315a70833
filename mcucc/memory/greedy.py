"""First fit in several orders; the best result is kept.

Placing large buffers first into the lowest hole that fits is the method of most inference
runtimes (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020).
No single order is best, and each costs little.
"""

from collections.abc import Callable, Sequence

from mcucc.memory.bound import crowds, least_bytes
from mcucc.memory.clearance import Rules, align_up, height_of
from mcucc.memory.problem import Buffer

_ORDERS: tuple[Callable[[Buffer], tuple[int, ...]], ...] = (
    lambda b: (-b.size, b.start),
    lambda b: (-b.size * (b.end - b.start),),
    lambda b: (b.start - b.end, -b.size),
    lambda b: (b.start, -b.size),
    lambda b: (-b.end, -b.size),
)

_MANY_BUFFERS = 256
"""Beyond, fewer orders are tried: each takes time with the square of the number."""


def greedy_offsets(rules: Rules) -> tuple[int, ...]:
    """The lowest of the first-fit placements; among equals the one of the earliest order.

    Returns:
        An offset for each of `rules.buffers`.
    """
    return first_fit(rules, greedy_order(rules))


def greedy_order(rules: Rules) -> list[int]:
    """The order in which first fit comes out lowest; among equals the earliest order."""
    count = len(rules.buffers)
    keys = _ORDERS if count <= _MANY_BUFFERS else _ORDERS[:1]
    orders = [sorted(range(count), key=lambda i: key(rules.buffers[i])) for key in keys]
    orders.append(_crowded_first(rules))
    return min(orders, key=lambda order: height_of(rules, first_fit(rules, order)))


def first_fit(rules: Rules, order: Sequence[int]) -> tuple[int, ...]:
    """Places each buffer as low as those before it allow.

    Returns:
        An offset for each of `rules.buffers`.
    """
    placed: dict[int, int] = {}
    for i in order:
        placed[i] = lowest_fit(rules, placed, i)
    return tuple(placed[i] for i in range(len(rules.buffers)))


def _crowded_first(rules: Rules) -> list[int]:
    """Buffers of the step that needs the most without overlaps, then of the next, large first."""
    buffers = rules.buffers
    need = [0] * len(buffers)
    for crowd in crowds(buffers):
        total = least_bytes(buffers[i] for i in crowd)
        for i in crowd:
            need[i] = max(need[i], total)
    return sorted(range(len(buffers)), key=lambda i: (-need[i], -buffers[i].size))


def lowest_fit(rules: Rules, placed: dict[int, int], i: int) -> int:
    """The lowest offset of buffer `i` that keeps its distance from all placed ones.

    A placed `j` forbids the offsets strictly between "just far enough below `j`" and "just far
    enough above `j`". Going through these ranges from low to high passes each of them once; with
    distances below 0 they may nest, and one that ends below the offset reached does nothing.
    """
    forbidden: list[tuple[int, int]] = []
    for j, below, above in rules.forbidden[i]:
        if j in placed:  # A loop, since first fit spends most of the planner's time here.
            forbidden.append((placed[j] - below, placed[j] + above))
    forbidden.sort()
    offset = 0
    for low, high in forbidden:
        if offset <= low:
            break
        if offset < high:
            offset = align_up(high, rules.buffers[i].alignment)
    return offset
