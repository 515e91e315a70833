"""What a graph asks of memory, whatever the order of its nodes.

Nodes and contents are numbered, and a set of either is an integer with one bit per member: the
search for an order visits many thousands of such sets.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from mcucc.errors import InvariantError
from mcucc.ops import Aliasing, Int8Graph, Int8Node

MANY_NODES = 96
"""Beyond, what every search may try gets less with the size of the network: planning must end in
seconds for any."""


@dataclass(frozen=True)
class Storage:
    """Bytes that are written once: a value, and every value that is its reshape.

    They stay what they are until the last reader of any of these values is done; so reshapes can
    share one run of bytes, however long each of them is needed.

    Attributes:
        values: names; the first is the value that is written, reshapes follow in graph order.
        size: bytes; 0 for those of a state, which lie apart and are never free.
        writer: the node that writes it, None for an input or a state of the network.
        readers: set of the nodes that read one of its values, reshapes included.
        kept: it must outlive the run: a value is an output, a state, or an input that must not be
            destroyed.
    """

    values: tuple[str, ...]
    size: int
    writer: int | None
    readers: int
    kept: bool


@dataclass(frozen=True)
class NodeUse:
    """What a node does to memory.

    Attributes:
        needs: set of the nodes that make its inputs, or must have read what it writes over.
        reads: the contents that it reads, each once, in the order of its inputs.
        writes: the content that it writes, None for a reshape.
        in_place: it may write over a content that it reads.
        scratch: bytes that it needs while it runs.
    """

    needs: int
    reads: tuple[int, ...]
    writes: int | None
    in_place: bool
    scratch: int


@dataclass(frozen=True)
class MemoryGraph:
    """A graph as tasks and contents.

    Attributes:
        tasks: one for each node of the graph, in its order.
        contents: those of the inputs first, then in the order in which nodes write them.
        states: for each state the content that the run finds, and the one that it leaves in the
            same bytes.
    """

    tasks: tuple[NodeUse, ...]
    contents: tuple[Storage, ...]
    states: tuple[tuple[int, int], ...] = ()

    def is_last_reader(self, content: int, task: int, done: int) -> bool:
        """Whether nobody needs a content any more once `task` has run after the set `done`."""
        facts = self.contents[content]
        return not facts.kept and not facts.readers & ~(done | 1 << task)


def bits(members: Iterable[int]) -> int:
    """The set of some numbers."""
    found = 0
    for member in members:
        found |= 1 << member
    return found


def members(chosen: int) -> Iterator[int]:
    """The numbers in a set, ascending."""
    while chosen:
        lowest = chosen & -chosen
        yield lowest.bit_length() - 1
        chosen ^= lowest


def memory_graph_of(
    graph: Int8Graph, scratch: Mapping[str, int], *, keep_input: bool = False
) -> MemoryGraph:
    """The tasks and contents of a graph.

    Args:
        graph: the network.
        scratch: bytes of scratch by the name of the node; nodes that need none may be left out.
        keep_input: whether the inputs of the network must survive the run.

    Raises:
        InvariantError: an output or the input of a reshape is a constant.
    """
    position = {node.output: i for i, node in enumerate(graph.nodes)}
    contents = _contents(graph, position, keep_input=keep_input)
    content_of = {value: i for i, content in enumerate(contents) for value in content.values}
    states = tuple((content_of[s.source], content_of[s.update]) for s in graph.states)
    before = {contents[new].writer: contents[old].readers for old, new in states}
    tasks = tuple(
        _task(graph, node, content_of, position, scratch.get(node.name, 0)) for node in graph.nodes
    )
    tasks = tuple(
        replace(task, needs=task.needs | (before.get(i, 0) & ~(1 << i)))
        for i, task in enumerate(tasks)
    )
    return MemoryGraph(tasks, contents, states)


def _contents(
    graph: Int8Graph, position: Mapping[str, int], *, keep_input: bool
) -> tuple[Storage, ...]:
    members = {name: [name] for name in graph.source_tensors}
    written = {name: name for name in graph.source_tensors}
    for node in graph.nodes:
        value = written[_reshaped(graph, node)] if _is_reshape(node) else node.output
        written[node.output] = value
        members.setdefault(value, []).append(node.output)
    kept = set(graph.output_tensors)
    if not kept <= written.keys():
        raise InvariantError(f"graph '{graph.name}': an output is a constant")
    if keep_input:
        kept |= {port.tensor for port in graph.inputs}
    states = {name for state in graph.states for name in (state.source, state.update)}
    return tuple(
        _content(graph, position, tuple(values), kept | states, apart=not states.isdisjoint(values))
        for values in members.values()
    )


def _content(
    graph: Int8Graph,
    position: Mapping[str, int],
    values: tuple[str, ...],
    kept: set[str],
    *,
    apart: bool,
) -> Storage:
    readers = (node for value in values for node in graph.readers[value])
    return Storage(
        values=values,
        size=0 if apart else graph.tensors[values[0]].nbytes,
        writer=position.get(values[0]),
        readers=bits(position[node.output] for node in readers),
        kept=not kept.isdisjoint(values),
    )


def _task(
    graph: Int8Graph,
    node: Int8Node,
    content_of: Mapping[str, int],
    position: Mapping[str, int],
    scratch: int,
) -> NodeUse:
    inputs = graph.variable_inputs(node)
    return NodeUse(
        needs=bits(position[name] for name in inputs if name in position),
        reads=tuple(dict.fromkeys(content_of[name] for name in inputs)),
        writes=None if _is_reshape(node) else content_of[node.output],
        in_place=node.op.aliasing is Aliasing.IN_PLACE,
        scratch=scratch,
    )


def _is_reshape(node: Int8Node) -> bool:
    return node.op.aliasing is Aliasing.SAME_BYTES


def _reshaped(graph: Int8Graph, node: Int8Node) -> str:
    if node.inputs[0] in graph.consts:
        raise InvariantError(f"node '{node.name}' reshapes a constant, which has no place in RAM")
    return node.inputs[0]
