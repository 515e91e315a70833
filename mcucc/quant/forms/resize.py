"""Int8 forms of resizes."""

from collections.abc import Mapping

from mcucc.ops.resize import FloatResizeNearest, ResizeNearest
from mcucc.quant.conversion import Form

FORMS: Mapping[type, Form] = {
    FloatResizeNearest: lambda to, node, op: to.emit(node, ResizeNearest(op.factor)),
}
