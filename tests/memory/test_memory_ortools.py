"""OR-tools and the own search prove each other; without the package the refusal is checked."""

import importlib.util
from importlib.machinery import ModuleSpec

import pytest
from hypothesis import given, settings

from mcucc.errors import UsageError
from mcucc.memory import Buffer, Overlap, Problem, lower_bound, place, place_greedy, validate
from tests.memory.overlapping import overlapping_problems


@given(overlapping_problems(most=9))
@settings(max_examples=60, deadline=None)
def test_both_solvers_prove_the_same_height(problem: Problem) -> None:
    own, other = place(problem), place(problem, solver="ortools")
    assert validate(problem, other) == ()
    assert other.lower_bound == own.lower_bound == lower_bound(problem)
    assert other.optimal
    assert other.height <= own.height
    if own.optimal:
        assert own.height == other.height


@given(overlapping_problems(most=9, least_distance=1))
@settings(max_examples=40, deadline=None)
def test_both_solvers_prove_positive_distances(problem: Problem) -> None:
    own, other = place(problem), place(problem, solver="ortools")
    assert own.optimal
    assert other.optimal
    assert own.height == other.height


@given(overlapping_problems(most=14))
@settings(max_examples=10, deadline=None)
def test_the_same_problem_has_the_same_offsets(problem: Problem) -> None:
    backwards = Problem(problem.buffers[::-1], problem.overlaps[::-1])
    first = place(problem, budget=400, solver="ortools")
    assert place(backwards, budget=400, solver="ortools") == first
    assert validate(problem, first) == ()
    assert first.height <= place_greedy(problem).height


def test_without_the_package_there_is_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_absent(name: str) -> ModuleSpec | None:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", is_absent)
    with pytest.raises(UsageError, match="pip install 'ortools>="):
        place(Problem(()), solver="ortools")


def test_a_solved_part_leaves_its_budget_to_the_next() -> None:
    """First fit makes the first part the highest, which a moment of search puts right."""
    first = (Buffer("w", 9, 0, 2, 1), Buffer("x", 7, 1, 2))
    later = (Buffer("y", 8, 2, 3), Buffer("z", 7, 2, 4), Buffer("u", 6, 3, 4))
    overlaps = (Overlap("x", "w", 1), Overlap("y", "z", 3), Overlap("z", "u", 2))
    problem = Problem((*first, *later), overlaps)
    assert place_greedy(problem).height > (best := place(problem, solver="ortools")).height
    assert best.optimal
