"""What no order can undercut: the largest need that a node has wherever it stands."""

from collections.abc import Iterable

from mcucc.schedule.order.cost import CostModel
from mcucc.schedule.order.inplace import overwritten
from mcucc.schedule.order.memory_graph import bits, members


def least_peak(model: CostModel) -> int:
    """Bytes below which no order has its peak.

    While a node runs, a content is live in every order if its writer is an ancestor of the node
    and one of its readers is the node or a descendant of it. For chains with skip connections
    this is all that is live, so that the bound is met and no search is needed.
    """
    above, below = _ancestors(model), _descendants(model)
    needs = (
        _least_need(model, task, ancestors, descendants)
        for task, (ancestors, descendants) in enumerate(zip(above, below, strict=True))
    )
    return max(needs, default=0)


def _least_need(model: CostModel, task: int, ancestors: int, descendants: int) -> int:
    facts = model.memory.tasks[task]
    later = descendants | 1 << task
    live = bits(
        i
        for i, content in enumerate(model.memory.contents)
        if (content.writer is None or ancestors >> content.writer & 1)
        and (content.kept or content.readers & later)
    )
    best_case = ~later  # everybody who can run before the node has done so
    if facts.writes is not None and overwritten(model.memory, task, best_case) is None:
        live |= 1 << facts.writes
    return model.need(live, facts.scratch)


def _ancestors(model: CostModel) -> list[int]:
    found: list[int] = []
    for task in model.memory.tasks:
        found.append(task.needs | _union(found[i] for i in members(task.needs)))
    return found


def _descendants(model: CostModel) -> list[int]:
    found = [0] * len(model.memory.tasks)
    for i in reversed(range(len(found))):
        followers = model.followers[i]
        found[i] = bits(followers) | _union(found[j] for j in followers)
    return found


def _union(sets: Iterable[int]) -> int:
    united = 0
    for one in sets:
        united |= one
    return united
