"""What is asked of the planner, and what it answers.

A buffer needs a run of bytes during some steps of the schedule. Lives are half-open everywhere:
a buffer `[2, 5)` holds its bytes in steps 2, 3 and 4. Sizes, offsets and heights are bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mcucc.errors import InvariantError


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
    alignment: int = 4

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
class Problem:
    """The buffers that share one arena.

    Two buffers may share bytes only if no step needs both.

    Attributes:
        buffers: may be empty; their order does not influence a placement.

    Raises:
        InvariantError: two buffers have the same name.
    """

    buffers: tuple[Buffer, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for buffer in self.buffers:
            if buffer.name in seen:
                raise InvariantError(f"two buffers are named '{buffer.name}'")
            seen.add(buffer.name)

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
