"""The verifier of float graphs: shapes, element types, and parameters that fit their layer."""

from collections.abc import Iterator

from mcucc.errors import InvariantError
from mcucc.ir import DType, Port, TensorType, verify_structure
from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.elementwise import FloatPair


def verify_float(graph: FloatGraph) -> None:
    """Check a graph's structure and ports, then every node against its operator.

    Raises:
        InvariantError: with every broken rule.
    """
    verify_structure(graph)
    broken = [
        rule for port in (*graph.inputs, *graph.outputs) for rule in _port_faults(graph, port)
    ]
    for node in graph.nodes:
        label = f"{type(node.op).__name__} '{node.name}'"
        broken += [f"{label}: {rule}" for rule in float_node_faults(graph, node)]
    if broken:
        raise InvariantError(f"graph '{graph.name}' breaks rules: " + "; ".join(broken))


def float_node_faults(graph: FloatGraph, node: FloatNode) -> Iterator[str]:
    """The rules that one node breaks."""
    inputs, output = graph.input_types(node), graph.tensors[node.output]
    values = len(inputs) - node.op.parameters
    plain = [
        kind
        for name, kind in zip(node.inputs[:values], inputs[:values], strict=True)
        if not (isinstance(node.op, FloatPair) and name in graph.consts and kind.quant)
    ]
    if not all(_is_plain(each) for each in (*plain, output)):
        yield "all values must be float32 without a quantization"
    if any(not _is_plain(each) and each.quant is None for each in inputs[values:]):
        yield "integer weights and biases must have a quantization"
    if values < 1 or any(name not in graph.consts for name in node.inputs[values:]):
        yield f"the last {node.op.parameters} inputs must be constant"
        return
    if node.op.parameters and values != 1 and not node.op.rescales:
        yield f"the inputs must be one value and {node.op.parameters} constants"
        return
    faults = tuple(node.op.rules(inputs, output))
    yield from faults
    if faults:
        return  # shapes cannot be inferred
    shape = node.op.infer(inputs)
    if shape != output.shape:
        yield f"makes {list(shape)}, its type says {list(output.shape)}"
    if min(shape, default=0) < 1:
        yield f"makes an empty tensor {list(shape)}"


def _is_plain(kind: TensorType) -> bool:
    return kind.dtype == DType.FLOAT32 and kind.quant is None


def _port_faults(graph: FloatGraph, port: Port) -> Iterator[str]:
    perm = tuple(range(len(port.shape))) if port.perm is None else port.perm
    inner = graph.type_of(port.tensor).shape
    if sorted(perm) != list(range(len(port.shape))):
        yield f"port '{port.name}': perm must be a permutation of the axes"
    elif port.shape == (1,) and inner == (1, 1):
        return  # an index without the axis along which it was looked for
    elif tuple(port.shape[axis] for axis in perm) != inner:
        yield f"port '{port.name}': {list(port.shape)} in order {perm} is not {list(inner)}"
