"""The semantic verifier of int8 graphs: shapes, element types and the rules of each operator.

It refuses in particular what TensorFlow Lite would execute silently wrong (a PAD or an average
pool between different scales, a softmax with another output scale).
"""

from collections.abc import Iterator

from mcucc.errors import InvariantError
from mcucc.ir import DType, verify_structure
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
    if output.dtype != DType.INT8 or output.quant is None:
        yield f"{label}: the output must be quantized int8"
        return
    shape = node.op.infer(inputs)
    if shape != output.shape:
        yield f"{label}: makes {list(shape)}, its type says {list(output.shape)}"
    if min(shape) < 1:
        yield f"{label}: makes an empty tensor {list(shape)}"
    for rule in node.op.rules(inputs, output):
        yield f"{label}: {rule}"


def total_macs(graph: Int8Graph) -> int:
    """Multiply-accumulates of one inference."""
    return sum(node_macs(graph, node) for node in graph.nodes)


def node_macs(graph: Int8Graph, node: Int8Node) -> int:
    """Multiply-accumulates of one node."""
    return node.op.macs(graph.input_types(node), graph.tensors[node.output])
