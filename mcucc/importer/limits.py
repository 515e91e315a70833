"""What a network may ask of the fixed-point arithmetic and of memory."""

from collections.abc import Iterator

from mcucc.ir import TensorType
from mcucc.ops import (
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Int8Graph,
    Int8Node,
    Mean,
    Requantize,
    Softmax,
)
from mcucc.ops.verify import node_faults
from mcucc.reference.fixed_point import MAX_SHIFT
from mcucc.reference.softmax import DIFF_INTEGER_BITS, SUM_INTEGER_BITS

_MAX_ELEMENTS = 1 << 31
_MAX_FACTOR = float(1 << (MAX_SHIFT - 1))
_MIN_SOFTMAX_SCALE = 2.0 ** (DIFF_INTEGER_BITS - 31)
_MAX_SOFTMAX_LENGTH = 1 << SUM_INTEGER_BITS


def broken_rules(graph: Int8Graph, node: Int8Node) -> Iterator[str]:
    """The rules that a node breaks: of its operator, of the arithmetic, of memory.

    Args:
        graph: knows the types of the node's inputs and output.
        node: need not be part of the graph.
    """
    label = f"{type(node.op).__name__} '{node.name}': "
    for fault in node_faults(graph, node):
        yield fault.removeprefix(label)
    inputs, output = graph.input_types(node), graph.tensors[node.output]
    yield from size_faults(output)
    match node.op:
        case Conv2D() | DepthwiseConv2D() | FullyConnected():
            yield from _factor_faults(inputs[0].q.scale * max(inputs[1].q.scales), output)
        case Mean() | Requantize():
            yield from _factor_faults(inputs[0].q.scale, output)
        case Softmax():
            if inputs[0].q.scale <= _MIN_SOFTMAX_SCALE:
                yield "the scale before a softmax must be above 2^-26"
            if inputs[0].shape[-1] >= _MAX_SOFTMAX_LENGTH:
                yield f"a softmax must be over fewer than {_MAX_SOFTMAX_LENGTH} elements"
        case _:
            pass


def size_faults(tensor: TensorType) -> Iterator[str]:
    """The rule that sizes and offsets are int32."""
    if tensor.size >= _MAX_ELEMENTS:
        yield "a tensor must have fewer than 2^31 elements"


def _factor_faults(scale: float, output: TensorType) -> Iterator[str]:
    if scale >= _MAX_FACTOR * output.q.scale:
        yield "the scales must grow by less than 2^30 from input to output"
