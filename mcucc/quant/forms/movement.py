"""Int8 forms of operators that move bytes."""

from collections.abc import Mapping

import numpy as np

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
from mcucc.ops.padding import FloatMirrorPad, FloatPadChannels, MirrorPad, PadChannels
from mcucc.ops.stack import ConcatRows
from mcucc.quant.conversion import CannotQuantizeError, Conversion, Form
from mcucc.reference.fixed_point import quantize


def pad(to: Conversion, node: FloatNode, op: FloatPad) -> None:
    """A border of zeros."""
    if op.value != 0.0:
        raise CannotQuantizeError(
            "Pad must add zeros", f"{op.value:g}", "Use constant mode with value 0."
        )
    to.emit(node, Pad(op.pads))


def concat(to: Conversion, node: FloatNode, op: FloatConcat) -> None:
    """All inputs at the scale of the output, constants rounded to it."""
    quant, names = to.scheme.of[node.output], list[str]()
    for x in node.inputs:
        const = to.graph.consts.get(x)
        if const is None:
            names.append(to.at_scale(node, x))
        else:
            data = quantize(const.reals().astype(np.float32), quant)
            names.append(to.const(f"{node.name}.part", data, quant))
    to.emit(node, ConcatRows() if op.rows else Concat(), names)


FORMS: Mapping[type, Form] = {
    FloatConcat: concat,
    FloatMirrorPad: lambda to, node, op: to.emit(node, MirrorPad(op.pads, op.border)),
    FloatDepthToSpace: lambda to, node, op: to.emit(node, DepthToSpace(op.block, op.mode)),
    FloatPad: pad,
    FloatPadChannels: lambda to, node, op: to.emit(node, PadChannels(op.pads)),
    FloatReshape: lambda to, node, op: to.emit(node, Reshape(op.shape)),
    FloatSlice: lambda to, node, op: to.emit(node, Slice(op.starts, op.sizes)),
    FloatSpaceToDepth: lambda to, node, op: to.emit(node, SpaceToDepth(op.block)),
    FloatTranspose: lambda to, node, op: to.emit(node, Transpose(op.perm)),
}
