"""The buffers of an order of whole layers, as an oracle for what the search says of its peak.

Contents share a buffer where one is written over another of its size that dies: what the search for
an order supposes.
"""

from collections.abc import Sequence

from mcucc.memory import Buffer
from mcucc.schedule.order.inplace import overwritten
from mcucc.schedule.order.memory_graph import MemoryGraph, members

Life = tuple[int, int]


def content_lives(memory: MemoryGraph, order: Sequence[int]) -> tuple[Life, ...]:
    """For each content the steps from the one that writes it to the last that reads it.

    Inputs are there from step 0. What must outlive the run lives until after the last step. What
    nobody reads lives for one step.
    """
    step_of = {task: step for step, task in enumerate(order)}
    lives: list[Life] = []
    for content in memory.contents:
        start = 0 if content.writer is None else step_of[content.writer]
        last = max((step_of[reader] for reader in members(content.readers)), default=start)
        end = max(len(order), 1) if content.kept else last + 1
        lives.append((start, end))
    return tuple(lives)


def shared_homes(memory: MemoryGraph, order: Sequence[int]) -> tuple[int, ...]:
    """For each content the first content of the buffer that holds it.

    Args:
        memory: the graph.
        order: every node once, topologically ordered.
    """
    home = list(range(len(memory.contents)))
    done = 0
    for task in order:
        below = overwritten(memory, task, done)
        writes = memory.tasks[task].writes
        if below is not None and writes is not None:
            home[writes] = home[below]
        done |= 1 << task
    return tuple(home)


def value_buffers(
    memory: MemoryGraph, homes: Sequence[int], lives: Sequence[Life], alignment: int
) -> tuple[Buffer, ...]:
    """The buffers of the contents; contents that share one follow each other in time.

    Args:
        memory: the graph.
        homes: for each content the first content of its buffer.
        lives: for each content its life.
        alignment: of every buffer, bytes.
    """
    shared: dict[int, list[Life]] = {}
    for home, life in zip(homes, lives, strict=True):
        shared.setdefault(home, []).append(life)
    return tuple(
        Buffer(
            name=memory.contents[home].values[0],
            size=memory.contents[home].size,
            start=min(start for start, _ in all_lives),
            end=max(end for _, end in all_lives),
            alignment=alignment,
        )
        for home, all_lives in shared.items()
    )
