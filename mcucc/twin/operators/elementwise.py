"""Operators on elements in TensorFlow Lite."""

from collections.abc import Mapping

from mcucc.ops import Int8Node
from mcucc.ops.elementwise import (
    Add,
    Clamp,
    Maximum,
    Minimum,
    Mul,
    PRelu,
    Requantize,
    SquaredDifference,
    Sub,
)
from mcucc.twin.draft import Draft
from mcucc.twin.model import Code, Options
from mcucc.twin.operators.twin import Twin, plain
from mcucc.twin.options import ACTIVATIONS, NO_OPTIONS, options

ADD = Code(0, 2)
MUL = Code(18, 2)
SUB = Code(41, 2)
PRELU = Code(54, 1)
MAXIMUM = Code(55, 2)
MINIMUM = Code(57, 2)
SQUARED_DIFFERENCE = Code(99, 2)
QUANTIZE = Code(114, 2)


def _of_two(code: Code, table: str) -> Twin:
    """Arithmetic on two values."""

    def opts(op: Add | Sub | Mul) -> Options:
        return options(table, FusedActivationFunction=ACTIVATIONS[op.activation])

    return plain(code, opts)


def _clamp(draft: Draft, node: Int8Node, op: Clamp) -> None:
    """MINIMUM and MAXIMUM, as far as they limit anything; MAXIMUM alone if neither does."""
    bounds = [(MINIMUM, "high", op.high)] if op.high < 127 else []
    if op.low > -128 or not bounds:
        bounds.append((MAXIMUM, "low", op.low))
    source, shape = draft.value(node.inputs[0]), draft.graph.tensors[node.output].shape
    for position, (code, purpose, bound) in enumerate(bounds, start=1):
        limit = draft.int8_scalar(purpose, node, bound)
        last = position == len(bounds)
        output = draft.value(node.output) if last else draft.int8("limited", node, shape)
        draft.operator(code, (source, limit), output, options("MaximumMinimumOptions"))
        source = output


TWINS: Mapping[type, Twin] = {
    Add: _of_two(ADD, "AddOptions"),
    Clamp: Twin(_clamp),
    Maximum: plain(MAXIMUM, lambda _: options("MaximumMinimumOptions")),
    Minimum: plain(MINIMUM, lambda _: options("MaximumMinimumOptions")),
    Mul: _of_two(MUL, "MulOptions"),
    PRelu: plain(PRELU, lambda _: NO_OPTIONS),
    Requantize: plain(QUANTIZE, lambda _: options("QuantizeOptions")),
    SquaredDifference: plain(SQUARED_DIFFERENCE, lambda _: options("SquaredDifferenceOptions")),
    Sub: _of_two(SUB, "SubOptions"),
}
