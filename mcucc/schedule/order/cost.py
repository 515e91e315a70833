"""How many bytes are live while a node runs, given which nodes ran before it.

That set says it all: which contents exist, which of them are still needed, and whether the node
can write in place. The order in which the set was executed does not matter, and that is what makes
a search over sets exact.

The bytes of a step are those that `memory.least_bytes` counts for the buffers that it then has:
each size rounded up to the alignment, but for the one that lies on top.
"""

from collections.abc import Sequence
from typing import NamedTuple

from mcucc.schedule.order.inplace import overwritten
from mcucc.schedule.order.memory_graph import MemoryGraph, bits, members


class State(NamedTuple):
    """Between two steps.

    Attributes:
        done: set of the nodes that ran.
        ready: set of the nodes that can run next.
        live: set of the contents that later nodes or the caller still need.
    """

    done: int
    ready: int
    live: int


class CostModel:
    """The bytes of the steps of a graph.

    Args:
        memory: the graph.
        alignment: of every buffer; a power of two.
    """

    def __init__(self, memory: MemoryGraph, alignment: int) -> None:
        self.memory = memory
        self.followers = _followers(memory)
        self._alignment = alignment
        self._sizes = tuple(content.size for content in memory.contents)
        self._inputs = bits(
            i for i, content in enumerate(memory.contents) if content.writer is None
        )
        self._unread = bits(
            i
            for i in members(self._inputs)
            if not memory.contents[i].readers and not memory.contents[i].kept
        )

    def start(self) -> State:
        """Before the first step."""
        ready = bits(i for i, task in enumerate(self.memory.tasks) if not task.needs)
        return State(0, ready, self._inputs & ~self._unread)

    def step(self, state: State, task: int) -> tuple[State, int]:
        """Runs a node that is ready.

        Returns:
            The state after it, and the bytes that are live while it runs.
        """
        facts = self.memory.tasks[task]
        touched = state.live if facts.writes is None else state.live | 1 << facts.writes
        during = touched if state.done else touched | self._unread
        below = overwritten(self.memory, task, state.done)
        if below is not None:
            during ^= 1 << below
        done = state.done | 1 << task
        after = State(
            done,
            state.ready ^ 1 << task | self._freshly_ready(task, done),
            touched & ~self._ended(task, state.done),
        )
        return after, self.need(during, facts.scratch)

    def steps(self, state: State, peak: int) -> tuple[tuple[int, State, int], ...]:
        """The steps worth trying next: node, state after it, bytes while it runs.

        These are all nodes that are ready, in graph order; or just one, if it can do no harm.

        Args:
            state: where to go on from.
            peak: bytes that were needed already, or will be needed in any case.
        """
        found: list[tuple[int, State, int]] = []
        for task in members(state.ready):
            after, cost = self.step(state, task)
            if cost <= peak and self._is_free(state, after):
                return ((task, after, cost),)
            found.append((task, after, cost))
        return tuple(found)

    def need(self, contents: int, scratch: int) -> int:
        """The fewest bytes that hold a set of contents and some scratch at the same time."""
        total, largest = self._padded(contents)
        padding = -scratch % self._alignment
        return total + scratch + padding - max(largest, padding)

    def peak(self, order: Sequence[int]) -> int:
        """The bytes of the step that needs the most."""
        state = self.start()
        peak = self.need(self._inputs, 0)
        for task in order:
            state, cost = self.step(state, task)
            peak = max(peak, cost)
        return peak

    def _is_free(self, before: State, after: State) -> bool:
        """Whether taking a step at once never makes a later step need more.

        What a step frees now it would free later too, so a step that keeps no more than it frees
        helps every step that it is put before. Padding makes one exception: where the sums are
        equal, the padding that the topmost buffer is spared must not get smaller.
        """
        made, its_padding = self._padded(after.live & ~before.live)
        freed, their_padding = self._padded(before.live & ~after.live)
        return made < freed or (made == freed and its_padding >= their_padding)

    def _padded(self, contents: int) -> tuple[int, int]:
        """The bytes of some contents, each rounded up, and the largest of the paddings."""
        total, largest = 0, 0
        for i in members(contents):
            padding = -self._sizes[i] % self._alignment
            total += self._sizes[i] + padding
            largest = max(largest, padding)
        return total, largest

    def _ended(self, task: int, done: int) -> int:
        """The contents that nobody needs any more once a node has run."""
        facts = self.memory.tasks[task]
        touched = facts.reads if facts.writes is None else (*facts.reads, facts.writes)
        return bits(i for i in touched if self.memory.is_last_reader(i, task, done))

    def _freshly_ready(self, task: int, done: int) -> int:
        """The nodes that a node was the last to be waited for."""
        return bits(i for i in self.followers[task] if not self.memory.tasks[i].needs & ~done)


def _followers(memory: MemoryGraph) -> tuple[tuple[int, ...], ...]:
    found: list[list[int]] = [[] for _ in memory.tasks]
    for i, task in enumerate(memory.tasks):
        for needed in members(task.needs):
            found[needed].append(i)
    return tuple(tuple(some) for some in found)
