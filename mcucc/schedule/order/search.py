"""The order of the nodes: the topological order with the smallest peak.

The sets of nodes that can have run at some time (the downsets of the graph) form a network, and
an order is a path through it from the empty set to the full one. Its cost is that of its worst
step, so the smallest peak is a shortest path in the bottleneck sense. It is found with Dijkstra's
method; among sets of equal cost the largest is extended first. As soon as the unavoidable peak is
paid, the search runs straight to the end.
"""

import heapq
from dataclasses import dataclass
from typing import Literal

from mcucc.memory import ALIGNMENT
from mcucc.schedule.order.beam import beam_order
from mcucc.schedule.order.bound import least_peak
from mcucc.schedule.order.cost import CostModel, State
from mcucc.schedule.order.memory_graph import MANY_NODES, MemoryGraph

DEFAULT_STATES = 20_000
"""Sets that the exact search may extend: about a second."""
BEAM_WIDTH = 64
"""Sets of each size that the beam search keeps."""


Ending = Literal["chain", "bound", "search", "budget"]
"""How an order was found: there is no other; that of the graph needs no more than any must; the
exact search came to its end; it used up its budget, and beam search went on."""


@dataclass(frozen=True)
class Order:
    """An order of nodes.

    Attributes:
        tasks: every node once, topologically ordered, as positions in the graph.
        peak_bytes: the bytes of the step that needs the most.
        ending: how it was found.
        given_bytes: the peak of the graph's own order.
        least_bytes: every order with a lower peak is excluded.
        states: sets of executed nodes that the exact search extended.
        budget: how many it might have.
    """

    tasks: tuple[int, ...]
    peak_bytes: int
    ending: Ending
    given_bytes: int
    least_bytes: int
    states: int = 0
    budget: int = 0

    @property
    def proven(self) -> bool:
        """Whether no other order has a lower peak."""
        return self.peak_bytes <= self.least_bytes


def best_order(
    memory: MemoryGraph,
    *,
    alignment: int = ALIGNMENT,
    states: int = DEFAULT_STATES,
    width: int = BEAM_WIDTH,
) -> Order:
    """The topological order with the smallest peak, as far as the limits allow to find out.

    The order of the graph is kept if no better one is found; a better one prefers earlier nodes
    wherever the search has the choice.

    Args:
        memory: the graph; its nodes are topologically ordered.
        alignment: of every buffer, bytes.
        states: the most sets that the exact search may extend. Beyond, beam search goes on.
        width: how many sets of each size the beam search keeps.

    Both get less beyond `MANY_NODES` nodes, with the cube of the number: each step tries all nodes
    that are ready.
    """
    if len(memory.tasks) > MANY_NODES:
        share = (MANY_NODES / len(memory.tasks)) ** 3
        states, width = int(states * share), max(1, int(width * share))
    model = CostModel(memory, alignment)
    given = tuple(range(len(memory.tasks)))
    peak = model.peak(given)
    if _is_chain(memory):
        return Order(given, peak, "chain", peak, peak)
    bound = least_peak(model)
    if peak <= bound:
        return Order(given, peak, "bound", peak, bound)
    exact = _Search(model, bound, peak)
    while exact.is_open and exact.extended < states:
        exact.extend()
    extended = (exact.extended, states)
    if exact.found is not None:
        return Order(exact.found, exact.reached, "search", peak, exact.reached, *extended)
    if not exact.is_open:
        return Order(given, peak, "search", peak, peak, *extended)
    found = beam_order(model, width, bound=exact.reached, below=peak) or given
    return Order(found, model.peak(found), "budget", peak, exact.reached, *extended)


def _is_chain(memory: MemoryGraph) -> bool:
    """Whether each node needs the one before it, so that there is but one order."""
    return all(task.needs >> i & 1 for i, task in enumerate(memory.tasks[1:]))


class _Search:
    """The open and the known sets.

    Attributes:
        extended: how many sets were extended.
        reached: every order with a lower peak is excluded.
        found: an order whose peak is `reached`, once there is one.
    """

    def __init__(self, model: CostModel, bound: int, below: int) -> None:
        self.extended = 0
        self.reached = bound
        self.found: tuple[int, ...] | None = None
        self._model = model
        self._below = below
        self._count = 0
        self._steps: dict[int, tuple[int, int]] = {}  # set -> (its peak, the node that made it)
        self._open: list[tuple[int, int, int, State]] = []
        self._offer(model.start(), bound, -1)

    @property
    def is_open(self) -> bool:
        """Whether there is something left to extend."""
        return bool(self._open) and self.found is None

    def extend(self) -> None:
        """Extends the most promising set by each node that is ready."""
        peak, _, _, state = heapq.heappop(self._open)
        if peak > self._steps[state.done][0]:
            return
        self.extended += 1
        self.reached = peak
        if not state.ready:
            self.found = self._path(state.done)
            return
        for task, after, cost in self._model.steps(state, peak):
            self._offer(after, max(peak, cost), task)

    def _offer(self, state: State, peak: int, task: int) -> None:
        """Opens a set unless it is too dear or known at no higher peak."""
        known = self._steps.get(state.done)
        if peak >= self._below or (known is not None and known[0] <= peak):
            return
        self._steps[state.done] = (peak, task)
        self._count += 1
        heapq.heappush(self._open, (peak, -state.done.bit_count(), self._count, state))

    def _path(self, done: int) -> tuple[int, ...]:
        """The nodes of a set in the order in which they were found to run."""
        path: list[int] = []
        while done:
            task = self._steps[done][1]
            path.append(task)
            done ^= 1 << task
        return tuple(reversed(path))
