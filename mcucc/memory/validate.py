"""Checks a placement against its problem, apart from whoever made it.

Deliberately obvious: every rule is a loop over the buffers or over all pairs of them, and nothing
is shared with the solvers but the types.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import combinations

from mcucc.memory.problem import Buffer, Placement, Problem


class Rule(Enum):
    """What a placement must keep, as a sentence."""

    COMPLETE = "every buffer has an offset"
    KNOWN = "every offset belongs to a buffer of the problem"
    INSIDE = "no offset is negative"
    ALIGNED = "every offset is a multiple of the buffer's alignment"
    APART = (
        "two buffers that a step needs together share no byte or keep the distance of an overlap"
    )
    HEIGHT = "the height is the highest end of a buffer"
    BOUND = "the height is not below the lower bound, and one that meets it is optimal"


@dataclass(frozen=True)
class Fault:
    """A rule that a placement breaks.

    Attributes:
        rule: the rule.
        buffers: names of the buffers that break it: none, one, or a pair.
        detail: what the placement has instead.
    """

    rule: Rule
    buffers: tuple[str, ...]
    detail: str

    def __str__(self) -> str:
        names = ", ".join(f"'{name}'" for name in self.buffers)
        return f"{names}: {self.detail} ({self.rule.value})".removeprefix(": ")


def validate(problem: Problem, placement: Placement) -> tuple[Fault, ...]:
    """Finds every fault of a placement.

    Returns:
        The faults, by rule in the order of `Rule`; empty if the placement is valid.
    """
    return (
        *_incomplete(problem, placement),
        *_unknown(problem, placement),
        *_misplaced(problem, placement),
        *_overlapping(problem, placement),
        *_wrong_height(problem, placement),
        *_wrong_bound(placement),
    )


def _incomplete(problem: Problem, placement: Placement) -> Iterator[Fault]:
    for buffer in problem.buffers:
        if buffer.name not in placement.offsets:
            yield Fault(Rule.COMPLETE, (buffer.name,), "no offset")


def _unknown(problem: Problem, placement: Placement) -> Iterator[Fault]:
    names = [buffer.name for buffer in problem.buffers]
    for name, offset in placement.offsets.items():
        if name not in names:
            yield Fault(Rule.KNOWN, (name,), f"offset {offset}, but no such buffer")


def _misplaced(problem: Problem, placement: Placement) -> Iterator[Fault]:
    placed = [b for b in problem.buffers if b.name in placement.offsets]
    for buffer in placed:
        if placement.offsets[buffer.name] < 0:
            detail = f"offset {placement.offsets[buffer.name]}"
            yield Fault(Rule.INSIDE, (buffer.name,), detail)
    for buffer in placed:
        if placement.offsets[buffer.name] % buffer.alignment != 0:
            detail = f"offset {placement.offsets[buffer.name]}, alignment {buffer.alignment}"
            yield Fault(Rule.ALIGNED, (buffer.name,), detail)


def _overlapping(problem: Problem, placement: Placement) -> Iterator[Fault]:
    placed = [b for b in problem.buffers if b.name in placement.offsets]
    for a, b in combinations(placed, 2):
        a_begin, b_begin = placement.offsets[a.name], placement.offsets[b.name]
        a_end, b_end = a_begin + a.size, b_begin + b.size
        same_steps = max(a.start, b.start) < min(a.end, b.end)
        same_bytes = max(a_begin, b_begin) < min(a_end, b_end)
        if same_steps and same_bytes and not _keeps_distance(problem, placement, a, b):
            steps = f"steps [{max(a.start, b.start)}, {min(a.end, b.end)})"
            space = f"bytes [{max(a_begin, b_begin)}, {min(a_end, b_end)})"
            detail = f"both hold {space} in {steps}{_distances(problem, placement, a, b)}"
            yield Fault(Rule.APART, (a.name, b.name), detail)


def _keeps_distance(problem: Problem, placement: Placement, a: Buffer, b: Buffer) -> bool:
    for overlap in problem.overlaps:
        if {overlap.lower, overlap.upper} == {a.name, b.name}:
            lower, upper = placement.offsets[overlap.lower], placement.offsets[overlap.upper]
            return upper - lower >= overlap.distance
    return False


def _distances(problem: Problem, placement: Placement, a: Buffer, b: Buffer) -> str:
    """What an overlap of the pair asks for and what it gets; empty without one."""
    for overlap in problem.overlaps:
        if {overlap.lower, overlap.upper} == {a.name, b.name}:
            actual = placement.offsets[overlap.upper] - placement.offsets[overlap.lower]
            return (
                f"; '{overlap.upper}' starts {actual} bytes after '{overlap.lower}', "
                f"its distance is {overlap.distance}"
            )
    return ""


def _wrong_height(problem: Problem, placement: Placement) -> Iterator[Fault]:
    top = 0
    for buffer in problem.buffers:
        if buffer.name in placement.offsets:
            top = max(top, placement.offsets[buffer.name] + buffer.size)
    if placement.height != top:
        yield Fault(Rule.HEIGHT, (), f"height {placement.height}, highest end {top}")


def _wrong_bound(placement: Placement) -> Iterator[Fault]:
    if placement.height < placement.lower_bound:
        detail = f"height {placement.height}, lower bound {placement.lower_bound}"
        yield Fault(Rule.BOUND, (), detail)
    if placement.height == placement.lower_bound and not placement.optimal:
        yield Fault(Rule.BOUND, (), f"height {placement.height} is not said to be optimal")
