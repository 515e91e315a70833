"""The planner: greedy first, where it leaves a gap the exact search, and then hill climbing."""

from typing import Literal

from mcucc.errors import InvariantError
from mcucc.memory.bound import lower_bound
from mcucc.memory.clearance import Rules, components, height_of
from mcucc.memory.climb import climb
from mcucc.memory.exact import Outcome, improve
from mcucc.memory.greedy import greedy_offsets
from mcucc.memory.ortools_place import check_installed, improve_by_ortools
from mcucc.memory.problem import Placement, Problem

Solver = Literal["own", "ortools"]
"""Who searches where greedy leaves a gap: this package, or OR-tools if that is installed."""

DEFAULT_BUDGET = 16_000
"""Nodes of the exact search: about a second for a hundred buffers."""

_CLIMBING_SHARE = 2
"""One of so many nodes is kept for hill climbing."""


def place_greedy(problem: Problem) -> Placement:
    """Places every buffer by first fit; optimal only where it meets the lower bound."""
    return place(problem, budget=0)


def place(problem: Problem, *, budget: int = DEFAULT_BUDGET, solver: Solver = "own") -> Placement:
    """Places every buffer of a problem as low as the budget allows to find out.

    Parts of the problem that no life connects are solved one by one, the highest first: a part
    needs to be no lower than the highest of the others.

    Args:
        problem: the buffers.
        budget: the most nodes that the search may visit, in all parts together.
        solver: who searches.

    Returns:
        The same placement for the same buffers, in whatever order the problem lists them.

    Raises:
        InvariantError: the budget is negative.
        UsageError: OR-tools is asked for but not installed.
    """
    if solver == "ortools":
        check_installed()
    if budget < 0:
        raise InvariantError(f"a budget of {budget} nodes is negative")
    search = improve_by_ortools if solver == "ortools" else _improve
    bound = lower_bound(problem)
    parts = components(problem)
    starts = [(rules, greedy_offsets(rules)) for rules in parts]
    starts.sort(key=lambda start: -height_of(*start))
    solved: list[tuple[Rules, Outcome]] = []
    target, left = bound, budget
    for rules, offsets in starts:
        outcome = search(rules, offsets, target, left)
        solved.append((rules, outcome))
        target, left = max(target, outcome.height), left - outcome.nodes
    return _assemble(problem, bound, solved)


def _improve(rules: Rules, offsets: tuple[int, ...], target: int, budget: int) -> Outcome:
    """The exact search and, where it had to give up, hill climbing with a share of the budget."""
    share = budget // _CLIMBING_SHARE
    outcome = improve(rules, offsets, target, budget - share)
    if outcome.exhausted or outcome.height <= target or not share:
        return outcome
    best = climb(rules, outcome.offsets, target, share)
    height = height_of(rules, best)
    return Outcome(best, height, exhausted=False, nodes=outcome.nodes + share)


def _assemble(problem: Problem, bound: int, solved: list[tuple[Rules, Outcome]]) -> Placement:
    height = max((outcome.height for _, outcome in solved), default=0)
    offset_of = {
        buffer.name: offset
        for rules, outcome in solved
        for buffer, offset in zip(rules.buffers, outcome.offsets, strict=True)
    }
    return Placement(
        offsets={buffer.name: offset_of[buffer.name] for buffer in problem.buffers},
        height=height,
        lower_bound=bound,
        optimal=height == bound or any(o.exhausted and o.height == height for _, o in solved),
    )
