"""The rules of a problem as the solvers see them: how far apart two buffers must lie.

The solvers know buffers only as indices and pairs only through `clearance`. A pair that may lie
closer than its sizes say (an output that overwrites an input as it dies) is a smaller entry in
this table and nothing else. An entry may be 0 or less: then the upper buffer may start below the
lower one, and what the pair forbids is still one interval of differences between two offsets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mcucc.memory.problem import Buffer, Overlap, Problem


@dataclass(frozen=True)
class Rules:
    """Buffers in canonical order, and the distances that keep them apart.

    Attributes:
        buffers: sorted by life, size, alignment, overlaps and name, so that the order in a
            problem does not influence what is found, and names influence the height only where
            nothing else tells two buffers apart but the overlaps of their overlaps.
        clearance: `clearance[i]` has an entry for each `j` that conflicts with `i`. Of two that
            conflict, `offset[j] - offset[i]` is at least `clearance[i][j]`, or
            `offset[i] - offset[j]` is at least `clearance[j][i]`. The sum of the two is at least
            2: with less the pair forbids nothing and has no entry.
        overlaps: those of the problem whose buffers are among these.
    """

    buffers: tuple[Buffer, ...]
    clearance: tuple[Mapping[int, int], ...]
    overlaps: tuple[Overlap, ...] = ()

    @cached_property
    def forbidden(self) -> tuple[tuple[tuple[int, int, int], ...], ...]:
        """For each buffer `i` those that conflict with it: `(j, below, above)`.

        The offsets of `i` strictly between `offset[j] - below` and `offset[j] + above` are not
        possible.
        """
        return tuple(
            tuple((j, below, self.clearance[j][i]) for j, below in distances.items())
            for i, distances in enumerate(self.clearance)
        )


def rules_of(buffers: Sequence[Buffer], overlaps: Sequence[Overlap] = ()) -> Rules:
    """The rules for some buffers: those that a step needs together must not share bytes.

    Args:
        buffers: in any order.
        overlaps: exceptions; those with a buffer that is not there are left out.
    """
    names = {buffer.name for buffer in buffers}
    inside = tuple(o for o in overlaps if o.lower in names and o.upper in names)
    ordered = _canonical(buffers, inside)
    distances = {(o.lower, o.upper): o.distance for o in inside}
    clearance: list[dict[int, int]] = [{} for _ in ordered]
    for i, one in enumerate(ordered):
        for j, other in enumerate(ordered[:i]):
            if not _meet(one, other):
                continue
            above = distances.get((one.name, other.name), one.size)
            below = distances.get((other.name, one.name), other.size)
            # Only the differences strictly between -below and above are forbidden.
            if above + below >= 2:
                clearance[i][j], clearance[j][i] = above, below
    return Rules(ordered, tuple(clearance), inside)


def components(problem: Problem) -> tuple[Rules, ...]:
    """Splits a problem where a step boundary is crossed by no buffer; each part stands alone."""
    parts: list[list[Buffer]] = []
    reached = 0
    for buffer in sorted(problem.buffers, key=lambda b: (b.start, b.end, b.name)):
        if not parts or buffer.start >= reached:
            parts.append([])
        parts[-1].append(buffer)
        reached = max(reached, buffer.end)
    return tuple(rules_of(part, problem.overlaps) for part in parts)


def align_up(value: int, alignment: int) -> int:
    """The smallest multiple of `alignment`, a power of two, that is at least `value`."""
    return (value + alignment - 1) & -alignment


def height_of(rules: Rules, offsets: Sequence[int]) -> int:
    """The highest end of a buffer; 0 without buffers."""
    ends = (b.size + offset for b, offset in zip(rules.buffers, offsets, strict=True))
    return max(ends, default=0)


def _canonical(buffers: Sequence[Buffer], overlaps: Sequence[Overlap]) -> tuple[Buffer, ...]:
    """The order of the solvers; see `Rules.buffers`."""
    known = {buffer.name: buffer for buffer in buffers}
    roles: dict[str, list[tuple[int, ...]]] = {name: [] for name in known}
    for overlap in overlaps:
        lower, upper = known[overlap.lower], known[overlap.upper]
        roles[lower.name].append((0, overlap.distance, *_shape(upper)))
        roles[upper.name].append((1, overlap.distance, *_shape(lower)))
    return tuple(sorted(buffers, key=lambda b: (_shape(b), sorted(roles[b.name]), b.name)))


def _shape(buffer: Buffer) -> tuple[int, int, int, int]:
    return buffer.start, buffer.end, -buffer.size, -buffer.alignment


def _meet(one: Buffer, other: Buffer) -> bool:
    return one.start < other.end and other.start < one.end
