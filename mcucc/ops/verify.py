"""The semantic verifier of int8 graphs: shapes, element types and the rules of each operator.

It refuses in particular what TensorFlow Lite would execute silently wrong (a PAD or an average
pool between different scales, a softmax with another output scale).
"""

from collections.abc import Iterator

from mcucc.errors import InvariantError
from mcucc.ir import DType, TensorType, verify_structure
from mcucc.ops import Int8Graph, Int8Node


def verify(graph: Int8Graph) -> None:
    """Check a graph's structure, then every node against its operator.

    Raises:
        InvariantError: with every broken rule.
    """
    verify_structure(graph)
    broken = tuple(rule for node in graph.nodes for rule in node_faults(graph, node))
    if broken:
        raise InvariantError(f"graph '{graph.name}' breaks rules: " + "; ".join(broken))


def node_faults(graph: Int8Graph, node: Int8Node) -> Iterator[str]:
    """The rules that one node breaks."""
    inputs = graph.input_types(node)
    output = graph.tensors[node.output]
    label = f"{type(node.op).__name__} '{node.name}'"
    made = node.op.element(inputs)
    if output.dtype != made or output.quant is None:
        yield f"{label}: the output must be quantized {made}"
        return
    if made != DType.INT32 and any(kind.dtype == DType.INT32 for kind in values(graph, node)):
        yield f"{label}: an index can only be given out"
    shape = node.op.infer(inputs)
    if shape != output.shape:
        yield f"{label}: makes {list(shape)}, its type says {list(output.shape)}"
    if min(shape) < 1:
        yield f"{label}: makes an empty tensor {list(shape)}"
    for rule in node.op.rules(inputs, output):
        yield f"{label}: {rule}"


def values(graph: Int8Graph, node: Int8Node) -> Iterator[TensorType]:
    """The types of a node's inputs that are no constants."""
    return (graph.tensors[name] for name in graph.variable_inputs(node))


def total_macs(graph: Int8Graph) -> int:
    """Multiply-accumulates of one inference."""
    return sum(node_macs(graph, node) for node in graph.nodes)


def node_macs(graph: Int8Graph, node: Int8Node) -> int:
    """Multiply-accumulates of one node."""
    return node.op.macs(graph.input_types(node), graph.tensors[node.output])
