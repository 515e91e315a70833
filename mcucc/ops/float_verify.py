"""The verifier of float graphs: shapes, element types, and parameters that fit their layer."""

from collections.abc import Iterator

from mcucc.errors import InvariantError
from mcucc.ir import DType, Port, TensorType, verify_structure
from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.conv import FloatConv2D, FloatDepthwiseConv2D
from mcucc.ops.dense import FloatDense
from mcucc.ops.elementwise import FloatBatchNorm
from mcucc.ops.movement import FloatSlice, FloatTranspose


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
    types = (*graph.input_types(node), graph.tensors[node.output])
    layer = isinstance(node.op, FloatConv2D | FloatDepthwiseConv2D | FloatDense)
    given = types[1:3] if layer else ()
    if any(not _is_plain(each) for each in types if each not in given):
        yield "all values must be float32 without a quantization"
    if any(not _is_plain(each) and each.quant is None for each in given):
        yield "integer weights and biases must have a quantization"
    faults = tuple(_operator_faults(graph, node))
    yield from faults
    if faults:
        return  # shapes cannot be inferred
    shape = node.op.infer(graph.input_types(node))
    if shape != types[-1].shape:
        yield f"makes {list(shape)}, its type says {list(types[-1].shape)}"
    if min(shape, default=0) < 1:
        yield f"makes an empty tensor {list(shape)}"


def _is_plain(kind: TensorType) -> bool:
    return kind.dtype == DType.FLOAT32 and kind.quant is None


def _operator_faults(graph: FloatGraph, node: FloatNode) -> Iterator[str]:
    match node.op:
        case FloatConv2D() | FloatDepthwiseConv2D() | FloatDense():
            yield from _layer_faults(graph, node)
        case FloatBatchNorm():
            yield from _batch_norm_faults(graph, node)
        case FloatTranspose(perm):
            if sorted(perm) != list(range(len(graph.type_of(node.inputs[0]).shape))):
                yield "perm must be a permutation of the axes"
        case FloatSlice(starts, sizes):
            shape = graph.type_of(node.inputs[0]).shape
            ranks = {len(starts), len(sizes), len(shape)}
            ends = zip(starts, sizes, shape, strict=False)
            if len(ranks) != 1 or any(a < 0 or a + size > n for a, size, n in ends):
                yield f"{list(starts)} to {list(sizes)} more does not lie inside {list(shape)}"
        case _:
            pass


def _layer_faults(graph: FloatGraph, node: FloatNode) -> Iterator[str]:
    if len(node.inputs) != 3 or any(name not in graph.consts for name in node.inputs[1:]):
        yield "the inputs must be x and constant weights and bias"
        return
    x, weights, bias = (each.shape for each in graph.input_types(node))
    rank = 2 if isinstance(node.op, FloatDense) else 4
    if (len(x), len(weights)) != (rank, rank):
        yield f"x and weights must have rank {rank}, not {list(x)} and {list(weights)}"
        return
    if not _channels_fit(node, x[-1], weights):
        yield f"weights {list(weights)} do not fit the channels of {list(x)}"
    channels = weights[3] if isinstance(node.op, FloatDepthwiseConv2D) else weights[0]
    if bias != (channels,):
        yield f"the bias must be [{channels}], not {list(bias)}"


def _channels_fit(node: FloatNode, in_c: int, weights: tuple[int, ...]) -> bool:
    match node.op:
        case FloatDepthwiseConv2D():
            return weights[0] == 1 and weights[3] % in_c == 0
        case FloatConv2D():
            return in_c % weights[3] == 0 and weights[0] % (in_c // weights[3]) == 0
        case _:
            return weights[-1] == in_c


def _batch_norm_faults(graph: FloatGraph, node: FloatNode) -> Iterator[str]:
    if len(node.inputs) != 5 or any(name not in graph.consts for name in node.inputs[1:]):
        yield "the inputs must be x and constant scale, bias, mean and variance"
        return
    x, *parameters = (each.shape for each in graph.input_types(node))
    if any(shape != (x[-1],) for shape in parameters):
        yield f"each parameter must be [{x[-1]}], not {[list(shape) for shape in parameters]}"


def _port_faults(graph: FloatGraph, port: Port) -> Iterator[str]:
    perm = tuple(range(len(port.shape))) if port.perm is None else port.perm
    inner = graph.type_of(port.tensor).shape
    if sorted(perm) != list(range(len(port.shape))):
        yield f"port '{port.name}': perm must be a permutation of the axes"
    elif tuple(port.shape[axis] for axis in perm) != inner:
        yield f"port '{port.name}': {list(port.shape)} in order {perm} is not {list(inner)}"
