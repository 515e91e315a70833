"""What no placement can undercut: the bytes of the step that needs the most.

The bound looks at one step at a time, so it is blind to the holes that a buffer with a long life
leaves between steps; the optimum may lie above it, never below.
"""

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from mcucc.memory.problem import Buffer, Problem


def least_bytes(live: Iterable[Buffer]) -> int:
    """The fewest bytes that hold some buffers at the same time, padding included.

    Every offset is a multiple of the smallest alignment among them, so each buffer but the
    topmost takes its size rounded up to that alignment. Which one lies on top is free: the bound
    grants the one whose padding is largest. Padding that a larger alignment forces is left out,
    as it depends on the order.

    Returns:
        Bytes; 0 for no buffers.
    """
    buffers = tuple(live)
    if not buffers:
        return 0
    alignment = min(buffer.alignment for buffer in buffers)
    padding = [-buffer.size % alignment for buffer in buffers]
    return sum(buffer.size for buffer in buffers) + sum(padding) - max(padding)


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
    buffers = problem.buffers
    return max((least_bytes(buffers[i] for i in crowd) for crowd in crowds(buffers)), default=0)


def peak_step(problem: Problem) -> int:
    """The first step whose need sets the lower bound; 0 without buffers."""
    steps = sorted({buffer.start for buffer in problem.buffers})
    return max(steps, key=lambda step: least_bytes(problem.live_at(step)), default=0)
