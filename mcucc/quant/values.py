"""Which float values are one int8 value, and what it is called.

A FloatFakeQuant vanishes where its input is made in its quantization, a Clip where the bounds of
the int8 range are its own. What stands on both sides is then one value. It bears the name of the
quantized value in the file, where there is one. A Clip from an input of the network to an output
stays, for a network without any step would be none.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mcucc.ir import QParams
from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.elementwise import FloatClip, FloatFakeQuant
from mcucc.quant.scheme import Scheme
from mcucc.reference.fixed_point import quantize

_EXPORTER_SUFFIXES = ("_quantized", "_QuantizeLinear_Output", "_output_0")
"""What quantizers and exporters hang on the name of a node to name its output, outermost first."""


@dataclass(frozen=True)
class Values:
    """The int8 values of a float graph.

    Attributes:
        names: of the int8 value, by float value.
        given: names that the file gives to quantized values.
        origins: of each float value the ONNX nodes of its maker and of what vanished behind it.
        vanished: outputs of the nodes that nothing is to be computed for.
    """

    names: Mapping[str, str]
    given: frozenset[str]
    origins: Mapping[str, tuple[str, ...]]
    vanished: frozenset[str]

    @staticmethod
    def of(graph: FloatGraph, scheme: Scheme) -> "Values":
        """The values of a graph in a scheme."""
        inputs = set(graph.source_tensors)
        roots: dict[str, str] = {}
        quantized: dict[str, str] = {}
        origins = {node.output: node.origin for node in graph.nodes}
        for node in graph.nodes:
            root, source = node.output, roots.get(node.inputs[0], node.inputs[0])
            is_network = source in inputs and root in graph.output_tensors
            if _vanishes(node, scheme) and not (is_network and isinstance(node.op, FloatClip)):
                root = source
                roots[node.output] = root
                origins[root] = (*origins.get(root, ()), *node.origin)
            if isinstance(node.op, FloatFakeQuant):
                quantized.setdefault(root, node.output)
        names = {name: roots.get(name, name) for name in graph.tensors}
        called = {name: quantized.get(root, root) for name, root in names.items()}
        return Values(called, frozenset(quantized.values()), origins, frozenset(roots))

    def name(self, value: str) -> str:
        """The int8 value of a float one; other names stay."""
        return self.names.get(value, value)

    def label(self, node: FloatNode, output: str) -> str:
        """What the int8 node is called that makes a value for a float node."""
        if output in self.given:
            short = output
            for suffix in _EXPORTER_SUFFIXES:
                short = short.removesuffix(suffix)
            # Of operators that were fused TensorFlow Lite's converter joins the names.
            short = short.rpartition(";")[2]
            return short or output
        return node.name if output == self.name(node.output) else output


def _vanishes(node: FloatNode, scheme: Scheme) -> bool:
    """Whether a node does nothing to int8 values."""
    match node.op:
        case FloatFakeQuant(quant):
            return scheme.of[node.inputs[0]] == quant
        case FloatClip():
            quant = scheme.of[node.output]
            alike = scheme.of[node.inputs[0]] == quant
            free = alike and clamp_bounds(node.op, quant) == (-128, 127)
            return node.output in scheme.absorbed or free
        case _:
            return False


def clamp_bounds(op: FloatClip, quant: QParams) -> tuple[int, int]:
    """The bounds of a Clip as int8 values."""
    reals = (op.low, op.high)
    low, high = (
        limit if real is None else int(quantize(np.array([real], dtype=np.float32), quant)[0])
        for real, limit in zip(reals, (-128, 127), strict=True)
    )
    return low, high
