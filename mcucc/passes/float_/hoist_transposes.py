"""Transposes above Reshapes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from mcucc.ir import DType, Node, TensorType
from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.movement import FloatReshape, FloatTranspose
from mcucc.passes.base import FloatPass, Worth
from mcucc.passes.float_.permutations import Perm, real_axes
from mcucc.passes.rewriting import fresh_node, fresh_value, sole_reader, substitute


@dataclass(frozen=True)
class HoistTransposes(FloatPass):
    """Moves a Transpose above a Reshape that only adds or drops axes of one element.

    Why: above, it meets the input of the network or another Transpose and vanishes. Sequences,
    which are maps of one column here, come that way.

    Declines when
        (1) what makes the input is no Reshape, or a Reshape that splits or merges axes,
        (2) what the Reshape reads is neither an input of the network nor transposed,
        (3) the Reshape's output is read elsewhere or is an output of the network.

    Before: r = FloatReshape(x, (1, 9, 128, 1)); y = FloatTranspose(r, (0, 2, 3, 1))
    After:  t = FloatTranspose(x, (0, 2, 1)); y = FloatReshape(t, (1, 128, 1, 9))
    """

    name: str = "hoist_transposes"
    effect: ClassVar[str] = "moves towards the input, where another undoes it"

    def pattern(self, graph: FloatGraph) -> Iterator[FloatNode]:
        """Every Transpose."""
        return (node for node in graph.nodes if isinstance(node.op, FloatTranspose))

    def check(self, graph: FloatGraph, node: FloatNode) -> str | None:
        """Cases 1 to 3."""
        reshape = graph.producers.get(node.inputs[0])
        if reshape is None or not isinstance(reshape.op, FloatReshape):
            return f"'{node.inputs[0]}' is not reshaped"
        source = reshape.inputs[0]
        sizes = [
            tuple(size for size in graph.tensors[name].shape if size != 1)
            for name in (source, reshape.output)
        ]
        if sizes[0] != sizes[1]:
            return f"'{reshape.name}' splits or merges axes"
        maker = graph.producers.get(source)
        if maker is not None and not isinstance(maker.op, FloatTranspose):
            return f"'{source}' is neither an input nor transposed"
        if sole_reader(graph, reshape.output) is None:
            return f"'{reshape.output}' is read elsewhere"
        return None

    def rewrite(self, graph: FloatGraph, node: FloatNode) -> FloatGraph:
        """The Transpose of what the Reshape read, then a Reshape."""
        reshape = graph.producers[node.inputs[0]]
        if not isinstance(node.op, FloatTranspose):
            return graph
        source = reshape.inputs[0]
        perm = _perm_above(graph, source, reshape.output, node.op.perm)
        turned = TensorType(
            DType.FLOAT32, tuple(graph.tensors[source].shape[axis] for axis in perm)
        )
        value = fresh_value(graph, f"{source}.transposed")
        last = FloatReshape(graph.tensors[node.output].shape)
        nodes: tuple[FloatNode, ...] = (
            Node(FloatTranspose(perm), (source,), value, fresh_node(graph, value), node.origin),
            Node(last, (value,), node.output, node.name, (*reshape.origin, *node.origin)),
        )
        return substitute(graph, {reshape.name: (), node.name: nodes}, {value: turned})

    def worth(self, graph: FloatGraph, node: FloatNode) -> Worth | None:  # noqa: ARG002
        """Nothing by itself: it is written all the same, elsewhere."""
        return None


def _perm_above(graph: FloatGraph, source: str, reshaped: str, perm: Perm) -> Perm:
    """The order of the source's axes; those of one element stay where they are."""
    real = real_axes(graph.tensors[source].shape)
    places = {axis: i for i, axis in enumerate(real_axes(graph.tensors[reshaped].shape))}
    order = [real[places[axis]] for axis in perm if axis in places]
    moved = dict(zip(real, order, strict=True))
    return tuple(moved.get(axis, axis) for axis in range(len(graph.tensors[source].shape)))
