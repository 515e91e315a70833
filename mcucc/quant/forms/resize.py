"""Int8 forms of resizes."""

from collections.abc import Mapping

from mcucc.ops import FloatNode
from mcucc.ops.resize import (
    FloatPickNearest,
    FloatResizeBilinear,
    FloatResizeNearest,
    PickNearest,
    ResizeBilinear,
    ResizeNearest,
)
from mcucc.quant.conversion import Conversion, Form


def bilinear(to: Conversion, node: FloatNode, op: FloatResizeBilinear) -> None:
    """At the scale of its input, between whose values it lies."""
    to.emit(node, ResizeBilinear(op.size, op.coordinates, op.rounds_places))


FORMS: Mapping[type, Form] = {
    FloatPickNearest: lambda to, node, op: to.emit(node, PickNearest(op.size, op.coordinates)),
    FloatResizeBilinear: bilinear,
    FloatResizeNearest: lambda to, node, op: to.emit(node, ResizeNearest(op.factor)),
}
