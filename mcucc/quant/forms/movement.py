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

_LARGEST_BORDER = 1e30
"""Beyond it numbers stand for infinity."""


def pad(to: Conversion, node: FloatNode, op: FloatPad | FloatPadChannels) -> None:
    """A border of zeros, or of another number at the scale of the output; channels likewise."""
    if not abs(op.value) < _LARGEST_BORDER:
        raise CannotQuantizeError(
            "what Pad adds must be a number that int8 has room for",
            f"{op.value:g}",
            "Let a MaxPool pad, or use constant mode with the smallest number of the map.",
        )
    quant, x = to.scheme.of[node.output], node.inputs[0]
    value = int(quantize(np.array(op.value, dtype=np.float32), quant))
    border = None if value == quant.zero_point else value
    made = Pad(op.pads, border) if isinstance(op, FloatPad) else PadChannels(op.pads, border)
    to.emit(node, made, [to.at_scale(node, x) if op.value != 0.0 else x])


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
    FloatPadChannels: pad,
    FloatReshape: lambda to, node, op: to.emit(node, Reshape(op.shape)),
    FloatSlice: lambda to, node, op: to.emit(node, Slice(op.starts, op.sizes)),
    FloatSpaceToDepth: lambda to, node, op: to.emit(node, SpaceToDepth(op.block)),
    FloatTranspose: lambda to, node, op: to.emit(node, Transpose(op.perm)),
}
