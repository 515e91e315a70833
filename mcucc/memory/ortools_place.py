"""The same search by OR-tools: CP-SAT, a solver that was written by others.

An optional package, for problems that the own search leaves open, and a proof of it in the tests.
"""

import importlib.util
from math import ceil

from mcucc.errors import UsageError
from mcucc.memory.clearance import Rules, height_of
from mcucc.memory.exact import Outcome

REQUIREMENT = "ortools>=9.12"
"""What pip installs, as in the extra `solver`."""

_TIME_PER_NODE = 1 / 2000
"""CP-SAT's deterministic time, about a second, for a node of the own search."""


class OrToolsAbsentError(UsageError):
    """The package `ortools` is not installed."""

    def __init__(self) -> None:
        super().__init__(
            f"OR-tools is not installed; `pip install '{REQUIREMENT}'`, or use the own solver"
        )


def check_installed() -> None:
    """Refuses to go on without OR-tools.

    Raises:
        OrToolsAbsentError: it is not installed.
    """
    if importlib.util.find_spec("ortools") is None:
        raise OrToolsAbsentError


def improve_by_ortools(rules: Rules, known: tuple[int, ...], target: int, budget: int) -> Outcome:
    """Searches for a lower placement than the one known; see `exact.improve`.

    Args:
        rules: at least one buffer.
        known: offsets of a valid placement.
        target: a height in bytes that is low enough; the search stops when it is reached.
        budget: nodes; they limit CP-SAT's deterministic time, not its seconds.

    Returns:
        The best placement; the same for the same arguments and version of OR-tools.

    Raises:
        OrToolsAbsentError: it is not installed.
    """
    check_installed()
    height = height_of(rules, known)
    if height <= target or budget == 0:
        return Outcome(known, height, exhausted=False, nodes=0)
    offsets, proven, time = _solve(rules, known, target, budget)
    height = height_of(rules, offsets)
    # What meets the target was not asked to be lower, so nothing is shown of it.
    exhausted = proven and height > target
    return Outcome(offsets, height, exhausted, nodes=min(ceil(time / _TIME_PER_NODE), budget))


def _solve(
    rules: Rules, known: tuple[int, ...], target: int, budget: int
) -> tuple[tuple[int, ...], bool, float]:
    """The lowest offsets found, whether none is lower down to the target, and the time it took."""
    from ortools.sat.python import cp_model  # noqa: PLC0415 -- optional, and slow to import

    model = cp_model.CpModel()
    ceiling = height_of(rules, known)
    height = model.new_int_var(min(target, ceiling), ceiling, "height")
    units: list[cp_model.IntVar] = []
    for buffer, offset in zip(rules.buffers, known, strict=True):
        highest = (ceiling - buffer.size) // buffer.alignment
        units.append(model.new_int_var(0, highest, buffer.name))
        model.add(height >= units[-1] * buffer.alignment + buffer.size)
        model.add_hint(units[-1], offset // buffer.alignment)
    starts = [unit * b.alignment for unit, b in zip(units, rules.buffers, strict=True)]
    for i, distances in enumerate(rules.clearance):
        for j, distance in distances.items():
            if i < j:
                is_above = model.new_bool_var(f"{j} above {i}")
                model.add(starts[j] - starts[i] >= distance).only_enforce_if(is_above)
                back = rules.clearance[j][i]
                model.add(starts[i] - starts[j] >= back).only_enforce_if(~is_above)
    model.minimize(height)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = budget * _TIME_PER_NODE
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return known, False, solver.deterministic_time
    offsets = tuple(solver.value(start) for start in starts)
    return offsets, status == cp_model.OPTIMAL, solver.deterministic_time
