"""What is left of batch normalization and per-channel arithmetic becomes a layer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from mcucc.errors import InvariantError
from mcucc.ir import DType, Node, Shape, TensorType
from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.conv import FloatDepthwiseConv2D
from mcucc.ops.movement import FloatReshape
from mcucc.passes.base import FloatPass, Worth
from mcucc.passes.float_.affine import Affine, looks_affine, read_affine
from mcucc.passes.float_.layers import float_const
from mcucc.passes.rewriting import fresh_node, fresh_value, sole_reader, substitute


@dataclass(frozen=True)
class AffineToDepthwise(FloatPass):
    """Turns a scale and a shift per channel into a depthwise convolution of one pixel.

    Why: in int8 this is one kernel with a scale and a bias per channel, where arithmetic with a
    constant tensor would round the constant to one scale for all channels. Nodes in a row become
    one layer. Vectors and sequences are viewed as maps, which moves nothing.

    Declines when
        (1) the constant is neither one number nor one per channel, or the input is a divisor,
        (2) the input is no map, sequence or vector.

    Before: y = FloatBatchNorm(x, scale, bias, mean, variance)
    After:  y = FloatDepthwiseConv2D(x, s, t)
    """

    name: str = "affine_to_depthwise"
    effect: ClassVar[str] = "becomes a depthwise layer of one pixel"

    def pattern(self, graph: FloatGraph) -> Iterator[FloatNode]:
        """Batch normalizations, and arithmetic with a constant."""
        return (node for node in graph.nodes if looks_affine(graph, node))

    def check(self, graph: FloatGraph, node: FloatNode) -> str | None:
        """Cases 1 and 2."""
        affine = read_affine(graph, node)
        if isinstance(affine, str):
            return affine
        shape = graph.tensors[node.output].shape
        return None if 2 <= len(shape) <= 4 else f"{list(shape)} is no map, sequence or vector"

    def rewrite(self, graph: FloatGraph, node: FloatNode) -> FloatGraph:
        """One layer in place of the node and of those that follow it alone."""
        affine, chain = _chain(graph, node)
        weights = fresh_value(graph, f"{node.name}.weights")
        bias = fresh_value(graph, f"{node.name}.bias")
        consts = {
            weights: float_const(weights, affine.scale.reshape(1, 1, 1, -1)),
            bias: float_const(bias, affine.shift),
        }
        nodes, tensors = _as_layer(graph, chain, affine, (weights, bias))
        new = {each.name: () for each in chain} | {node.name: nodes}
        return substitute(graph, new, tensors, consts)

    def worth(self, graph: FloatGraph, node: FloatNode) -> Worth | None:  # noqa: ARG002
        """Nothing: it is the only way to compute it."""
        return None


def _chain(graph: FloatGraph, node: FloatNode) -> tuple[Affine, tuple[FloatNode, ...]]:
    """A node and those that follow it alone, and what they do together."""
    total = read_affine(graph, node)
    if not isinstance(total, Affine):
        raise InvariantError(f"'{node.name}' is no layer: {total}")
    chain = (node,)
    while total.activation == "none":
        reader = sole_reader(graph, chain[-1].output)
        if reader is None or not looks_affine(graph, reader):
            break
        later = read_affine(graph, reader)
        if not isinstance(later, Affine):
            break
        total, chain = total.then(later), (*chain, reader)
    return total, chain


def _as_layer(
    graph: FloatGraph, chain: tuple[FloatNode, ...], affine: Affine, names: tuple[str, str]
) -> tuple[tuple[FloatNode, ...], dict[str, TensorType]]:
    """The depthwise convolution, with a view before and after unless x is a map already."""
    head, output = chain[0], chain[-1].output
    shape = graph.tensors[output].shape
    origin = tuple(name for node in chain for name in node.origin)
    op = FloatDepthwiseConv2D(activation=affine.activation)
    if len(shape) == 4:
        return (Node(op, (affine.x, *names), output, head.name, origin),), {}
    map_type = TensorType(DType.FLOAT32, _map_shape(shape))
    before = fresh_value(graph, f"{head.name}.map")
    after = fresh_value(graph, f"{head.name}.scaled")
    nodes: tuple[FloatNode, ...] = (
        Node(FloatReshape(map_type.shape), (affine.x,), before, fresh_node(graph, before), origin),
        Node(op, (before, *names), after, head.name, origin),
        Node(FloatReshape(shape), (after,), output, fresh_node(graph, after), origin),
    )
    return nodes, {before: map_type, after: map_type}


def _map_shape(shape: Shape) -> Shape:
    return (1, *shape[1:-1], *(1,) * (4 - len(shape)), shape[-1])
