"""What lies in the arena at a step: for reports, and for poisoning what must not be read."""

from dataclasses import dataclass

from mcucc.memory import Buffer
from mcucc.memory import peak_step as fullest_step
from mcucc.schedule.types import MemoryPlan


@dataclass(frozen=True)
class Resident:
    """A buffer that is live at some step.

    Attributes:
        buffer: its size and its whole life.
        offset: bytes from the start of the arena.
        tensors: the values in it that are needed or written at the step; more than one where a
            value is written over another or is its reshape. Empty for scratch.
    """

    buffer: Buffer
    offset: int
    tensors: tuple[str, ...]


def live_tensors(plan: MemoryPlan, step: int) -> tuple[Resident, ...]:
    """The buffers that are live at a step, by offset."""
    schedule = plan.schedule
    inhabitants: dict[str, list[str]] = {}
    for tensor, (start, end) in schedule.lives.items():
        if start <= step < end:
            inhabitants.setdefault(schedule.home[tensor], []).append(tensor)
    residents = (
        Resident(
            buffer, plan.placement.offset(buffer.name), tuple(inhabitants.get(buffer.name, ()))
        )
        for buffer in schedule.problem.live_at(step)
    )
    return tuple(sorted(residents, key=lambda resident: resident.offset))


def peak_step(plan: MemoryPlan) -> int:
    """The first of the steps that need the most bytes."""
    return fullest_step(plan.schedule.problem)


def dead_ranges(plan: MemoryPlan, step: int) -> tuple[tuple[int, int], ...]:
    """The bytes of the arena that belong to no live buffer at a step.

    What the step writes is live in it, and so is what it reads for the last time.

    Returns:
        Ranges of offsets (begin, end), half-open, ascending, as long as possible.
    """
    ranges: list[tuple[int, int]] = []
    reached = 0
    for resident in live_tensors(plan, step):
        if resident.offset > reached:
            ranges.append((reached, resident.offset))
        reached = max(reached, resident.offset + resident.buffer.size)
    if reached < plan.arena_bytes:
        ranges.append((reached, plan.arena_bytes))
    return tuple(ranges)
