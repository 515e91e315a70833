"""Nodes that scale and shift each channel by constants.

A batch normalization is one, and so is arithmetic with a constant that is one number or one number
per channel. The passes treat them alike.
"""

from dataclasses import dataclass

import numpy as np

from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.base import Activation
from mcucc.ops.elementwise import FloatBatchNorm, FloatBinary
from mcucc.passes.float_.layers import Reals


@dataclass(frozen=True, eq=False)
class Affine:
    """activation(x * scale + shift) per channel, the last axis.

    Attributes:
        x: name of the value.
        scale: [C].
        shift: [C].
        activation: applied to the result.
    """

    x: str
    scale: Reals
    shift: Reals
    activation: Activation = "none"

    def then(self, later: "Affine") -> "Affine":
        """Both in one; only valid if the first has no activation."""
        shift = self.shift * later.scale + later.shift
        return Affine(self.x, self.scale * later.scale, shift, later.activation)


def looks_affine(graph: FloatGraph, node: FloatNode) -> bool:
    """Whether a node is a batch normalization, or arithmetic with one constant of reals."""
    match node.op:
        case FloatBatchNorm():
            return True
        case FloatBinary():
            return len(graph.variable_inputs(node)) == 1 and not keeps_integers(graph, node)
        case _:
            return False


def keeps_integers(graph: FloatGraph, node: FloatNode) -> bool:
    """Whether a constant operand has given integers: the arithmetic on them is given too."""
    constants = [graph.const(name) for name in node.inputs if name in graph.consts]
    return any(const.type.quant is not None for const in constants)


def read_affine(graph: FloatGraph, node: FloatNode) -> Affine | str:
    """What a node that looks affine does to each channel, or why it is not affine after all."""
    match node.op:
        case FloatBatchNorm(epsilon):
            return _batch_norm(graph, node, epsilon)
        case FloatBinary():
            return _arithmetic(graph, node, node.op)
        case _:
            return "it is neither a batch normalization nor arithmetic"


def _batch_norm(graph: FloatGraph, node: FloatNode, epsilon: float) -> Affine:
    gain, bias, mean, variance = (
        graph.const(name).data.astype(np.float64) for name in node.inputs[1:]
    )
    scale = gain / np.sqrt(variance + epsilon)
    return Affine(node.inputs[0], scale, bias - mean * scale)


def _arithmetic(graph: FloatGraph, node: FloatNode, op: FloatBinary) -> Affine | str:
    (x,) = graph.variable_inputs(node)
    constant_first = node.inputs[0] in graph.consts
    operand = graph.const(node.inputs[0 if constant_first else 1]).data.astype(np.float64)
    shape = graph.type_of(x).shape
    if graph.tensors[node.output].shape != shape:
        return "it broadcasts its input to another shape"
    if operand.size != 1 and operand.shape[-1] != operand.size:
        return f"the constant {list(operand.shape)} is neither one number nor one per channel"
    c = np.broadcast_to(operand.ravel(), shape[-1:])
    one, zero = np.ones_like(c), np.zeros_like(c)
    match op.kind, constant_first:
        case "add", _:
            return Affine(x, one, c, op.activation)
        case "sub", False:
            return Affine(x, one, -c, op.activation)
        case "sub", True:
            return Affine(x, -one, c, op.activation)
        case "mul", _:
            return Affine(x, c, zero, op.activation)
        case _:
            if constant_first:
                return "it divides by its input"
            return Affine(x, 1.0 / c, zero, op.activation) if c.all() else "it divides by zero"
