"""Which contents share a buffer: a result may be written over an input that dies of it."""

from mcucc.schedule.order.memory_graph import MemoryGraph


def overwritten(memory: MemoryGraph, task: int, done: int) -> int | None:
    """The content that a task writes its own over, None if it needs fresh bytes.

    It is the first that the task reads, has the size of the result, and that nobody needs any
    more: no other reader of any of its values is left, none is an output, and it is no input of
    the network that must be kept.

    Args:
        memory: the graph.
        task: the node that runs.
        done: set of the nodes that ran before it.
    """
    facts = memory.tasks[task]
    if not facts.in_place or facts.writes is None:
        return None
    size = memory.contents[facts.writes].size
    for content in facts.reads:
        if memory.contents[content].size == size and memory.is_last_reader(content, task, done):
            return content
    return None
