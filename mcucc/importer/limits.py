"""What a network may ask of the fixed-point arithmetic and of memory."""

import math
from collections.abc import Iterator, Mapping

from mcucc.errors import Violation
from mcucc.ir import TensorType
from mcucc.ir.limits import Limit, real_bytes
from mcucc.ops import FloatOp, Int8Graph, Int8Node, Int8Op
from mcucc.ops.conv import Conv2D, DepthwiseConv2D, FloatConv2D, FloatDepthwiseConv2D
from mcucc.ops.pool import AveragePool2D, FloatAveragePool2D, FloatMaxPool2D, MaxPool2D
from mcucc.ops.verify import node_faults
from mcucc.reference.arithmetic import arithmetic_faults

_MAX_ELEMENTS = 1 << 31
_WINDOWED = (
    Conv2D,
    DepthwiseConv2D,
    AveragePool2D,
    MaxPool2D,
    FloatConv2D,
    FloatDepthwiseConv2D,
    FloatAveragePool2D,
    FloatMaxPool2D,
)


def broken_rules(graph: Int8Graph, node: Int8Node) -> Iterator[str]:
    """The rules that a node breaks: of its operator, of the arithmetic, of memory.

    Args:
        graph: knows the types of the node's inputs and output.
        node: need not be part of the graph.
    """
    label = f"{type(node.op).__name__} '{node.name}': "
    faulty = False
    for fault in node_faults(graph, node):
        yield fault.removeprefix(label)
        faulty = True
    if not faulty:
        yield from arithmetic_faults(graph, node)


def size_faults(
    op: Int8Op | FloatOp, x: TensorType, made: TensorType, limit: Limit
) -> Iterator[str]:
    """The rules for what an operator makes, and for what its window runs over.

    Args:
        op: the operator.
        x: its first input.
        made: its output.
        limit: of a tensor.
    """
    if made.size > limit.elements:
        yield f"a tensor must take at most {limit}"
    elif made.size >= _MAX_ELEMENTS:
        yield "a tensor must have fewer than 2^31 elements"
    if isinstance(op, _WINDOWED) and len(x.shape) == 4:
        top, bottom, left, right = op.pads
        _, rows, columns, channels = x.shape
        padded = (rows + top + bottom, columns + left + right, channels)
        if math.prod(padded) > limit.elements:
            yield (
                f"a map must take at most {limit} with its padding, here {list(padded)} take "
                f"{real_bytes(math.prod(padded)):,}"
            )


def total_violation(name: str, tensors: Mapping[str, TensorType], limit: Limit) -> Violation | None:
    """Why all values of a network together are too large, None if they are not.

    Args:
        name: of the network's file.
        tensors: the types of its values.
        limit: of many tensors together.
    """
    total = sum(tensor.size for tensor in tensors.values())
    if total <= limit.together_bytes:
        return None
    return Violation(
        name,
        "Graph",
        f"all values of one inference must have at most {limit.together_bytes:,} elements "
        "(--max-tensor-bytes raises that)",
        f"{total:,} in {len(tensors)} values",
        limit.hint,
    )
