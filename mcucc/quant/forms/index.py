"""Int8 forms of operators that make indices."""

from collections.abc import Mapping

from mcucc.ops.index import ArgMax, FloatArgMax
from mcucc.quant.conversion import Form

FORMS: Mapping[type, Form] = {
    FloatArgMax: lambda to, node, op: to.emit(node, ArgMax(op.largest, op.last)),
}
