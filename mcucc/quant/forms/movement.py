"""Int8 forms of operators that move bytes."""

from collections.abc import Mapping

from mcucc.ops import FloatNode
from mcucc.ops.movement import (
    Concat,
    DepthToSpace,
    FloatConcat,
    FloatDepthToSpace,
    FloatPad,
    FloatReshape,
    FloatSlice,
    FloatSpaceToDepth,
    FloatTranspose,
    Pad,
    Reshape,
    Slice,
    SpaceToDepth,
    Transpose,
)
from mcucc.quant.conversion import CannotQuantizeError, Conversion, Form


def pad(to: Conversion, node: FloatNode, op: FloatPad) -> None:
    """A border of zeros."""
    if op.value != 0.0:
        raise CannotQuantizeError(
            "Pad must add zeros", f"{op.value:g}", "Use constant mode with value 0."
        )
    to.emit(node, Pad(op.pads))


def concat(to: Conversion, node: FloatNode, _: FloatConcat) -> None:
    """All inputs at the scale of the output."""
    to.emit(node, Concat(), [to.at_scale(node, x) for x in node.inputs])


FORMS: Mapping[type, Form] = {
    FloatConcat: concat,
    FloatDepthToSpace: lambda to, node, op: to.emit(node, DepthToSpace(op.block, op.mode)),
    FloatPad: pad,
    FloatReshape: lambda to, node, op: to.emit(node, Reshape(op.shape)),
    FloatSlice: lambda to, node, op: to.emit(node, Slice(op.starts, op.sizes)),
    FloatSpaceToDepth: lambda to, node, op: to.emit(node, SpaceToDepth(op.block)),
    FloatTranspose: lambda to, node, op: to.emit(node, Transpose(op.perm)),
}
