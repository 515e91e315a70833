"""Properties of the planner, held against a brute force that shares nothing with it."""

import csv
import random
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.errors import InvariantError
from mcucc.memory import (
    Buffer,
    Overlap,
    Placement,
    Problem,
    lower_bound,
    place,
    place_greedy,
    validate,
)
from mcucc.memory.clearance import rules_of
from mcucc.memory.exact import improve

INSTANCES = Path(__file__).parent / "instances"


@st.composite
def problems(
    draw: st.DrawFn, most: int = 12, sizes: int = 40, alignments: tuple[int, ...] = (1, 2, 4, 8)
) -> Problem:
    buffers: list[Buffer] = []
    for i in range(draw(st.integers(0, most))):
        start = draw(st.integers(0, 6))
        end = start + draw(st.integers(1, 4))
        size = draw(st.integers(1, sizes))
        buffers.append(Buffer(f"b{i}", size, start, end, draw(st.sampled_from(alignments))))
    return Problem(tuple(buffers))


def load(name: str) -> Problem:
    """An instance; `over` and `distance`, where it has them, are its overlaps by upper buffer."""
    with (INSTANCES / f"{name}.csv").open(encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    buffers = (
        Buffer(
            row["name"],
            int(row["size"]),
            int(row["start"]),
            int(row["end"]),
            int(row["alignment"]),
        )
        for row in rows
    )
    overlaps = (
        Overlap(row["over"], row["name"], int(row["distance"])) for row in rows if row.get("over")
    )
    return Problem(tuple(buffers), tuple(overlaps))


def brute_force_height(problem: Problem) -> int:
    """The optimum by trying every offset of every buffer, height after height."""
    ceiling = sum(buffer.size + buffer.alignment - 1 for buffer in problem.buffers)
    return next(height for height in range(ceiling + 1) if _fits(problem.buffers, height))


def _fits(buffers: tuple[Buffer, ...], height: int) -> bool:
    choices = [range(0, height - b.size + 1, b.alignment) for b in buffers]
    return any(_is_apart(buffers, offsets) for offsets in product(*choices))


def _is_apart(buffers: tuple[Buffer, ...], offsets: tuple[int, ...]) -> bool:
    taken: set[tuple[int, int]] = set()
    for buffer, offset in zip(buffers, offsets, strict=True):
        cells = set(product(range(buffer.start, buffer.end), range(offset, offset + buffer.size)))
        if taken & cells:
            return False
        taken |= cells
    return True


@given(problems())
@settings(deadline=None)
def test_placements_are_valid_and_ordered(problem: Problem) -> None:
    greedy, exact = place_greedy(problem), place(problem)
    assert validate(problem, greedy) == ()
    assert validate(problem, exact) == ()
    assert lower_bound(problem) <= exact.height <= greedy.height
    assert exact.lower_bound == greedy.lower_bound == lower_bound(problem)


@given(problems(most=40), st.integers(0, 60))
@settings(max_examples=50, deadline=None)
def test_any_budget_gives_a_valid_placement(problem: Problem, budget: int) -> None:
    placement = place(problem, budget=budget)
    assert validate(problem, placement) == ()
    assert placement.height <= place_greedy(problem).height


@given(problems(most=4, sizes=5, alignments=(1, 2, 4)))
@settings(max_examples=60, deadline=None)
def test_the_exact_height_is_that_of_a_brute_force(problem: Problem) -> None:
    placement = place(problem)
    assert placement.optimal
    assert placement.height == brute_force_height(problem)


@given(problems(most=4, sizes=5, alignments=(1, 2, 4)).filter(lambda problem: problem.buffers))
@settings(max_examples=150, deadline=None)
def test_the_search_alone_finds_and_proves_the_optimum(problem: Problem) -> None:
    rules = rules_of(problem.buffers)
    wasteful = tuple(16 * i for i in range(len(rules.buffers)))
    outcome = improve(rules, wasteful, target=0, budget=10_000)
    assert outcome.exhausted
    assert outcome.height == brute_force_height(problem)


@given(problems(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_order_and_names_do_not_matter(problem: Problem, rng: random.Random) -> None:
    shuffled = list(problem.buffers)
    rng.shuffle(shuffled)
    placement = place(problem, budget=200)
    assert place(Problem(tuple(shuffled)), budget=200) == placement

    renamed = tuple(
        Buffer(f"n{rng.random()}_{i}", b.size, b.start, b.end, b.alignment)
        for i, b in enumerate(shuffled)
    )
    other = place(Problem(renamed), budget=200)
    assert (other.height, other.optimal) == (placement.height, placement.optimal)


@given(problems(most=9), st.integers(1, 40), st.integers(0, 8), st.integers(1, 4))
@settings(deadline=None)
def test_one_more_buffer_never_lowers_the_optimum(
    problem: Problem, size: int, start: int, steps: int
) -> None:
    fewer = place(problem)
    more = place(Problem((*problem.buffers, Buffer("extra", size, start, start + steps))))
    assert fewer.optimal
    assert more.optimal
    assert fewer.height <= more.height


@given(problems(alignments=(1,)), st.integers(2, 5))
@settings(deadline=None)
def test_scaled_sizes_scale_the_optimum(problem: Problem, factor: int) -> None:
    scaled = Problem(
        tuple(Buffer(b.name, b.size * factor, b.start, b.end, 1) for b in problem.buffers)
    )
    assert place(scaled).height == factor * place(problem).height


@pytest.mark.parametrize(
    ("name", "greedy", "exact", "bound"),
    [
        ("residual", 90112, 90112, 90112),
        ("greedy_misses", 32, 28, 28),
        ("alignment_gap", 13, 13, 11),
        ("crowded", 3608, 3520, 3520),
        ("over_dying", 4768, 4608, 4608),
    ],
)
def test_saved_instances(name: str, greedy: int, exact: int, bound: int) -> None:
    problem = load(name)
    placement = place(problem)
    assert validate(problem, placement) == ()
    assert place_greedy(problem).height == greedy
    assert (placement.height, placement.lower_bound) == (exact, bound)
    assert placement.optimal


def test_the_gap_of_a_proven_optimum_may_be_positive() -> None:
    problem = load("alignment_gap")
    assert place(problem).gap == 2
    assert brute_force_height(problem) == 13


def test_an_arena_may_be_empty() -> None:
    assert place(Problem(())) == Placement({}, height=0, lower_bound=0, optimal=True)


def test_a_lone_buffer_lies_at_the_bottom() -> None:
    placement = place(Problem((Buffer("only", 7, 3, 9, 8),)))
    assert placement == Placement({"only": 0}, height=7, lower_bound=7, optimal=True)


def test_parts_that_never_meet_share_the_arena() -> None:
    halves = [load("greedy_misses").buffers, load("alignment_gap").buffers]
    joined = Problem(
        tuple(
            Buffer(f"{part}_{b.name}", b.size, b.start + 10 * part, b.end + 10 * part, b.alignment)
            for part, buffers in enumerate(halves)
            for b in buffers
        )
    )
    placement = place(joined)
    assert validate(joined, placement) == ()
    assert (placement.height, placement.optimal) == (28, True)


def test_a_budget_that_runs_out_is_admitted() -> None:
    placement = place(load("greedy_misses"), budget=1)
    assert (placement.height, placement.gap, placement.optimal) == (32, 4, False)


def test_a_negative_budget_is_refused() -> None:
    with pytest.raises(InvariantError, match="budget of -1"):
        place(Problem(()), budget=-1)


def test_the_search_stays_within_its_budget() -> None:
    rng = random.Random(0)
    rules = rules_of([Buffer(f"b{i}", rng.randint(1, 999), 0, 1 + i % 9, 1) for i in range(60)])
    stacked = [0]
    for buffer in rules.buffers[:-1]:
        stacked.append(stacked[-1] + buffer.size)
    outcome = improve(rules, tuple(offset + 8 for offset in stacked), target=0, budget=500)
    assert outcome.nodes <= 500
    assert outcome.height <= stacked[-1] + rules.buffers[-1].size + 8


def test_the_deepest_search_does_not_overflow_the_stack() -> None:
    rules = rules_of([Buffer(f"b{i}", 1 + i, 0, 1, 1) for i in range(300)])
    total = 300 * 301 // 2
    offsets = [8]
    for buffer in rules.buffers[:-1]:
        offsets.append(offsets[-1] + buffer.size)
    outcome = improve(rules, tuple(offsets), target=total, budget=1000)
    assert outcome.height == total


def test_the_same_problem_has_the_same_offsets_everywhere() -> None:
    placement = place(load("greedy_misses"))
    assert placement.offsets == {"b0": 12, "b1": 20, "b2": 0, "b3": 0}
    assert place(load("crowded"), budget=50) == place(load("crowded"), budget=50)
