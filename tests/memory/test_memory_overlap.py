"""Pairs with a distance: the rule, the bound, and the planner against a brute force."""

import random
import time
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mcucc.errors import InvariantError
from mcucc.memory import (
    Buffer,
    Overlap,
    Placement,
    Problem,
    Rule,
    draw,
    least_bytes,
    lower_bound,
    peak_step,
    place,
    place_greedy,
    validate,
)
from mcucc.memory.clearance import height_of, rules_of
from mcucc.memory.climb import climb
from mcucc.memory.exact import improve
from mcucc.memory.greedy import first_fit, greedy_offsets
from tests.memory.overlapping import brute_force_height, is_free_of_faults, overlapping_problems

INPUT, OUTPUT = Buffer("input", 40, 0, 2), Buffer("output", 32, 1, 3)


def over(distance: int) -> Problem:
    return Problem((INPUT, OUTPUT), (Overlap("output", "input", distance),))


@pytest.mark.parametrize(
    ("overlaps", "complaint"),
    [
        ([Overlap("output", "other", 0)], "'other' over 'output': there is no buffer 'other'"),
        ([Overlap("other", "input", 0)], "there is no buffer 'other'"),
        ([Overlap("input", "input", 0)], "cannot overlap itself"),
        ([Overlap("output", "input", 33)], "distance 33 is more than 32, the size of 'output'"),
        ([Overlap("output", "input", 0), Overlap("input", "output", 0)], "two overlaps"),
        ([Overlap("late", "input", 0)], "never meet"),
    ],
)
def test_an_overlap_that_makes_no_sense_is_refused(overlaps: list[Overlap], complaint: str) -> None:
    with pytest.raises(InvariantError, match=complaint):
        Problem((INPUT, OUTPUT, Buffer("late", 4, 2, 3)), tuple(overlaps))


@pytest.mark.parametrize(
    ("distance", "height"),
    [(32, 72), (31, 72), (12, 52), (0, 40), (-1, 40), (-8, 40), (-40, 40), (-99, 40)],
)
def test_the_distance_sets_the_height(distance: int, height: int) -> None:
    problem = over(distance)
    placement = place(problem)
    assert validate(problem, placement) == ()
    assert (placement.height, placement.lower_bound, placement.optimal) == (height, height, True)
    assert peak_step(problem) == (1 if height > 40 else 0)


def test_below_zero_the_input_may_start_below_the_output() -> None:
    problem = over(-8)
    assert validate(problem, Placement({"input": 0, "output": 8}, 40, 40, optimal=True)) == ()
    faults = validate(problem, Placement({"input": 0, "output": 12}, 44, 40, optimal=False))
    assert [fault.rule for fault in faults] == [Rule.APART]
    assert faults[0].detail == (
        "both hold bytes [12, 40) in steps [1, 2); 'input' starts -12 bytes after 'output', "
        "its distance is -8"
    )
    beyond = Placement({"input": 0, "output": 40}, 72, 40, optimal=False)
    assert validate(problem, beyond) == ()


def test_a_negative_distance_makes_room_for_a_third() -> None:
    """The output rests on the third buffer and the input on the bottom, held by nothing else."""
    third = Buffer("third", 8, 1, 2)
    problem = Problem(
        (replace(INPUT, size=8), replace(OUTPUT, size=8), third), (Overlap("output", "input", -4),)
    )
    placement = place(problem)
    assert (placement.height, placement.optimal) == (16, True)


def test_first_fit_lays_an_input_over_an_output_that_was_placed_first() -> None:
    """Whichever of the two comes first."""
    rules = rules_of((INPUT, OUTPUT), (Overlap("output", "input", 12),))
    names = [buffer.name for buffer in rules.buffers]
    first, second = names.index("output"), names.index("input")
    for order in ([first, second], [second, first]):
        offsets = first_fit(rules, order)
        if order[0] == first:
            assert (offsets[first], offsets[second]) == (0, 12)
        else:
            assert (offsets[first], offsets[second]) == (40, 0)


def test_a_buffer_sinks_below_one_that_was_set_down_before_it() -> None:
    """The search sets `above` down first, and `upper` lower than that."""
    buffers = (Buffer("lower", 6, 2, 5), Buffer("upper", 6, 2, 3), Buffer("above", 3, 1, 4))
    overlaps = (Overlap("lower", "upper", 2), Overlap("above", "upper", -3))
    rules = rules_of(tuple(replace(b, alignment=1) for b in buffers), overlaps)
    outcome = improve(rules, (0, 16, 32), 0, 10_000)
    assert outcome.exhausted
    assert outcome.height == brute_force_height(Problem(rules.buffers, overlaps)) == 9


@given(overlapping_problems())
@settings(deadline=None)
def test_placements_are_valid_and_ordered(problem: Problem) -> None:
    greedy, exact = place_greedy(problem), place(problem, budget=3000)
    assert validate(problem, greedy) == ()
    assert validate(problem, exact) == ()
    assert is_free_of_faults(problem, dict(exact.offsets))
    assert lower_bound(problem) <= exact.height <= greedy.height


@given(overlapping_problems(most=4, sizes=5, alignments=(1, 2, 4), least_distance=-6, steps=2))
@settings(max_examples=150, deadline=None)
def test_a_proven_height_is_that_of_a_brute_force(problem: Problem) -> None:
    placement = place(problem)
    height = brute_force_height(problem)
    assert lower_bound(problem) <= height <= placement.height
    if placement.optimal:
        assert placement.height == height


@given(overlapping_problems(most=4, sizes=5, alignments=(1, 2, 4), least_distance=1, steps=2))
@settings(max_examples=100, deadline=None)
def test_positive_distances_are_always_proven(problem: Problem) -> None:
    placement = place(problem)
    assert placement.optimal
    assert placement.height == brute_force_height(problem)


@given(overlapping_problems(most=4, sizes=5, alignments=(1, 2, 4), least_distance=-6, steps=2))
@settings(max_examples=300, deadline=None)
def test_the_search_alone_finds_and_proves_the_optimum(problem: Problem) -> None:
    """For all distances, unless a buffer is upper in one overlap and lower in another."""
    assume(problem.buffers)
    assume(not {o.lower for o in problem.overlaps} & {o.upper for o in problem.overlaps})
    rules = rules_of(problem.buffers, problem.overlaps)
    outcome = improve(rules, tuple(16 * i for i in range(len(rules.buffers))), 0, 10_000)
    assert outcome.exhausted
    assert outcome.height == brute_force_height(problem)


@given(overlapping_problems(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_does_not_matter(problem: Problem, rng: random.Random) -> None:
    buffers, overlaps = list(problem.buffers), list(problem.overlaps)
    rng.shuffle(buffers)
    rng.shuffle(overlaps)
    shuffled = Problem(tuple(buffers), tuple(overlaps))
    assert place(shuffled, budget=200) == place(problem, budget=200)


@given(overlapping_problems(most=9))
@settings(deadline=None)
def test_overlaps_never_raise_the_optimum(problem: Problem) -> None:
    with_overlaps, without = place(problem), place(Problem(problem.buffers))
    assert lower_bound(problem) <= lower_bound(Problem(problem.buffers))
    if with_overlaps.optimal and without.optimal:
        assert with_overlaps.height <= without.height


@given(overlapping_problems(most=8))
@settings(deadline=None)
def test_a_distance_that_is_one_byte_too_small_is_caught(problem: Problem) -> None:
    """What is placed for smaller distances is faulty for the true ones wherever it uses them."""
    for overlap in problem.overlaps:
        smaller = replace(overlap, distance=overlap.distance - 1)
        others = [o for o in problem.overlaps if o is not overlap]
        placement = place(Problem(problem.buffers, (*others, smaller)), budget=200)
        offsets = placement.offsets
        uses_it = offsets[overlap.upper] - offsets[overlap.lower] == smaller.distance
        size = next(b.size for b in problem.buffers if b.name == overlap.upper)
        faults = [f for f in validate(problem, placement) if f.rule is Rule.APART]
        expected = uses_it and smaller.distance > -size
        assert [set(f.buffers) for f in faults] == (
            [{overlap.lower, overlap.upper}] if expected else []
        )


@pytest.mark.parametrize("distance", [-24, -8, 0, 8, 16, 32])
def test_each_distance_is_held_to_the_byte(distance: int) -> None:
    upper, lower = Buffer("upper", 40, 0, 2, 1), Buffer("lower", 32, 1, 3, 1)
    problem = Problem((upper, lower), (Overlap("lower", "upper", distance),))
    base = 64
    for moved, rules in ((0, []), (-1, [Rule.APART])):
        offsets = {"lower": base, "upper": base + distance + moved}
        height = max(base + 32, base + distance + moved + 40)
        placement = Placement(offsets, height, 0, optimal=False)
        assert [fault.rule for fault in validate(problem, placement)] == rules


@st.composite
def one_dying_input(draw: st.DrawFn) -> Problem:
    alignment = draw(st.sampled_from((1, 1, 2, 4)))
    upper = Buffer("upper", draw(st.integers(1, 5)), 0, 1, alignment)
    others = [
        Buffer(f"b{i}", size, 0, 1, alignment)
        for i, size in enumerate(draw(st.lists(st.integers(1, 4), max_size=3)))
    ]
    overlaps = [
        Overlap(other.name, "upper", draw(st.integers(-6, other.size)))
        for other in others
        if draw(st.booleans())
    ]
    return Problem((upper, *others), tuple(overlaps))


@given(one_dying_input())
@settings(max_examples=200, deadline=None)
def test_the_bound_of_a_step_with_one_dying_input_is_exact(problem: Problem) -> None:
    bound, height = least_bytes(problem.buffers, problem.overlaps), brute_force_height(problem)
    assert bound <= height
    if problem.buffers[0].alignment == 1:
        assert bound == height


@given(overlapping_problems(most=4, sizes=4, alignments=(1, 2, 4), least_distance=-5, steps=0))
@settings(max_examples=200, deadline=None)
def test_the_bound_of_any_step_is_a_bound(problem: Problem) -> None:
    live = problem.live_at(0)
    height = brute_force_height(problem)
    assert least_bytes(live, problem.overlaps) <= height


def test_two_dying_inputs_still_share_nothing_with_each_other() -> None:
    left, right, total = Buffer("l", 16, 0, 2), Buffer("r", 24, 0, 2), Buffer("t", 8, 1, 2)
    overlaps = (Overlap("t", "l", 0), Overlap("t", "r", 0))
    assert least_bytes((left, right, total), overlaps) == 40
    assert place(Problem((left, right, total), overlaps)).height == 40


def test_the_bound_of_a_crowded_step_takes_no_time() -> None:
    buffers = tuple(Buffer(f"b{i}", 4 + 4 * i, 0, 1) for i in range(40))
    overlaps = tuple(
        Overlap(a.name, b.name, 0) for i, a in enumerate(buffers) for b in buffers[:i] if i % 3
    )
    problem = Problem(buffers, overlaps)
    assert lower_bound(problem) <= place_greedy(problem).height


def a_network(count: int, seed: int) -> Problem:
    """A chain with long skips in which most outputs may lie over the input that dies."""
    rng = random.Random(seed)
    buffers = [
        Buffer(f"b{i}", 4 * rng.randint(1, 4000), i, i + (rng.randint(3, 12) if i % 4 else 2))
        for i in range(count)
    ]
    overlaps = [
        Overlap(lower.name, upper.name, rng.randint(-upper.size // 4, lower.size // 2))
        for lower in buffers
        for upper in buffers
        if upper.end == lower.start + 1 and upper is not lower
    ]
    return Problem(tuple(buffers), tuple(overlaps))


@pytest.mark.parametrize("seed", range(3))
def test_a_large_problem_takes_little_time(seed: int) -> None:
    problem = a_network(120, seed)
    began = time.process_time()
    placement = place(problem)
    assert time.process_time() - began < 4  # half of it at most on an idle machine
    assert validate(problem, placement) == ()


@given(overlapping_problems(most=20), st.integers(0, 400))
@settings(max_examples=50, deadline=None)
def test_climbing_never_makes_it_worse(problem: Problem, budget: int) -> None:
    assume(problem.buffers)
    rules = rules_of(problem.buffers, problem.overlaps)
    known = greedy_offsets(rules)
    found = climb(rules, known, 0, budget)
    assert found == climb(rules, known, 0, budget)
    assert height_of(rules, found) <= height_of(rules, known)
    offsets = {b.name: o for b, o in zip(rules.buffers, found, strict=True)}
    assert is_free_of_faults(problem, offsets)


def test_climbing_finds_what_first_fit_misses() -> None:
    rng = random.Random(3)
    buffers = [Buffer(f"b{i}", rng.randint(1, 999), i // 3, i // 3 + 4, 1) for i in range(40)]
    rules = rules_of(buffers)
    known = greedy_offsets(rules)
    found = climb(rules, known, lower_bound(Problem(tuple(buffers))), 20_000)
    assert height_of(rules, found) < height_of(rules, known)


def test_the_bytes_that_two_buffers_share_are_drawn() -> None:
    problem = over(12)
    offsets = Placement({"output": 0, "input": 12}, 52, 52, optimal=True)
    lines = draw(problem, offsets, ["make", "conv", "use"], width=76).splitlines()
    assert [line.split()[2:] for line in lines[1:]] == [
        ["............" + "a" * 40, "40"],
        ["b" * 12 + "=" * 20 + "a" * 20, "52", "<-", "peak"],
        ["b" * 32 + "." * 20, "32"],
    ]
