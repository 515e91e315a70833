"""How a node that only moves or renames elements sinks below its reader."""

from collections.abc import Mapping
from dataclasses import replace

from mcucc.ir import Const, DType, Node, TensorType
from mcucc.ops import FloatGraph, FloatNode
from mcucc.passes.rewriting import fresh_node, fresh_value, substitute


def other_readers(graph: FloatGraph, node: FloatNode) -> tuple[FloatNode, ...]:
    """The readers of a node that are not of its own kind; those can take its input directly."""
    readers = graph.readers[node.output]
    return tuple(reader for reader in readers if type(reader.op) is not type(node.op))


def sunk(
    graph: FloatGraph, node: FloatNode, reader: FloatNode, turned: Mapping[str, Const]
) -> FloatGraph:
    """The graph in which a reader comes first and the node after it.

    Args:
        graph: what is edited.
        node: moves or renames elements.
        reader: all its operands are constant or made by nodes with the same operator.
        turned: the constant operands as they must be above the node, by their name so far.
    """
    above = [graph.producers[name] for name in reader.inputs if name not in graph.consts]
    sources = {each.output: each.inputs[0] for each in above}
    inputs = tuple(turned[n].name if n in turned else sources[n] for n in reader.inputs)
    consts = {const.name: const for const in turned.values()}
    types = [consts[n].type if n in consts else graph.type_of(n) for n in inputs]
    value = fresh_value(graph, f"{reader.output}.inner")
    gone: dict[str, tuple[FloatNode, ...]] = {
        each.name: () for each in above if _only_feeds(graph, each, reader)
    }
    label = node.name if node.name in gone else fresh_node(graph, f"{node.name}.sunk")
    nodes: tuple[FloatNode, ...] = (
        replace(reader, inputs=inputs, output=value),
        Node(node.op, (value,), reader.output, label, node.origin),
    )
    made = {value: TensorType(DType.FLOAT32, reader.op.infer(types))}
    return substitute(graph, {**gone, reader.name: nodes}, made, consts)


def _only_feeds(graph: FloatGraph, node: FloatNode, reader: FloatNode) -> bool:
    return graph.readers[node.output] == (reader,) and node.output not in graph.output_tensors
