"""What is asked of the planner, and what it answers.

A buffer needs a run of bytes during some steps of the schedule. Lives are half-open everywhere:
a buffer `[2, 5)` holds its bytes in steps 2, 3 and 4. Sizes, offsets and heights are bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mcucc.errors import InvariantError

ALIGNMENT = 4
"""Bytes. What kernels work in are words, and some read tensors as words."""


@dataclass(frozen=True)
class Buffer:
    """A run of bytes that must keep its place from its first step to its last.

    Attributes:
        name: unique within its problem.
        size: bytes, at least 1.
        start: first step in which the bytes are needed, at least 0.
        end: first step in which they are no longer needed, greater than `start`.
        alignment: the offset is a multiple of it; a power of two.

    Raises:
        InvariantError: one of these does not hold.
    """

    name: str
    size: int
    start: int
    end: int
    alignment: int = ALIGNMENT

    def __post_init__(self) -> None:
        if self.size < 1:
            raise InvariantError(f"buffer '{self.name}': size {self.size} is not positive")
        if not 0 <= self.start < self.end:
            raise InvariantError(
                f"buffer '{self.name}': life [{self.start}, {self.end}) is empty or negative"
            )
        if self.alignment < 1 or self.alignment & (self.alignment - 1):
            raise InvariantError(
                f"buffer '{self.name}': alignment {self.alignment} is not a power of two"
            )


@dataclass(frozen=True)
class Overlap:
    """Leave for two buffers whose lives meet to share bytes, as far as a distance allows.

    While `lower` is written, `upper` is read for the last time. The two share no byte, or else
    `offset(upper) - offset(lower)` is at least `distance`: each byte of `upper` was read before
    the writer of `lower` comes to it.

    Attributes:
        lower: name of the buffer that is being written.
        upper: name of the buffer that dies.
        distance: bytes, at most the size of `lower`, which is plain disjointness from below.
            0 for a pointwise operator in place. Below 0, `upper` may start before `lower`; at
            minus the size of `upper` nothing is left of the rule.
    """

    lower: str
    upper: str
    distance: int


@dataclass(frozen=True)
class Problem:
    """The buffers that share one arena.

    Two buffers may share bytes only if no step needs both, or by an `Overlap`.

    Attributes:
        buffers: may be empty; their order does not influence a placement.
        overlaps: the pairs that may lie closer than their sizes say, at most one for each two
            buffers; their order is as irrelevant.

    Raises:
        InvariantError: two buffers have the same name, or an overlap names a buffer that is not
            there, the same buffer twice, a pair that never meets or has another overlap, or a
            distance that is more than the size of its lower buffer.
    """

    buffers: tuple[Buffer, ...]
    overlaps: tuple[Overlap, ...] = ()

    def __post_init__(self) -> None:
        known: dict[str, Buffer] = {}
        for buffer in self.buffers:
            if buffer.name in known:
                raise InvariantError(f"two buffers are named '{buffer.name}'")
            known[buffer.name] = buffer
        pairs: set[frozenset[str]] = set()
        for overlap in self.overlaps:
            _check_overlap(overlap, known)
            pair = frozenset((overlap.lower, overlap.upper))
            if pair in pairs:
                raise InvariantError(f"{_title(overlap)}: the pair has two overlaps")
            pairs.add(pair)

    def live_at(self, step: int) -> tuple[Buffer, ...]:
        """The buffers whose bytes are needed in `step`, in the order of the problem."""
        return tuple(buffer for buffer in self.buffers if buffer.start <= step < buffer.end)


@dataclass(frozen=True)
class Placement:
    """An offset for every buffer of a problem.

    Attributes:
        offsets: byte offset in the arena by buffer name; kept as a read-only copy.
        height: bytes of the arena, the highest end of a buffer; 0 without buffers.
        lower_bound: no placement can be lower than this; see `bound.lower_bound`.
        optimal: `height` is proven to be the smallest. It may be so with a positive gap: then
            the bound, not the placement, is what could be better.
    """

    offsets: Mapping[str, int]
    height: int
    lower_bound: int
    optimal: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "offsets", MappingProxyType(dict(self.offsets)))

    @property
    def gap(self) -> int:
        """Bytes between the placement and the lower bound; 0 alone proves optimality."""
        return self.height - self.lower_bound

    def offset(self, name: str) -> int:
        """The byte offset of a buffer.

        Raises:
            InvariantError: the placement has no such buffer.
        """
        if name not in self.offsets:
            raise InvariantError(f"the placement has no buffer '{name}'")
        return self.offsets[name]


def _check_overlap(overlap: Overlap, known: Mapping[str, Buffer]) -> None:
    for name in (overlap.lower, overlap.upper):
        if name not in known:
            raise InvariantError(f"{_title(overlap)}: there is no buffer '{name}'")
    lower, upper = known[overlap.lower], known[overlap.upper]
    if lower is upper:
        raise InvariantError(f"{_title(overlap)}: a buffer cannot overlap itself")
    if not (lower.start < upper.end and upper.start < lower.end):
        raise InvariantError(f"{_title(overlap)}: their lives never meet")
    if overlap.distance > lower.size:
        raise InvariantError(
            f"{_title(overlap)}: distance {overlap.distance} is more than {lower.size}, the size "
            f"of '{lower.name}'"
        )


def _title(overlap: Overlap) -> str:
    return f"overlap of '{overlap.upper}' over '{overlap.lower}'"
