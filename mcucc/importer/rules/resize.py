"""Lowering rule for Resize and Upsample: nearest neighbour by whole factors."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.maps import MapInput, on_map
from mcucc.importer.layout.view import View
from mcucc.importer.rules.rule import Rule
from mcucc.importer.values import RefusalError
from mcucc.importer.walk import Walk
from mcucc.ops.movement import FloatResizeNearest


def lower_resize(walk: Walk, node: OnnxNode) -> View:
    """Resize or Upsample that repeats pixels."""
    x = on_map(walk, node)
    rows, columns = _resize_factors(walk, x)
    made = walk.emit(node, FloatResizeNearest((rows, columns)), (x.tensor,))
    return x.result(made, (1, x.shape[1], x.shape[2] * rows, x.shape[3] * columns))


def _resize_factors(walk: Walk, x: MapInput) -> tuple[int, int]:
    """How often each row and column is repeated.

    Raises:
        RefusalError: pixels are not repeated a whole number of times.
    """
    node = x.node
    factors = _factors(walk, node, x)
    finite = all(math.isfinite(f) for f in factors)
    rows, columns = (round(f) if finite else 0 for f in factors[2:])
    whole = finite and all(f == round(f) >= 1 for f in factors) and factors[:2] == (1.0, 1.0)
    if node.string("mode", "nearest") != "nearest" or not whole:
        raise _refusal(node, f"mode {node.string('mode', 'nearest')}, factors {list(factors)}")
    shape = (1, x.shape[1], x.shape[2] * rows, x.shape[3] * columns)
    if math.prod(shape) > walk.limit.elements:
        rule = f"a tensor must take at most {walk.limit}"
        raise RefusalError(node, rule, f"{list(shape)}", walk.limit.hint)
    for size, factor in zip(x.shape[2:], (rows, columns), strict=True):
        sources = _sources(node, walk.model.opset, size, factor)
        if sources is None or not np.array_equal(sources, _whole(size, factor)):
            raise _refusal(
                node,
                f"coordinate mode {_coordinates(node, walk.model.opset)}, "
                f"rounding {_rounding(node, walk.model.opset)} at factor {factor}",
            )
    return rows, columns


def _refusal(node: OnnxNode, actual: str) -> RefusalError:
    return RefusalError(
        node,
        "a resize must repeat each pixel a whole number of times",
        actual,
        "Use mode nearest with whole factors, coordinate mode asymmetric and rounding floor.",
    )


def _factors(walk: Walk, node: OnnxNode, x: MapInput) -> tuple[float, ...]:
    """How much larger the result is, per ONNX axis of the map."""
    scales_index = 2 if node.op == "Resize" and walk.model.opset >= 11 else 1
    scales = walk.numbers(node, scales_index, "scales") or ()
    sizes = walk.numbers(node, 3, "sizes") or ()
    if sizes and node.string("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise _refusal(
            node, f"keep_aspect_ratio_policy {node.string('keep_aspect_ratio_policy', '')}"
        )
    axes = [a % x.onnx_rank for a in node.ints("axes", tuple(range(x.onnx_rank)))]
    given: Sequence[float] = scales or [
        size / x.shape[axis] for size, axis in zip(sizes, axes, strict=False)
    ]
    if len(given) != len(axes):
        raise _refusal(node, f"{len(given)} factors for axes {axes}")
    named = dict(zip(axes, given, strict=True))
    return tuple(float(named.get(axis, 1.0)) for axis in range(4))


def _coordinates(node: OnnxNode, opset: int) -> str:
    default = "half_pixel" if opset >= 11 else "asymmetric"
    return node.string("coordinate_transformation_mode", default)


def _rounding(node: OnnxNode, opset: int) -> str:
    return node.string("nearest_mode", "round_prefer_floor" if opset >= 11 else "floor")


def _whole(size: int, factor: int) -> NDArray[np.float64]:
    """Each pixel repeated."""
    return np.repeat(np.arange(size, dtype=np.float64), factor)


def _sources(node: OnnxNode, opset: int, size: int, factor: int) -> NDArray[np.float64] | None:
    """Which pixel each output pixel is, as ONNX defines it; None for an unknown mode."""
    target = np.arange(size * factor, dtype=np.float64)
    match _coordinates(node, opset):
        case "asymmetric":
            place = target / factor
        case "half_pixel" | "half_pixel_symmetric":
            place = (target + 0.5) / factor - 0.5
        case "pytorch_half_pixel":
            place = (target + 0.5) / factor - 0.5 if size * factor > 1 else target * 0
        case "align_corners":
            place = target * (size - 1) / max(1, size * factor - 1)
        case _:
            return None
    match _rounding(node, opset):
        case "floor":
            place = np.floor(place)
        case "ceil":
            place = np.ceil(place)
        case "round_prefer_floor":
            place = np.ceil(place - 0.5)
        case "round_prefer_ceil":
            place = np.floor(place + 0.5)
        case _:
            return None
    return place.clip(0, size - 1)


RULES: Mapping[str, Rule] = dict.fromkeys(("Resize", "Upsample"), Rule(lower_resize, copies=True))
