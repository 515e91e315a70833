"""The rules of a problem as the solvers see them: how far apart two buffers must lie.

The solvers know buffers only as indices and pairs only through `clearance`. A pair that may lie
closer than its sizes say (an output that overwrites an input as it dies) is a smaller entry in
this table and nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mcucc.memory.problem import Buffer


@dataclass(frozen=True)
class Rules:
    """Buffers in canonical order, and the distances that keep them apart.

    Attributes:
        buffers: sorted by life, size, alignment and name, so that neither the order in a problem
            nor the names of its buffers influence the height that is found.
        clearance: `clearance[i]` has an entry for each `j` that conflicts with `i`: where `j`
            lies above `i`, `offset[j] - offset[i]` is at least `clearance[i][j]` > 0. One of the
            two always lies above the other.
    """

    buffers: tuple[Buffer, ...]
    clearance: tuple[Mapping[int, int], ...]


def rules_of(buffers: Sequence[Buffer]) -> Rules:
    """The rules for some buffers: those that a step needs together must not share bytes."""
    ordered = tuple(sorted(buffers, key=lambda b: (b.start, b.end, -b.size, -b.alignment, b.name)))
    return Rules(
        buffers=ordered,
        clearance=tuple(
            {j: one.size for j, other in enumerate(ordered) if i != j and _meet(one, other)}
            for i, one in enumerate(ordered)
        ),
    )


def components(buffers: Sequence[Buffer]) -> tuple[tuple[Buffer, ...], ...]:
    """Splits buffers where a step boundary is crossed by none of them; each part stands alone."""
    parts: list[list[Buffer]] = []
    reached = 0
    for buffer in sorted(buffers, key=lambda b: (b.start, b.end, b.name)):
        if not parts or buffer.start >= reached:
            parts.append([])
        parts[-1].append(buffer)
        reached = max(reached, buffer.end)
    return tuple(tuple(part) for part in parts)


def align_up(value: int, alignment: int) -> int:
    """The smallest multiple of `alignment`, a power of two, that is at least `value`."""
    return (value + alignment - 1) & -alignment


def height_of(rules: Rules, offsets: Sequence[int]) -> int:
    """The highest end of a buffer; 0 without buffers."""
    ends = (b.size + offset for b, offset in zip(rules.buffers, offsets, strict=True))
    return max(ends, default=0)


def _meet(one: Buffer, other: Buffer) -> bool:
    return one.start < other.end and other.start < one.end
