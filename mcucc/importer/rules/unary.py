"""Lowering rules for functions of one element."""

from collections.abc import Mapping

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.view import View
from mcucc.importer.rules.rule import Rule
from mcucc.importer.walk import Walk
from mcucc.ops import FloatOp
from mcucc.ops.unary import FloatUnary, UnaryKind

_UNARY: Mapping[str, UnaryKind] = {
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "HardSwish": "hard_swish",
    "Sqrt": "sqrt",
    "Exp": "exp",
    "Neg": "neg",
}


def lower_unary(walk: Walk, node: OnnxNode) -> View:
    """A function of each element; the layout does not matter to it."""
    return walk.apply(node, _unary_op(node))


def _unary_op(node: OnnxNode) -> FloatOp:
    """The function that a node applies to each element."""
    match node.op:
        case "LeakyRelu":
            return FloatUnary("leaky_relu", alpha=node.float("alpha", 0.01))
        case "HardSigmoid":
            alpha, beta = node.float("alpha", 0.2), node.float("beta", 0.5)
            return FloatUnary("hard_sigmoid", alpha=alpha, beta=beta)
        case _:
            return FloatUnary(_UNARY[node.op])


_FUNCTION = Rule(lower_unary, wish="any")

RULES: Mapping[str, Rule] = dict.fromkeys((*_UNARY, "HardSigmoid", "LeakyRelu"), _FUNCTION)
