"""The numbers of operators that move bytes."""

import math
from typing import assert_never

import numpy as np

from mcucc.codegen.layer import Field, Layer, LayerCode
from mcucc.codegen.literals import int_rows
from mcucc.codegen.parts import ArrayDef
from mcucc.errors import InvariantError
from mcucc.ops import Concat, Pad, ResizeNearest, Slice, Transpose

_MOVED_AXES = 3
"""The batch stays where it is; at most these many other axes are walked along."""


def movement(layer: Layer, op: Pad | Concat | ResizeNearest | Transpose | Slice) -> LayerCode:
    """Sizes and strides of an operator that moves bytes."""
    match op:
        case Pad():
            return _pad(layer, op)
        case Concat():
            return _concat(layer)
        case ResizeNearest():
            return layer.code([("c", str(layer.x.hwc[2])), ("columns", str(op.factor[1]))])
        case Transpose():
            return _transpose(layer, op)
        case Slice():
            return _slice(layer, op)
        case _:
            assert_never(op)


def _pad(layer: Layer, op: Pad) -> LayerCode:
    _, in_w, in_c = layer.x.hwc
    fields: list[Field] = [
        ("in_w", str(in_w)),
        ("c", str(in_c)),
        ("pad_left", str(op.pads[2])),
        ("zero_point", str(layer.x.q.zero_point)),
    ]
    return layer.code(fields)


def _concat(layer: Layer) -> LayerCode:
    channels = np.array([kind.hwc[2] for kind in layer.graph.input_types(layer.node)])
    array = ArrayDef(
        f"{layer.ident}_inputs",
        "int32_t",
        len(channels),
        int_rows(channels, 16),
        f"{layer.node.name}: channels of each input",
    )
    fields: list[Field] = [("inputs", str(len(channels))), ("channels", layer.array_name(array))]
    return layer.code(fields, array)


def _transpose(layer: Layer, op: Transpose) -> LayerCode:
    sizes, strides = layer.x.shape, _strides(layer)
    return _walk(layer, 0, [(sizes[axis], strides[axis]) for axis in op.perm[1:]])


def _slice(layer: Layer, op: Slice) -> LayerCode:
    strides = _strides(layer)
    first = sum(start * stride for start, stride in zip(op.starts, strides, strict=True))
    return _walk(layer, first, list(zip(op.sizes, strides, strict=True))[1:])


def _strides(layer: Layer) -> list[int]:
    """Bytes between neighbours along each axis of the input."""
    shape = layer.x.shape
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def _walk(layer: Layer, first: int, axes: list[tuple[int, int]]) -> LayerCode:
    """The structure of what copies from byte `first` on along axes of (size, stride)."""
    if len(axes) > _MOVED_AXES:
        raise InvariantError(f"'{layer.node.name}' moves along more than {_MOVED_AXES} axes")
    full = [(1, 1)] * (_MOVED_AXES - len(axes)) + axes
    size, stride = ([axis[part] for axis in full] for part in (0, 1))
    return layer.code(
        [("size", _numbers(size)), ("stride", _numbers(stride)), ("first", str(first))]
    )


def _numbers(values: list[int]) -> str:
    return f"{{{', '.join(str(value) for value in values)}}}"
