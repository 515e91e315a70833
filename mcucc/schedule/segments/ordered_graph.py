"""The nodes in their order, with what each makes, and from when to when each content is needed.

Positions count the items of the order. A streamed image is item 0; a network whose image lies in
the arena begins with its first node.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mcucc.kernels import Access, Kernel, Shape
from mcucc.ops import Int8Graph, Int8Node
from mcucc.schedule.order.memory_graph import MemoryGraph, members
from mcucc.schedule.stages import RowRead, Stage, image_stage, layer_stage, row_stage


@dataclass(frozen=True)
class Item:
    """A node at its place in the order, or the image that a caller streams in.

    Attributes:
        node: None for the image.
        kernel: what computes the whole tensor; None for a reshape and the image.
        rows: what it does row by row; None if it cannot, or is a reshape.
        layer: the same for the kernel of the whole tensor; None if that is not made pixel by pixel.
        reads: contents that it reads.
        writes: the content that it makes; None for a reshape.
    """

    node: Int8Node | None
    kernel: Kernel | None
    rows: Stage | None
    layer: Stage | None
    reads: tuple[int, ...]
    writes: int | None

    @property
    def is_reshape(self) -> bool:
        """Whether nothing is executed."""
        return self.node is not None and self.kernel is None

    @property
    def runs_in_place(self) -> bool:
        """Whether a whole tensor may be written over an input of its size."""
        return self.kernel is not None and (
            self.kernel.access is Access.ELEMENT and self.kernel.shape is Shape.TENSOR
        )


@dataclass(frozen=True)
class Lifetime:
    """A content and when it is needed.

    Attributes:
        name: of its first value.
        size: bytes of the whole of it; 0 for a state's, which lie apart.
        born: position of the item that makes it; -1 if it is there from the start.
        last: position of the last item that reads it; the number of items if it must outlive them.
    """

    name: str
    size: int
    born: int
    last: int


@dataclass(frozen=True)
class OrderedGraph:
    """A network in an order.

    Attributes:
        graph: the network.
        items: in the order of execution.
        lifetimes: for each content.
        streamed: whether item 0 is an image that the caller hands over row by row.
        states: for each state the content that the run finds, and the one that it leaves in the
            same bytes.
    """

    graph: Int8Graph
    items: tuple[Item, ...]
    lifetimes: tuple[Lifetime, ...]
    streamed: bool
    states: tuple[tuple[int, int], ...] = ()

    @cached_property
    def state_names(self) -> frozenset[str]:
        """Names of the contents that states are found or left in."""
        return frozenset(self.lifetimes[i].name for pair in self.states for i in pair)

    @cached_property
    def crossing(self) -> tuple[tuple[int, ...], ...]:
        """For each position the contents that lie there before it and are read at it or later."""
        found: list[list[int]] = [[] for _ in range(len(self.items) + 1)]
        for content, lifetime in enumerate(self.lifetimes):
            for position in range(lifetime.born + 1, min(lifetime.last, len(self.items)) + 1):
                found[position].append(content)
        return tuple(map(tuple, found))

    @cached_property
    def row_readers(self) -> Mapping[int, tuple[tuple[int, RowRead], ...]]:
        """For each content the items that can read it row by row, and how."""
        index = {lifetime.name: i for i, lifetime in enumerate(self.lifetimes)}
        found: dict[int, list[tuple[int, RowRead]]] = {i: [] for i in range(len(self.lifetimes))}
        for position, item in enumerate(self.items):
            for read in () if item.rows is None else item.rows.reads:
                found[index[read.content]].append((position, read))
        return {content: tuple(readers) for content, readers in found.items()}


def ordered_graph_of(
    graph: Int8Graph,
    kernels: Mapping[str, Kernel | None],
    memory: MemoryGraph,
    order: Sequence[int],
    *,
    streamed: bool,
) -> OrderedGraph:
    """A graph in an order.

    Args:
        graph: the network; with one input if that is streamed.
        kernels: by the name of the node; None for reshapes.
        memory: the tasks and contents of the graph.
        order: every task once, topologically ordered.
        streamed: the caller hands over the image row by row.
    """
    content_of = {value: c.values[0] for c in memory.contents for value in c.values}
    items = [_item(graph, kernels, memory, task, content_of) for task in order]
    if streamed:
        value = graph.inputs[0].tensor
        image = image_stage(graph, value)
        items.insert(0, Item(None, None, image, None, (), _index(memory, value)))
    position = {task: i + streamed for i, task in enumerate(order)}
    lifetimes = tuple(
        _lifetime(memory, content, position, len(items), streamed=streamed)
        for content in range(len(memory.contents))
    )
    return OrderedGraph(graph, tuple(items), lifetimes, streamed, memory.states)


def _index(memory: MemoryGraph, value: str) -> int:
    return next(i for i, content in enumerate(memory.contents) if value in content.values)


def _item(
    graph: Int8Graph,
    kernels: Mapping[str, Kernel | None],
    memory: MemoryGraph,
    task: int,
    content_of: Mapping[str, str],
) -> Item:
    node = graph.nodes[task]
    kernel = kernels[node.name]
    return Item(
        node,
        kernel,
        row_stage(graph, node, kernel, content_of),
        None if kernel is None else layer_stage(graph, node, kernel, content_of),
        memory.tasks[task].reads,
        memory.tasks[task].writes,
    )


def _lifetime(
    memory: MemoryGraph, content: int, position: Mapping[int, int], end: int, *, streamed: bool
) -> Lifetime:
    facts = memory.contents[content]
    first = 0 if streamed else -1
    born = first if facts.writer is None else position[facts.writer]
    last = max((position[reader] for reader in members(facts.readers)), default=max(born, 0))
    return Lifetime(facts.values[0], facts.size, born, end if facts.kept else last)
