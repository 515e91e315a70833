"""Branch and bound to the lowest placement.

Every problem has a lowest placement in which each buffer rests on the bottom of the arena or on
a buffer below it, and no buffer could sink. Such a placement is built by setting buffers down in
ascending order of their offsets, each as low as those already there allow (the canonical
solutions of google/minimalloc). The search asks, for one ceiling after another, whether such a
placement exists below it. What is still open falls apart where no open buffer crosses a step
boundary; the parts are searched one by one. A branch is left when

- an open buffer would fit wholly below all that is still to come, so it could sink;
- a crowd of buffers cannot end below the ceiling: its open members, each not below its floor and
  not below the buffer set down last, are stacked as if nothing else existed (the one-machine
  schedule with release dates). Of an overlap a crowd has but one buffer;
- the same floors have failed before.

Distances of 0 or less. A buffer `u` that may start `d` bytes below a buffer `l` is set down after
`l` though it lies lower, so "ascending" becomes: of the buffers that may precede all open ones
that they conflict with, the lowest. "May precede" means that the open ones keep the distance at
which the clearance puts them above. There always is such a buffer: if not, there would be a cycle
in which each keeps its distance from the one before. The distances around a cycle sum up to 0 or
less, but each distance `-d` into a `u` is followed by one that exceeds `d`: the size of `u`, for a
pair with a larger `d` forbids nothing. The exception is a `u` that is itself the lower buffer of
another overlap at a distance of `d` or less. Rules with such a buffer are searched all the same,
but the search proves nothing.

For the same reason drops do not add up: once a buffer lies at some offset, any later `u` lies at
most its own largest `d` lower. That is its `drop`, and 0 where all distances are positive.
"""

from dataclasses import dataclass

from mcucc.memory.bound import apart_sets, crowds
from mcucc.memory.clearance import Rules, align_up, height_of

MOST_BUFFERS = 300
"""Rules with more buffers are not searched: the recursion goes as deep as there are buffers."""

_MOST_SETS = 2
"""Sets of one crowd that are stacked in each node; two say all of an operator with overlaps."""

_STACKED_PER_NODE = 160
"""Members of crowds that are looked at in one node; where there are more it counts as several."""


@dataclass(frozen=True)
class Outcome:
    """What a search found.

    Attributes:
        offsets: the lowest placement known, an offset for each of the rules' buffers.
        height: its height in bytes.
        exhausted: the search has shown that there is no lower placement.
        nodes: buffers that were set down on the way; see `_STACKED_PER_NODE`.
    """

    offsets: tuple[int, ...]
    height: int
    exhausted: bool
    nodes: int


def improve(rules: Rules, known: tuple[int, ...], target: int, budget: int) -> Outcome:
    """Searches for a lower placement than the one known.

    The target is tried first: a low ceiling prunes best, and it is often reached. After that the
    ceiling bisects what lies between the heights tried in vain and the height known. Each attempt
    gets half of the budget that is left, the one just below the known height all of it.

    Args:
        rules: at least one buffer.
        known: offsets of a valid placement.
        target: a height in bytes that is low enough; the search stops when it is reached.
        budget: the most nodes to visit, at least 0.

    Returns:
        The best placement; the same for the same arguments.
    """
    best, height, nodes = known, height_of(rules, known), 0
    if height <= target or len(rules.buffers) > MOST_BUFFERS:
        return Outcome(best, height, exhausted=False, nodes=nodes)
    tables = _tables(rules)
    ceiling, tried, exhausted = target, target - 1, False
    while ceiling < height:
        share = (budget - nodes) // 2 if ceiling < height - 1 else budget - nodes
        attempt = _Attempt(tables, ceiling, share)
        found = attempt.succeeds()
        nodes += attempt.nodes
        if found:
            best = tuple(attempt.offsets)
            height = height_of(rules, best)
        else:
            exhausted = not attempt.gave_up and not tables.cyclic
            tried = ceiling
        ceiling = max((tried + height) // 2, tried + 1)
    return Outcome(best, height, exhausted, nodes)


@dataclass(frozen=True)
class _Crowd:
    """Buffers that some step needs together, without overlaps among them.

    Attributes:
        padded: index, size and drop of each, the size rounded up to the smallest alignment.
        relief: the padding that the topmost of them need not have, at most.
    """

    padded: tuple[tuple[int, int, int], ...]
    relief: int

    def top(self, floors: dict[int, int], reach: int) -> int:
        """The open members cannot end below this if none starts below its floor or `reach`."""
        members = [
            (floor if floor > (least := reach - drop) else least, size)
            for i, size, drop in self.padded
            if (floor := floors.get(i)) is not None
        ]
        members.sort()
        top = 0
        for floor, size in members:
            top = (top if top > floor else floor) + size
        return top - self.relief


@dataclass(frozen=True)
class _Tables:
    """What every attempt looks up.

    Attributes:
        rules: the buffers and their distances.
        near: for each buffer the crowds with a member that conflicts with it.
        twins: for each buffer the one before it if they differ in name alone, else -1. Twins can
            change places, so only their order of index is searched.
        drops: for each buffer how far it may start below one that was set down before it.
        heads: for each buffer how far above its floor all others must lie for it to sink.
        weights: for each buffer the nodes that setting it down counts for.
        cyclic: a search that finds nothing proves nothing.
    """

    rules: Rules
    near: tuple[tuple[_Crowd, ...], ...]
    twins: tuple[int, ...]
    drops: tuple[int, ...]
    heads: tuple[int, ...]
    weights: tuple[int, ...]
    cyclic: bool


class _Attempt:
    """One depth-first search for a placement that is no higher than a ceiling.

    `floors` is the state of the search: for each open buffer, in the order of the rules, the
    lowest offset that the buffers set down allow it. `reach` is the highest offset of one set
    down; an open buffer whose floor is lower by more than its drop must still be lifted by another,
    or it could sink.
    """

    def __init__(self, tables: _Tables, ceiling: int, budget: int) -> None:
        self._tables = tables
        self._buffers = tables.rules.buffers
        self._ceiling = ceiling
        self._budget = budget
        self._failed: set[tuple[int, ...]] = set()
        self.offsets = [0] * len(self._buffers)
        self.nodes = 0
        self.gave_up = False

    def succeeds(self) -> bool:
        """Whether a placement was found; if not, there is none unless the attempt gave up."""
        return self._all_fit(dict.fromkeys(range(len(self._buffers)), 0), reach=0)

    def _all_fit(self, floors: dict[int, int], reach: int) -> bool:
        """Small parts first: they fail, if they do, at the least cost."""
        for part in sorted(self._parts(floors), key=len):  # noqa: SIM110 - all() would deepen the recursion by a frame
            if not self._fits(part, reach):
                return False
        return True

    def _fits(self, floors: dict[int, int], reach: int) -> bool:
        drops = self._tables.drops
        waiting = any(floor < reach - drops[i] for i, floor in floors.items())
        state = (*floors, *floors.values(), reach if waiting else -1)
        if state in self._failed:
            return False
        for i in self._branches(floors, reach):
            if self.nodes + self._tables.weights[i] > self._budget:
                self.gave_up = True
                return False
            self.nodes += self._tables.weights[i]
            offset = floors[i]
            after, reached = self._set_down(floors, i), max(reach, offset)
            if all(crowd.top(after, reached) <= self._ceiling for crowd in self._tables.near[i]):
                self.offsets[i] = offset
                if self._all_fit(after, reached):
                    return True
                if self.gave_up:
                    return False
        self._failed.add(state)
        return False

    def _branches(self, floors: dict[int, int], reach: int) -> list[int]:
        """The buffers that may be set down next, low and large ones first."""
        sizes = {i: self._buffers[i].size for i in floors}
        heads, drops, twins = self._tables.heads, self._tables.drops, self._tables.twins
        sinking = min(floor + heads[i] for i, floor in floors.items())
        return sorted(
            (
                i
                for i, floor in floors.items()
                if reach - drops[i] <= floor < sinking
                and floor + sizes[i] <= self._ceiling
                and twins[i] not in floors
            ),
            key=lambda i: (floors[i], -sizes[i]),
        )

    def _set_down(self, floors: dict[int, int], i: int) -> dict[int, int]:
        """The floors after buffer `i` was set down on its own."""
        after = dict(floors)
        offset = after.pop(i)
        for j, distance in self._tables.rules.clearance[i].items():
            if j in after:
                lifted = align_up(offset + distance, self._buffers[j].alignment)
                after[j] = max(after[j], lifted)
        return after

    def _parts(self, floors: dict[int, int]) -> list[dict[int, int]]:
        """Splits the open buffers where none crosses a step boundary."""
        parts: list[dict[int, int]] = []
        reached = 0
        for i, floor in floors.items():
            buffer = self._buffers[i]
            if not parts or buffer.start >= reached:
                parts.append({})
            parts[-1][i] = floor
            reached = max(reached, buffer.end)
        return parts


def _tables(rules: Rules) -> _Tables:
    drops = _drops(rules)
    distinct = dict.fromkeys(
        apart for members in crowds(rules.buffers) for apart in _heaviest(rules, members)
    )
    all_crowds = [_crowd(rules, members, drops) for members in distinct]
    near = tuple(
        tuple(c for c in all_crowds if any(j in distances for j, _, _ in c.padded))
        for distances in rules.clearance
    )
    return _Tables(
        rules=rules,
        near=near,
        twins=_twins(rules),
        drops=drops,
        heads=_heads(rules, drops),
        weights=tuple(
            max(1, sum(len(crowd.padded) for crowd in some) // _STACKED_PER_NODE) for some in near
        ),
        cyclic=_is_cyclic(rules, drops),
    )


def _heaviest(rules: Rules, members: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The sets of a crowd without overlaps among them that need the most bytes, a few of them."""
    index = {rules.buffers[i].name: i for i in members}
    sets = apart_sets([rules.buffers[i] for i in members], rules.overlaps)
    heavy = sorted(sets, key=lambda apart: -sum(buffer.size for buffer in apart))
    return [tuple(sorted(index[b.name] for b in apart)) for apart in heavy[:_MOST_SETS]]


def _crowd(rules: Rules, members: tuple[int, ...], drops: tuple[int, ...]) -> _Crowd:
    sizes = [rules.buffers[i].size for i in members]
    alignment = min(rules.buffers[i].alignment for i in members)
    padded = [align_up(size, alignment) for size in sizes]
    relief = max(wide - size for wide, size in zip(padded, sizes, strict=True))
    return _Crowd(
        tuple((i, wide, drops[i]) for i, wide in zip(members, padded, strict=True)), relief
    )


def _drops(rules: Rules) -> tuple[int, ...]:
    drops = [0] * len(rules.buffers)
    for distances in rules.clearance:
        for j, distance in distances.items():
            drops[j] = max(drops[j], -distance)
    return tuple(drops)


def _heads(rules: Rules, drops: tuple[int, ...]) -> tuple[int, ...]:
    """At least 1, so that a buffer at its floor never stands in its own way."""
    return tuple(
        max((max(distance + drops[j], 1) for j, distance in distances.items()), default=buffer.size)
        for buffer, distances in zip(rules.buffers, rules.clearance, strict=True)
    )


def _is_cyclic(rules: Rules, drops: tuple[int, ...]) -> bool:
    """Whether a distance of 0 or less may be followed by one that does not make up for it."""
    below = {j for distances in rules.clearance for j, d in distances.items() if d <= 0}
    return any(min(rules.clearance[j].values()) <= drops[j] for j in below)


def _twins(rules: Rules) -> tuple[int, ...]:
    shapes = [(b.size, b.start, b.end, b.alignment) for b in rules.buffers]
    return tuple(
        i - 1 if i and shapes[i] == shapes[i - 1] and _may_swap(rules, i - 1, i) else -1
        for i in range(len(shapes))
    )


def _may_swap(rules: Rules, i: int, j: int) -> bool:
    """Whether two buffers of one shape keep the same distances from each other and all others."""
    clearance = rules.clearance

    def seen(one: int, other: int) -> list[tuple[int, int, int]]:
        return [(k, d, clearance[k][one]) for k, d in clearance[one].items() if k != other]

    return seen(i, j) == seen(j, i) and clearance[i].get(j) == clearance[j].get(i)
