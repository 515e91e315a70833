"""An order for graphs that are too wide for the exact search."""

from typing import NamedTuple

from mcucc.schedule.order.cost import CostModel, State


class _Way(NamedTuple):
    """A way to have executed some set of nodes.

    Attributes:
        peak: the bytes of its worst step.
        kept: the bytes that are live after its last step.
        state: where it ends.
        path: its nodes, the last one first, as nested pairs.
    """

    peak: int
    kept: int
    state: State
    path: "tuple[int, _Path] | None"


_Path = tuple[int, "_Path"] | None


def beam_order(model: CostModel, width: int, *, bound: int, below: int) -> tuple[int, ...] | None:
    """An order whose peak is below a limit, None if none was found.

    All ways grow by one node at a time. Of those of equal length the ones with the lowest peak
    are kept, and among these the ones that keep the fewest bytes.

    Args:
        model: the cost of each step.
        width: how many ways are kept.
        bound: bytes that every order needs; up to there no way is worse than another.
        below: bytes; ways that reach this peak are given up.
    """
    ways = [_Way(bound, 0, model.start(), None)]
    for _ in model.memory.tasks:
        ways = _grow(model, ways, below)
        ways.sort(key=lambda way: (way.peak, way.kept))
        del ways[width:]
    return _nodes(ways[0].path) if ways else None


def _grow(model: CostModel, ways: list[_Way], below: int) -> list[_Way]:
    """Every way with one more node; of those to the same set the best."""
    grown: dict[int, _Way] = {}
    for way in ways:
        for task, after, cost in model.steps(way.state, way.peak):
            peak = max(way.peak, cost)
            known = grown.get(after.done)
            if peak < below and (known is None or peak < known.peak):
                grown[after.done] = _Way(peak, model.need(after.live, 0), after, (task, way.path))
    return list(grown.values())


def _nodes(path: _Path) -> tuple[int, ...]:
    nodes: list[int] = []
    while path is not None:
        node, path = path
        nodes.append(node)
    return tuple(reversed(nodes))
