"""Transposes right at an input or output of the network."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from mcucc.ir import DType, Port, TensorType
from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.movement import FloatTranspose
from mcucc.passes.base import FloatPass
from mcucc.passes.float_.permutations import Perm, composed, inverse, is_identity
from mcucc.passes.rewriting import renamed_input


@dataclass(frozen=True)
class AbsorbTransposes(FloatPass):
    """Gives an input or output of the network the layout in which the network reads or makes it.

    Why: the port says in which order its axes are; camera images come as the network reads them,
    and need no copy. Converters put such Transposes there because ONNX has no channels-last maps.

    Declines when
        (1) the Transpose moves the batch,
        (2) it is neither at an input nor at an output,
        (3) the input is an output too, or someone reads it in another layout,
        (4) the output is read inside the network too,
        (5) what it transposes is an input or output of the network itself.

    Before: input x [1, 8, 8, 3]; t = FloatTranspose(x, (0, 3, 1, 2)); ... t
    After:  input x [1, 3, 8, 8], perm (0, 3, 1, 2); ... x
    """

    name: str = "absorb_transposes"
    effect: ClassVar[str] = "vanishes: the port takes its order of axes over"

    def pattern(self, graph: FloatGraph) -> Iterator[FloatNode]:
        """Every Transpose."""
        return (node for node in graph.nodes if isinstance(node.op, FloatTranspose))

    def check(self, graph: FloatGraph, node: FloatNode) -> str | None:
        """Cases 1 to 5."""
        if not isinstance(node.op, FloatTranspose) or node.op.perm[0] != 0:
            return "it moves the batch"
        if _at_input(graph, node):
            return _input_fault(graph, node)
        if node.output in graph.output_tensors:
            return _output_fault(graph, node)
        return "it is neither at an input nor at an output"

    def rewrite(self, graph: FloatGraph, node: FloatNode) -> FloatGraph:
        """The port takes the order of axes over."""
        if not isinstance(node.op, FloatTranspose):
            return graph
        if _at_input(graph, node):
            return _absorbed_by_input(graph, node, node.op.perm)
        source, undo = node.inputs[0], inverse(node.op.perm)
        outputs = tuple(
            replace(_turned(port, undo), tensor=source) if port.tensor == node.output else port
            for port in graph.outputs
        )
        nodes = tuple(each for each in graph.nodes if each is not node)
        return replace(graph, outputs=outputs).with_nodes(nodes)


def _at_input(graph: FloatGraph, node: FloatNode) -> bool:
    return any(port.tensor == node.inputs[0] for port in graph.inputs)


def _input_fault(graph: FloatGraph, node: FloatNode) -> str | None:
    x = node.inputs[0]
    if x in graph.output_tensors or node.output in graph.output_tensors:
        return "it stands between an input and an output"
    others = [reader for reader in graph.readers[x] if reader.op != node.op]
    return f"'{others[0].name}' reads '{x}' in another layout" if others else None


def _output_fault(graph: FloatGraph, node: FloatNode) -> str | None:
    if any(state.update == node.output for state in graph.states):
        return f"'{node.output}' is left for the next run in its layout"
    if graph.readers[node.output]:
        return f"'{node.output}' is read inside the network too"
    if node.inputs[0] in graph.output_tensors:
        return f"'{node.inputs[0]}' is an output too"
    return None


def _absorbed_by_input(graph: FloatGraph, node: FloatNode, perm: Perm) -> FloatGraph:
    """All readers of the input are this same Transpose."""
    x = node.inputs[0]
    inputs = tuple(_turned(port, perm) if port.tensor == x else port for port in graph.inputs)
    same = {reader.name: reader.output for reader in graph.readers[x]}
    nodes = [each for each in graph.nodes if each.name not in same]
    for output in same.values():
        nodes = [renamed_input(each, output, x) for each in nodes]
    turned = TensorType(DType.FLOAT32, graph.tensors[node.output].shape)
    return replace(graph, inputs=inputs).with_nodes(tuple(nodes), {x: turned})


def _turned(port: Port, perm: Perm) -> Port:
    """The port of the inner value transposed by perm."""
    order = perm if port.perm is None else composed(port.perm, perm)
    return replace(port, perm=None if is_identity(order) else order)
