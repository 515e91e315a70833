"""Operators that move bytes."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from mcucc.errors import InvariantError
from mcucc.kernels.kernel import Access, Family, Kernel, Shape
from mcucc.kernels.literals import int_rows
from mcucc.kernels.use import ArrayDef, Field, KernelUse, LayerCode, OperatorKernels, plain
from mcucc.ops import Int8Op, NodeView
from mcucc.ops.movement import (
    Concat,
    DepthToSpace,
    Pad,
    Slice,
    SpaceToDepth,
    Transpose,
)
from mcucc.ops.padding import MIRRORS, MirrorPad, PadChannels
from mcucc.ops.stack import ConcatRows
from mcucc.reference.movement import pad_value

PAD = Family("pad", Shape.WINDOW, Access.PIXEL, "pad", leaves_padding_out=True)
MIRROR = Family("mirror", Shape.WINDOW, Access.PIXEL, "mirror_pad", leaves_padding_out=True)
PAD_CHANNELS = Family("padc", Shape.PIXELS, Access.PIXEL, "pad_channels")
CONCAT = Family("concat", Shape.PIXELS, Access.PIXEL, "concat")
STACK = Family("stack", Shape.PIXELS, Access.PIXEL, "stack")
TRANSPOSE = Family("transpose", Shape.TENSOR, Access.WHOLE, "transpose")
SLICE = Family("slice", Shape.PIXELS, Access.PIXEL, "slice")
CROP = Family("crop", Shape.WINDOW, Access.PIXEL, "slice")
DEPTH_TO_SPACE = Family(
    *("blocks", Shape.WINDOW, Access.PIXEL, "depth_to_space"),
    leaves_padding_out=True,
    takes_row=True,
)
SPACE_TO_DEPTH = Family(
    "gather", Shape.WINDOW, Access.PIXEL, "space_to_depth", leaves_padding_out=True
)
FAMILIES = (
    STACK,
    PAD,
    MIRROR,
    PAD_CHANNELS,
    CONCAT,
    TRANSPOSE,
    SLICE,
    CROP,
    DEPTH_TO_SPACE,
    SPACE_TO_DEPTH,
)

_MOVED_AXES = 3
"""The batch stays where it is; at most these many other axes are walked along."""


def _pad(use: KernelUse[Pad]) -> LayerCode:
    _, in_w, in_c = use.x.hwc
    fields: list[Field] = [
        ("in_w", str(in_w)),
        ("c", str(in_c)),
        ("pad_left", str(use.op.pads[2])),
        ("zero_point", str(pad_value(use))),
    ]
    return use.code(fields)


def _mirror_pad(use: KernelUse[MirrorPad]) -> LayerCode:
    _, in_w, in_c = use.x.hwc
    step, back = MIRRORS[use.op.border]
    fields: list[Field] = [
        ("in_w", str(in_w)),
        ("c", str(in_c)),
        ("pad_left", str(use.op.pads[2])),
        ("step", str(step)),
        ("back", str(back)),
    ]
    return use.code(fields)


def _pad_channels(use: KernelUse[PadChannels]) -> LayerCode:
    before, behind = use.op.pads
    fields: list[Field] = [
        ("c", str(use.x.hwc[2])),
        ("before", str(before)),
        ("behind", str(behind)),
        ("zero_point", str(pad_value(use))),
    ]
    return use.code(fields)


def _concat(use: KernelUse[Any]) -> LayerCode:
    channels = np.array([kind.hwc[2] for kind in use.graph.input_types(use.node)])
    array = ArrayDef(
        f"{use.ident}_inputs",
        "int32_t",
        len(channels),
        int_rows(channels, 16),
        f"{use.node.name}: channels of each input",
    )
    fields: list[Field] = [("inputs", str(len(channels))), ("channels", use.array_name(array))]
    return use.code(fields, array)


def _stack(use: KernelUse[ConcatRows]) -> LayerCode:
    pixels = np.array([math.prod(kind.hwc[:2]) for kind in use.graph.input_types(use.node)])
    rows = int_rows(pixels, 16)
    comment = f"{use.node.name}: pixels of each input"
    array = ArrayDef(f"{use.ident}_inputs", "int32_t", len(pixels), rows, comment)
    fields: list[Field] = [
        ("inputs", str(len(pixels))),
        ("pixels", use.array_name(array)),
        ("c", str(use.output.hwc[2])),
    ]
    return use.code(fields, array)


def _transpose(use: KernelUse[Transpose]) -> LayerCode:
    sizes, strides = use.x.shape, _strides(use)
    return _walk(use, [(sizes[axis], strides[axis]) for axis in use.op.perm[1:]])


def _slice_kernel(view: NodeView[Slice]) -> Kernel:
    """Where no row or column is cut off, runs of pixels may be as long as the map."""
    return Kernel(SLICE if view.x.hwc[:2] == view.output.hwc[:2] else CROP)


def _slice(use: KernelUse[Slice]) -> LayerCode:
    in_c, c = use.x.hwc[2], use.output.hwc[2]
    first = use.op.first_pixel[1] * in_c + use.op.starts[-1]
    return use.code([("in_c", str(in_c)), ("c", str(c)), ("first", str(first))])


def _depth_to_space(use: KernelUse[DepthToSpace]) -> LayerCode:
    rows, columns = use.op.block
    c = use.output.hwc[2]
    place, channel = (c, 1) if use.op.mode == "DCR" else (1, rows * columns)
    fields: list[Field] = [
        ("in_c", str(use.x.hwc[2])),
        ("c", str(c)),
        ("rows", str(rows)),
        ("columns", str(columns)),
        ("place", str(place)),
        ("channel", str(channel)),
    ]
    return use.code(fields)


def _space_to_depth(use: KernelUse[SpaceToDepth]) -> LayerCode:
    rows, columns = use.op.block
    return use.code([("rows", str(rows)), ("line", str(columns * use.x.hwc[2]))])


def _strides(use: KernelUse[Any]) -> list[int]:
    """Bytes between neighbours along each axis of the input."""
    shape = use.x.shape
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def _walk(use: KernelUse[Any], axes: list[tuple[int, int]]) -> LayerCode:
    """The structure of what copies along axes of (size, stride)."""
    if len(axes) > _MOVED_AXES:
        raise InvariantError(f"'{use.node.name}' moves along more than {_MOVED_AXES} axes")
    full = [(1, 1)] * (_MOVED_AXES - len(axes)) + axes
    size, stride = ([axis[part] for axis in full] for part in (0, 1))
    return use.code([("size", _numbers(size)), ("stride", _numbers(stride)), ("first", "0")])


def _numbers(values: list[int]) -> str:
    return f"{{{', '.join(str(value) for value in values)}}}"


OPERATORS: Mapping[type[Int8Op], OperatorKernels[Any]] = {
    Pad: OperatorKernels(plain(PAD), _pad),
    MirrorPad: OperatorKernels(plain(MIRROR), _mirror_pad),
    PadChannels: OperatorKernels(plain(PAD_CHANNELS), _pad_channels),
    Concat: OperatorKernels(plain(CONCAT), _concat, constant_operands=True),
    ConcatRows: OperatorKernels(plain(STACK), _stack, constant_operands=True),
    Transpose: OperatorKernels(plain(TRANSPOSE), _transpose),
    Slice: OperatorKernels(_slice_kernel, _slice),
    DepthToSpace: OperatorKernels(plain(DEPTH_TO_SPACE), _depth_to_space),
    SpaceToDepth: OperatorKernels(plain(SPACE_TO_DEPTH), _space_to_depth),
}
