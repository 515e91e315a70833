"""Int8 forms of choices between two values."""

from collections.abc import Mapping

import numpy as np

from mcucc.ir import DType, TensorType
from mcucc.ops import FloatNode
from mcucc.ops.choice import FloatPieces, FloatSelect
from mcucc.ops.elementwise import Maximum, Minimum
from mcucc.ops.unary import Table
from mcucc.quant.conversion import Conversion, Form
from mcucc.quant.forms.elementwise import repeated
from mcucc.reference.choice import pieces
from mcucc.reference.fixed_point import dequantize, quantize


def of_pieces(to: Conversion, node: FloatNode, op: FloatPieces) -> None:
    """One table."""
    x = node.inputs[0]
    q = np.arange(-128, 128, dtype=np.int64).astype(np.int8)
    values = quantize(pieces(op, dequantize(q, to.scheme.of[x])), to.scheme.of[node.output])
    to.emit(node, Table(), [x, to.const(f"{node.name}.table", values, None)])


def select(to: Conversion, node: FloatNode, _: FloatSelect) -> None:
    """The larger of both operands, of which each is as small as can be where it is not chosen."""
    quant, shape = to.scheme.of[node.output], to.graph.tensors[node.output].shape
    chosen = np.broadcast_to(to.graph.const(node.inputs[2]).data != 0, shape)
    names: list[str] = []
    for x, mask in zip(node.inputs[:2], (chosen, ~chosen), strict=True):
        const = to.graph.consts.get(x)
        if const is not None:
            data = quantize(const.reals().astype(np.float32), quant)
            whole = np.where(mask, np.broadcast_to(data, shape), -128).astype(np.int8)
            names.append(to.const(f"{node.name}.operand", whole, quant))
            continue
        limit = np.where(mask, 127, -128).astype(np.int8)
        value = to.values.name(repeated(to, node, x, to.at_scale(node, x)))
        limited = to.fresh(f"{node.output}.chosen")
        inputs = (value, to.const(f"{node.name}.limit", limit, quant))
        kind = TensorType(DType.INT8, shape, quant)
        to.append(node, Minimum(), inputs, limited, kind, node.origin)
        names.append(limited)
    to.emit(node, Maximum(), names)


FORMS: Mapping[type, Form] = {FloatPieces: of_pieces, FloatSelect: select}
