"""Int8 forms of operators that make indices."""

from collections.abc import Mapping

from mcucc.ops.index import (
    ArgMax,
    FloatArgMax,
    FloatTopKIndices,
    FloatTopKValues,
    TopKIndices,
    TopKValues,
)
from mcucc.quant.conversion import Form

FORMS: Mapping[type, Form] = {
    FloatArgMax: lambda to, node, op: to.emit(node, ArgMax(op.largest, op.last)),
    FloatTopKIndices: lambda to, node, op: to.emit(node, TopKIndices(op.k, op.largest)),
    FloatTopKValues: lambda to, node, op: to.emit(node, TopKValues(op.k, op.largest)),
}
