"""Random problems with overlaps, and a brute force that shares nothing with the planner."""

from itertools import product

from hypothesis import strategies as st

from mcucc.memory import Buffer, Overlap, Problem


@st.composite
def overlapping_problems(
    draw: st.DrawFn,
    most: int = 12,
    sizes: int = 40,
    alignments: tuple[int, ...] = (1, 2, 4, 8),
    least_distance: int = -50,
    steps: int = 6,
) -> Problem:
    buffers: list[Buffer] = []
    for i in range(draw(st.integers(0, most))):
        start = draw(st.integers(0, steps))
        end = start + draw(st.integers(1, 4))
        size = draw(st.integers(1, sizes))
        buffers.append(Buffer(f"b{i}", size, start, end, draw(st.sampled_from(alignments))))
    overlaps: list[Overlap] = []
    for i, a in enumerate(buffers):
        for b in buffers[:i]:
            role = draw(st.sampled_from(("none", "lower", "upper")))
            if a.start < b.end and b.start < a.end and role != "none":
                lower, upper = (a, b) if role == "lower" else (b, a)
                distance = draw(st.integers(least_distance, lower.size))
                overlaps.append(Overlap(lower.name, upper.name, distance))
    return Problem(tuple(buffers), tuple(overlaps))


def is_free_of_faults(problem: Problem, offsets: dict[str, int]) -> bool:
    """The rule of the problem, byte by byte."""
    overlaps = {frozenset((o.lower, o.upper)): o for o in problem.overlaps}
    for i, a in enumerate(problem.buffers):
        for b in problem.buffers[:i]:
            if set(range(a.start, a.end)).isdisjoint(range(b.start, b.end)):
                continue
            bytes_a = range(offsets[a.name], offsets[a.name] + a.size)
            bytes_b = range(offsets[b.name], offsets[b.name] + b.size)
            if set(bytes_a).isdisjoint(bytes_b):
                continue
            overlap = overlaps.get(frozenset((a.name, b.name)))
            if (
                overlap is None
                or offsets[overlap.upper] < offsets[overlap.lower] + overlap.distance
            ):
                return False
    return True


def brute_force_height(problem: Problem) -> int:
    """The optimum by trying every offset of every buffer, height after height."""
    ceiling = sum(buffer.size + buffer.alignment - 1 for buffer in problem.buffers)
    return next(height for height in range(ceiling + 1) if _fits(problem, height))


def _fits(problem: Problem, height: int) -> bool:
    names = [buffer.name for buffer in problem.buffers]
    choices = [range(0, height - b.size + 1, b.alignment) for b in problem.buffers]
    return any(
        is_free_of_faults(problem, dict(zip(names, offsets, strict=True)))
        for offsets in product(*choices)
    )
