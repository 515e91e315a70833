"""What a step computes, in words for a reader of the C code."""

from collections.abc import Sequence

from mcucc.codegen.arena_refs import TensorRef
from mcucc.ops import Int8Graph, Int8Node
from mcucc.ops.conv import Conv2D, DepthwiseConv2D
from mcucc.ops.movement import Pad


def stage_title(
    graph: Int8Graph, node: Int8Node, inputs: Sequence[TensorRef], output: TensorRef
) -> str:
    """What a node computes: name, operator, sizes."""
    op = node.op
    what = type(op).__name__
    if isinstance(op, Conv2D | DepthwiseConv2D):
        what = _convolution(graph, node, op)
    elif isinstance(op, Pad):
        what = "padding"
    sizes = " + ".join(tensor.size_text for tensor in inputs)
    return f"{node.name}: {what}, {sizes} -> {output.size_text}"


def _convolution(graph: Int8Graph, node: Int8Node, op: Conv2D | DepthwiseConv2D) -> str:
    """Which kind of convolution it is, with its window."""
    x, weights = graph.input_types(node)[:2]
    window = f"{weights.shape[1]}x{weights.shape[2]}/{op.stride[0]}"
    if isinstance(op, DepthwiseConv2D):
        return f"{window} depthwise convolution"
    groups = x.shape[3] // weights.shape[3]
    return f"{window} convolution" if groups == 1 else f"{window} convolution in {groups} groups"
