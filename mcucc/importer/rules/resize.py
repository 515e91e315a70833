"""Lowering rule for Resize and Upsample: nearest neighbour and bilinear, by whole factors."""

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
from mcucc.ops.pool import FloatAveragePool2D

_LARGEST_BILINEAR = 20
"""Twice the factor is that of a ResizeNearest, which goes up to 40."""


def lower_resize(walk: Walk, node: OnnxNode) -> View:
    """Resize or Upsample that repeats pixels, or puts others between them."""
    x = on_map(walk, node)
    rows, columns = _whole_factors(walk, x)
    shape = (1, x.shape[1], x.shape[2] * rows, x.shape[3] * columns)
    if node.string("mode", "nearest") == "linear":
        return x.result(_bilinear(walk, x, (rows, columns)), shape)
    _check_nearest(walk, x, (rows, columns))
    return x.result(walk.emit(node, FloatResizeNearest((rows, columns)), (x.tensor,)), shape)


def _bilinear(walk: Walk, x: MapInput, factor: tuple[int, int]) -> str:
    """Bilinear interpolation between the centres of pixels, as averages of repeated pixels.

    Where each pixel is repeated 2 * f times, the average of 2 * f of them at every second place is
    what interpolation by a factor of f gives. Padding does not count: outside, the map goes on as
    it ends.
    """
    modes = ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric")
    if _coordinates(x.node, walk.model.opset) not in modes or max(factor) > _LARGEST_BILINEAR:
        raise _refusal(
            x.node,
            f"mode linear, coordinate mode {_coordinates(x.node, walk.model.opset)}, factors "
            f"{list(factor)}",
        )
    taps = (2 * factor[0] if factor[0] > 1 else 1, 2 * factor[1] if factor[1] > 1 else 1)
    steps = (2 if factor[0] > 1 else 1, 2 if factor[1] > 1 else 1)
    name = f"{x.node.outputs[0]}.repeated"
    wide = walk.emit(x.node, FloatResizeNearest(taps), (x.tensor,), name)
    rows, columns = (f - 1 for f in factor)
    pool = FloatAveragePool2D(taps, steps, (rows, rows, columns, columns))
    return walk.emit(x.node, pool, (wide,))


def _whole_factors(walk: Walk, x: MapInput) -> tuple[int, int]:
    """How much larger the rows and columns become.

    Raises:
        RefusalError: not by whole factors, or by a mode that is not known.
    """
    node = x.node
    factors = _factors(walk, node, x)
    finite = all(math.isfinite(f) for f in factors)
    rows, columns = (round(f) if finite else 0 for f in factors[2:])
    whole = finite and all(f == round(f) >= 1 for f in factors) and factors[:2] == (1.0, 1.0)
    if node.string("mode", "nearest") not in ("nearest", "linear") or not whole:
        raise _refusal(node, f"mode {node.string('mode', 'nearest')}, factors {list(factors)}")
    shape = (1, x.shape[1], x.shape[2] * rows, x.shape[3] * columns)
    if math.prod(shape) > walk.limit.elements:
        rule = f"a tensor must take at most {walk.limit}"
        raise RefusalError(node, rule, f"{list(shape)}", walk.limit.hint)
    return rows, columns


def _check_nearest(walk: Walk, x: MapInput, factors: tuple[int, int]) -> None:
    """Refuse coordinates by which pixels are not repeated a whole number of times."""
    node = x.node
    for size, factor in zip(x.shape[2:], factors, strict=True):
        sources = _sources(node, walk.model.opset, size, factor)
        if sources is None or not np.array_equal(sources, _whole(size, factor)):
            raise _refusal(
                node,
                f"coordinate mode {_coordinates(node, walk.model.opset)}, "
                f"rounding {_rounding(node, walk.model.opset)} at factor {factor}",
            )


def _refusal(node: OnnxNode, actual: str) -> RefusalError:
    return RefusalError(
        node,
        "a resize must repeat each pixel a whole number of times, or interpolate between centres",
        actual,
        "Use whole factors: mode nearest with coordinate mode asymmetric and rounding floor, or "
        "mode linear with coordinate mode half_pixel (align_corners=False).",
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
