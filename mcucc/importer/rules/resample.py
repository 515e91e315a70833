"""Which pixels a Resize reads for each that it makes, along one axis, and how it is computed."""

import math

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.maps import MapInput
from mcucc.importer.walk import Walk
from mcucc.ops.conv import FloatConv2D
from mcucc.ops.movement import FloatTranspose

Reals = NDArray[np.float64]


def coordinates(node: OnnxNode, opset: int) -> str:
    """The mode by which places are computed."""
    default = "half_pixel" if opset >= 11 else "asymmetric"
    return node.string("coordinate_transformation_mode", default)


def rounding(node: OnnxNode, opset: int) -> str:
    """How places become pixels where none is interpolated."""
    return node.string("nearest_mode", "round_prefer_floor" if opset >= 11 else "floor")


def places(node: OnnxNode, opset: int, size: int, count: int, factor: float) -> Reals | None:
    """Where each of `count` pixels lies among `size`, as ONNX defines it; None if it does not."""
    target = np.arange(count, dtype=np.float64)
    match coordinates(node, opset):
        case "asymmetric":
            return target / factor
        case "half_pixel":
            return (target + 0.5) / factor - 0.5
        case "half_pixel_symmetric":
            offset = size / 2 * (1 - count / (size * factor))
            return offset + (target + 0.5) / factor - 0.5
        case "pytorch_half_pixel":
            return (target + 0.5) / factor - 0.5 if count > 1 else target * 0
        case "align_corners" if math.isclose(size * factor, count, rel_tol=1e-6):
            # Where that is no whole number, ONNX's tests and ONNX Runtime differ.
            return target * ((size - 1) / max(1, count - 1))
        case _:
            return None


def nearest(node: OnnxNode, opset: int, size: int, found: Reals) -> Reals | None:
    """The pixel at each place; None for an unknown way of rounding."""
    match rounding(node, opset):
        case "floor":
            place = np.floor(found)
        case "ceil":
            place = np.ceil(found)
        case "round_prefer_floor":
            place = np.ceil(found - 0.5)
        case "round_prefer_ceil":
            place = np.floor(found + 0.5)
        case _:
            return None
    return place.clip(0, size - 1)


def matrix(found: Reals, size: int) -> Reals:
    """What each pixel takes of which: [places, size]; beyond the ends the last pixel counts."""
    place = found.clip(0, size - 1)
    low = np.floor(place).astype(np.int64)
    part = place - low
    made = np.zeros((len(place), size))
    rows = np.arange(len(place))
    made[rows, low] = 1 - part
    made[rows, np.minimum(low + 1, size - 1)] += part
    return made


def resampled(walk: Walk, x: MapInput, rows: Reals, columns: Reals) -> str:
    """Multiply rows and columns of a map by matrices: 1x1 convolutions with the axis as channels.

    Returns:
        The inner value [1, H', W', C], under the name of the node's output.
    """
    node, tensor = x.node, x.tensor
    forward, back = ((0, 2, 3, 1), (0, 1, 3, 2)), ((0, 3, 1, 2), (0, 1, 3, 2))
    work = [
        (axis, made)
        for axis, made in enumerate((rows, columns))
        if made.shape[0] != made.shape[1] or not np.array_equal(made, np.eye(len(made)))
    ]
    for number, (axis, made) in enumerate(work, start=1):
        label = f"{node.outputs[0]}.{'columns' if axis else 'rows'}"
        tensor = walk.emit(node, FloatTranspose(forward[axis]), (tensor,), f"{label}.last")
        weights = np.ascontiguousarray(made[:, None, None, :].astype(np.float32))
        names = (
            walk.add_const(f"{label}.weights", weights),
            walk.add_const(f"{label}.bias", np.zeros(len(made), np.float32)),
        )
        tensor = walk.emit(node, FloatConv2D(), (tensor, *names), label)
        name = None if number == len(work) else f"{label}.back"
        tensor = walk.emit(node, FloatTranspose(back[axis]), (tensor,), name)
    return tensor
