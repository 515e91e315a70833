"""Int8 forms of functions of one element."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import QParams
from mcucc.ops import FloatNode, Int8Op
from mcucc.ops.unary import FloatUnary, HardSwish, LeakyRelu, Logistic, Table, Tanh
from mcucc.quant.conversion import Conversion, Form
from mcucc.reference.fixed_point import dequantize, quantize
from mcucc.reference.unary import (
    LARGEST_RATIO,
    ROOT_FACTORS,
    absolute_table,
    float_unary,
    rsqrt_factor,
    rsqrt_table,
)

_KNOWN: Mapping[str, Callable[[], Int8Op]] = {
    "sigmoid": Logistic,
    "tanh": Tanh,
    "hard_swish": HardSwish,
}


def unary(to: Conversion, node: FloatNode, op: FloatUnary) -> None:
    """TensorFlow Lite's own functions, and tables for the rest and at other scales."""
    target = to.scheme.of[node.output]
    if op.tabulated or op.only_quant not in (None, target):
        x = node.inputs[0]
        table = to.const(f"{node.name}.table", _table(op, to.scheme.of[x], target), None)
        to.emit(node, Table(), [x, table])
    elif op.kind == "leaky_relu":
        to.emit(node, LeakyRelu(op.alpha))
    else:
        to.emit(node, _KNOWN[op.kind]())


def _table(op: FloatUnary, source: QParams, target: QParams) -> NDArray[np.int8]:
    """The function at every int8 value; that of TensorFlow Lite where it has one in int8."""
    if op.kind == "abs" and source.scale < LARGEST_RATIO * target.scale:
        return absolute_table(source, target)
    if op.kind == "rsqrt" and ROOT_FACTORS[0] <= rsqrt_factor(source, target) < ROOT_FACTORS[1]:
        return rsqrt_table(source, target)
    q = np.arange(-128, 128, dtype=np.int64).astype(np.int8)
    return quantize(float_unary(op, dequantize(q, source)), target)


FORMS: Mapping[type, Form] = {FloatUnary: unary}
