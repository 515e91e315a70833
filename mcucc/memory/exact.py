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
  schedule with release dates);
- the same floors have failed before.
"""

from dataclasses import dataclass

from mcucc.memory.bound import crowds
from mcucc.memory.clearance import Rules, align_up, height_of

MOST_BUFFERS = 300
"""Rules with more buffers are not searched: the recursion goes as deep as there are buffers."""


@dataclass(frozen=True)
class Outcome:
    """What a search found.

    Attributes:
        offsets: the lowest placement known, an offset for each of the rules' buffers.
        height: its height in bytes.
        exhausted: the search has shown that there is no lower placement.
        nodes: buffers that were set down on the way.
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
            exhausted = not attempt.gave_up
            tried = ceiling
        ceiling = max((tried + height) // 2, tried + 1)
    return Outcome(best, height, exhausted, nodes)


@dataclass(frozen=True)
class _Crowd:
    """Buffers that some step needs together.

    Attributes:
        padded: index and size of each, rounded up to the smallest alignment among them.
        relief: the padding that the topmost of them need not have, at most.
    """

    padded: tuple[tuple[int, int], ...]
    relief: int

    def top(self, floors: dict[int, int], last: int) -> int:
        """The open members cannot end below this if none starts below its floor or `last`."""
        members = sorted([(floors[i], size) for i, size in self.padded if i in floors])
        if not members:
            return 0
        top = last
        for floor, size in members:
            top = max(top, floor) + size
        return top - self.relief


@dataclass(frozen=True)
class _Tables:
    """What every attempt looks up.

    Attributes:
        rules: the buffers and their distances.
        near: for each buffer the crowds with a member that conflicts with it.
        twins: for each buffer the one before it if they differ in name alone, else -1. Twins can
            change places, so only their order of index is searched.
    """

    rules: Rules
    near: tuple[tuple[_Crowd, ...], ...]
    twins: tuple[int, ...]


class _Attempt:
    """One depth-first search for a placement that is no higher than a ceiling.

    `floors` is the state of the search: for each open buffer, in the order of the rules, the
    lowest offset that the buffers set down allow it. `last` is the offset of the one set down
    last; an open buffer with a lower floor must still be lifted by another, or it could sink.
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
        return self._all_fit(dict.fromkeys(range(len(self._buffers)), 0), last=0)

    def _all_fit(self, floors: dict[int, int], last: int) -> bool:
        """Small parts first: they fail, if they do, at the least cost."""
        for part in sorted(self._parts(floors), key=len):  # noqa: SIM110 - all() would deepen the recursion by a frame
            if not self._fits(part, last):
                return False
        return True

    def _fits(self, floors: dict[int, int], last: int) -> bool:
        waiting = min(floors.values()) < last
        state = (*floors, *floors.values(), last if waiting else -1)
        if state in self._failed:
            return False
        for i in self._branches(floors, last):
            if self.nodes == self._budget:
                self.gave_up = True
                return False
            self.nodes += 1
            offset = floors[i]
            after = self._set_down(floors, i)
            if all(crowd.top(after, offset) <= self._ceiling for crowd in self._tables.near[i]):
                self.offsets[i] = offset
                if self._all_fit(after, offset):
                    return True
                if self.gave_up:
                    return False
        self._failed.add(state)
        return False

    def _branches(self, floors: dict[int, int], last: int) -> list[int]:
        """The buffers that may be set down next, low and large ones first."""
        sizes = {i: self._buffers[i].size for i in floors}
        sinking = min(floor + sizes[i] for i, floor in floors.items())
        twins = self._tables.twins
        return sorted(
            (
                i
                for i, floor in floors.items()
                if last <= floor < sinking
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
    buffers = rules.buffers
    all_crowds = [_crowd(rules, members) for members in crowds(buffers)]
    near = tuple(
        tuple(c for c in all_crowds if any(j in distances for j, _ in c.padded))
        for distances in rules.clearance
    )
    shapes = [(b.size, b.start, b.end, b.alignment) for b in buffers]
    twins = tuple(i - 1 if i and shapes[i] == shapes[i - 1] else -1 for i in range(len(shapes)))
    return _Tables(rules, near, twins)


def _crowd(rules: Rules, members: tuple[int, ...]) -> _Crowd:
    sizes = [rules.buffers[i].size for i in members]
    alignment = min(rules.buffers[i].alignment for i in members)
    padded = [align_up(size, alignment) for size in sizes]
    relief = max(wide - size for wide, size in zip(padded, sizes, strict=True))
    return _Crowd(tuple(zip(members, padded, strict=True)), relief)
