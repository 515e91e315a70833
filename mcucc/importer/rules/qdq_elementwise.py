"""Lowering rules for operators that work element by element."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.quantization import UNSIGNED_SHIFT
from mcucc.importer.rules.float_elementwise import arrange_pair, unary_op
from mcucc.importer.rules.qdq_affine import lower_affine
from mcucc.importer.rules.qdq_conv import fold_bias
from mcucc.importer.values import (
    Activations,
    Constant,
    Pending,
    RefusalError,
    Symbol,
    Weights,
    describe,
)
from mcucc.importer.walk import Walk
from mcucc.ops import (
    LOGISTIC_QUANT,
    TANH_QUANT,
    Add,
    HardSwish,
    LeakyRelu,
    Logistic,
    Mul,
    Requantize,
    Sub,
    Table,
    Tanh,
)
from mcucc.ops.float_ops import FloatUnary

_BINARY = {"Add": Add, "Sub": Sub, "Mul": Mul}
_HARD_SWISH_SLOPE, _HARD_SWISH_OFFSET = 1 / 6, 0.5


def lower_unary(walk: Walk, node: OnnxNode) -> Pending:
    """TensorFlow Lite's own functions, and tables for the rest."""
    x, function = walk.real(node), unary_op(node)
    made = Pending(
        Requantize(),
        node,
        (x.view.tensor,),
        replace(x.view, name=node.outputs[0]),
        (),
        (node.name,),
    )
    match node.op:
        case "Sigmoid":
            return replace(made, op=Logistic(), fixed=LOGISTIC_QUANT)
        case "Tanh":
            return replace(made, op=Tanh(), fixed=TANH_QUANT)
        case "HardSwish":
            return replace(made, op=HardSwish())
        case _:
            if isinstance(function, FloatUnary):
                if function.kind == "leaky_relu" and 0 < function.alpha < 1:
                    return replace(made, op=LeakyRelu(function.alpha))
                return replace(made, op=Table(), function=function)
    raise RefusalError(node, "the operator must be a function", node.op, "Check the exporter.")


def lower_clip(walk: Walk, node: OnnxNode) -> Pending | Activations:
    """Relu or Clip: after an operator, alone, or on int8 values as Brevitas writes it."""
    found = walk.symbol(node, 0)
    if isinstance(found, Activations) and not found.real:
        return _integer_clip(walk, node, found)
    low, high = _bounds(walk, node)
    if isinstance(found, Pending):
        if found.clip is not None:
            low, high = max(low, found.clip[0]), min(high, found.clip[1])
        view = replace(found.view, name=node.outputs[0])
        return replace(found, clip=(low, high), view=view, origin=(*found.origin, node.name))
    x = walk.real(node)
    view = replace(x.view, name=node.outputs[0])
    return Pending(
        Requantize(),
        node,
        (x.view.tensor,),
        view,
        (),
        (node.name,),
        keeps=x.quant,
        clip=(low, high),
    )


def _bounds(walk: Walk, node: OnnxNode) -> tuple[float, float]:
    """The bounds of a Clip; a missing one is infinite."""
    if node.op == "Relu":
        return 0.0, math.inf
    low = walk.numbers(node, 1, "min") or (-math.inf,)
    high = walk.numbers(node, 2, "max") or (math.inf,)
    if len(low) != 1 or len(high) != 1 or not low[0] <= high[0]:
        raise RefusalError(
            node,
            "the bounds of a Clip must be two numbers in order",
            f"{list(low)} to {list(high)}",
            "Correct the bounds in the model.",
        )
    return low[0], high[0]


def _integer_clip(walk: Walk, node: OnnxNode, x: Activations) -> Activations:
    """A Clip of quantized values between QuantizeLinear and DequantizeLinear."""
    low, high = _bounds(walk, node)
    kinds = {
        found.data.dtype.name
        for index in (1, 2)
        if isinstance(found := walk.symbol(node, index), Constant)
    }
    shift = UNSIGNED_SHIFT if kinds == {"uint8"} else 0
    bounds = int(max(-128, low - shift)), int(min(127, high - shift))
    if bounds == (-128, 127):
        return replace(x, view=replace(x.view, name=node.outputs[0]))
    return walk.clamp(node, x, node.outputs[0], bounds, (node.name,))


def lower_binary(walk: Walk, node: OnnxNode) -> Pending:
    """Add, Sub, Mul of two activations, or of one and a constant; Div by a constant."""
    first, second = walk.settled(node, 0), walk.settled(node, 1)
    for x, constant, reverse in ((first, second, False), (second, first, True)):
        if isinstance(constant, Weights | Constant):
            return _with_constant(walk, node, x, constant, reverse=reverse)
    gated = _gated(node, first, second) or _gated(node, second, first)
    if gated is not None:
        return gated
    a, b = walk.real(node, 0), walk.real(node, 1)
    if node.op not in _BINARY:
        raise RefusalError(
            node,
            "the divisor must be a constant",
            "an activation",
            "Multiply by the reciprocal, or divide by a constant.",
        )
    tensors, view = arrange_pair(walk, node, a.view, b.view)
    return Pending(_BINARY[node.op](), node, tensors, view, (), (node.name,))


def _gated(node: OnnxNode, x: Symbol | None, gate: Symbol | None) -> Pending | None:
    """The product of x and a sigmoid of x, both behind one DequantizeLinear, as one function."""
    if not isinstance(x, Activations) or not isinstance(gate, Pending) or node.op != "Mul":
        return None
    same = gate.inputs == (x.view.tensor,) and gate.view.order == x.view.order
    if not x.real or gate.clip is not None or not same:
        return None
    made = replace(
        gate,
        node=node,
        view=replace(x.view, name=node.outputs[0]),
        fixed=None,
        function=None,
        origin=(*gate.origin, node.name),
    )
    if isinstance(gate.op, Logistic):
        return replace(made, op=Table(), function=FloatUnary("silu"))
    function = gate.function
    if function is None or function.kind != "hard_sigmoid":
        return None
    ours = (_HARD_SWISH_SLOPE, _HARD_SWISH_OFFSET)
    alike = np.allclose((function.alpha, function.beta), ours, rtol=1e-6, atol=0)
    return replace(made, op=HardSwish()) if alike else None


def _with_constant(
    walk: Walk,
    node: OnnxNode,
    x: Symbol | None,
    constant: Weights | Constant,
    *,
    reverse: bool,
) -> Pending:
    """An operand is constant; `reverse` if it is the first."""
    values = _reals(node, constant)
    if node.op == "Add" and isinstance(x, Pending):
        folded = fold_bias(node, x, constant)
        if folded is not None:
            return folded
    source = walk.real(node, 1 if reverse else 0)
    one, zero = np.ones(()), np.zeros(())
    match node.op, reverse:
        case "Add", _:
            return lower_affine(walk, node, source, one, values)
        case "Sub", False:
            return lower_affine(walk, node, source, one, -values)
        case "Sub", True:
            return lower_affine(walk, node, source, -one, values)
        case "Mul", _:
            return lower_affine(walk, node, source, values, zero)
        case _:
            if reverse or not np.all(values):
                raise RefusalError(
                    node,
                    "the divisor must be a constant without zeros",
                    describe(x if reverse else constant),
                    "Multiply by the reciprocal.",
                )
            return lower_affine(walk, node, source, 1.0 / values, zero)


def _reals(node: OnnxNode, constant: Weights | Constant) -> NDArray[np.float64]:
    if isinstance(constant, Weights):
        return constant.reals()
    values = constant.data
    if values.dtype.kind != "f" or not np.all(np.isfinite(values.astype(np.float64))):
        raise RefusalError(
            node,
            "a constant operand must be finite floats, or behind a DequantizeLinear",
            describe(constant),
            "Check the exporter.",
        )
    return values.astype(np.float64)
