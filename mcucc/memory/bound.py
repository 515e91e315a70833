"""What no placement can undercut: the bytes of the step that needs the most.

The bound looks at one step at a time, so it is blind to the holes that a buffer with a long life
leaves between steps; the optimum may lie above it, never below.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest

from mcucc.memory.clearance import align_up
from mcucc.memory.problem import Buffer, Overlap, Problem

_MOST_SETS = 16
"""Sets without overlaps that are looked at in one step; two are enough for an ordinary operator."""


def least_bytes(live: Iterable[Buffer], overlaps: Iterable[Overlap] = ()) -> int:
    """The fewest bytes that hold some buffers at the same time, padding included.

    Every offset is a multiple of the smallest alignment among them, so each buffer but the
    topmost takes its size rounded up to that alignment. Which one lies on top is free: the bound
    grants the one whose padding is largest. Padding that a larger alignment forces is left out,
    as it depends on the order.

    Buffers without overlaps among them take the sum of their sizes; see `_over` for those that one
    buffer may lie over. Where all overlaps have the same upper buffer and all alignments are 1
    that is exact. Otherwise the bound is the largest for any set of buffers without overlaps
    among them, alone or under one more buffer.

    Args:
        live: all of them conflict, but for the overlaps.
        overlaps: those with other buffers are left out.

    Returns:
        Bytes; 0 for no buffers.
    """
    buffers = tuple(live)
    if not buffers:
        return 0
    names = {buffer.name for buffer in buffers}
    inside = [o for o in overlaps if o.lower in names and o.upper in names]
    if not inside:
        return _stacked(buffers)
    return max(_needs(buffers, inside))


def _needs(buffers: tuple[Buffer, ...], overlaps: Sequence[Overlap]) -> Iterator[int]:
    sets = apart_sets(buffers, overlaps)
    yield from (_stacked(apart) for apart in sets)
    for upper in buffers:
        distances = {o.lower: o.distance for o in overlaps if o.upper == upper.name}
        # An overlap the other way round is a rule that `_over` does not know.
        unknown = {o.upper for o in overlaps if o.lower == upper.name} | {upper.name}
        for apart in sets if distances else ():
            others = [buffer for buffer in apart if buffer.name not in unknown]
            yield _over(upper, others, distances)


def _stacked(buffers: Sequence[Buffer]) -> int:
    """The bytes of buffers that share none."""
    alignment = min(buffer.alignment for buffer in buffers)
    padding = [-buffer.size % alignment for buffer in buffers]
    return sum(buffer.size for buffer in buffers) + sum(padding) - max(padding)


def _over(upper: Buffer, others: Sequence[Buffer], distances: Mapping[str, int]) -> int:
    """The bytes of buffers that share none and of one more that may lie over some of them.

    `upper` need not lie wholly below any other buffer. Let some do lie above it: move these to
    the bottom, the rest up by their sizes, and `upper` up by the same; nothing got higher. Then
    `upper` starts at the largest of `offset + distance`, and stacking the others from the bottom
    in descending order of what their distances exceed their sizes by makes that the smallest,
    as one machine delivers earliest if it does first what takes longest to deliver.

    With alignments all lengths are counted in the smallest, rounded up, and the largest padding
    is taken off in the end: the topmost buffer may have it, whichever that is.
    """
    alignment = min(buffer.alignment for buffer in (upper, *others))
    lengths = [
        (
            align_up(buffer.size, alignment),
            align_up(distances.get(buffer.name, buffer.size), alignment),
        )
        for buffer in others
    ]
    lengths.sort(key=lambda length: length[0] - length[1])
    offset, start = 0, 0
    for size, distance in lengths:
        start = max(start, offset + distance)
        offset += size
    padding = max(-buffer.size % alignment for buffer in (upper, *others))
    return max(start + align_up(upper.size, alignment), offset) - padding


def apart_sets(
    buffers: Sequence[Buffer], overlaps: Sequence[Overlap]
) -> tuple[tuple[Buffer, ...], ...]:
    """The largest sets of buffers without overlaps among them.

    Buffers without any overlap are in all of them. The sets grow buffer by buffer: one that fits
    a set joins it; one that does not also starts a set with those of the set that it fits.

    Returns:
        All of them, or some where there are more than `_MOST_SETS`.
    """
    partners: dict[str, set[str]] = {buffer.name: set() for buffer in buffers}
    for overlap in overlaps:
        if overlap.lower in partners and overlap.upper in partners:
            partners[overlap.lower].add(overlap.upper)
            partners[overlap.upper].add(overlap.lower)
    free = tuple(buffer for buffer in buffers if not partners[buffer.name])
    bound = sorted(
        (buffer for buffer in buffers if partners[buffer.name]), key=lambda b: (-b.size, b.name)
    )
    sets: list[frozenset[str]] = [frozenset()]
    for buffer in bound:
        grown: dict[frozenset[str], None] = {}
        for apart in sets:
            if not apart & partners[buffer.name]:
                grown[apart | {buffer.name}] = None
            else:
                grown[apart] = None
                grown[apart - partners[buffer.name] | {buffer.name}] = None
        sets = _largest(list(grown))[:_MOST_SETS]
    return tuple((*free, *(b for b in bound if b.name in apart)) for apart in sets)


def _largest(sets: Sequence[frozenset[str]]) -> list[frozenset[str]]:
    """Those that lie within no other."""
    return [some for some in sets if not any(some < other for other in sets)]


def crowds(buffers: Sequence[Buffer]) -> tuple[tuple[int, ...], ...]:
    """The largest sets of buffers that some step needs together.

    Sets that lie within another are left out: in an interval graph these are the maximal cliques,
    and each is the live set of a step in which a buffer starts.

    Returns:
        Ascending indices into `buffers`, by step.
    """
    starts = sorted({buffer.start for buffer in buffers})
    live = [
        tuple(i for i, buffer in enumerate(buffers) if buffer.start <= step < buffer.end)
        for step in starts
    ]
    # A buffer of a step that is also live in some later step is live in the next one, so looking
    # one step ahead is enough; the next step's newcomer keeps it out of this one.
    return tuple(
        here for here, after in zip_longest(live, live[1:], fillvalue=()) if not {*here} <= {*after}
    )


def lower_bound(problem: Problem) -> int:
    """Bytes below which no arena can hold the problem: the largest need of a single step."""
    return max((_need(problem, step) for step in _starts(problem)), default=0)


def peak_step(problem: Problem) -> int:
    """The first step whose need sets the lower bound; 0 without buffers."""
    return max(_starts(problem), key=lambda step: _need(problem, step), default=0)


def _starts(problem: Problem) -> list[int]:
    """The steps in which a buffer starts; any other step holds nothing that none of these does."""
    return sorted({buffer.start for buffer in problem.buffers})


def _need(problem: Problem, step: int) -> int:
    return least_bytes(problem.live_at(step), problem.overlaps)
