"""Lowering rule for Resize and Upsample: nearest neighbour and bilinear."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.maps import MapInput, on_map
from mcucc.importer.layout.view import View
from mcucc.importer.rules.resample import (
    Reals,
    coordinates,
    matrix,
    nearest,
    places,
    resampled,
    rounding,
)
from mcucc.importer.rules.rule import Rule
from mcucc.importer.values import RefusalError
from mcucc.importer.walk import Walk
from mcucc.ops.pool import FloatAveragePool2D
from mcucc.ops.resize import (
    COORDINATES,
    STEPS,
    FloatPickNearest,
    FloatResizeBilinear,
    FloatResizeNearest,
    bilinear_faults,
    fixed_places,
    nearest_axis,
    nearest_faults,
    real_places,
)

FIXED_POINT = "fixed_point"
"""An attribute of resizes of quantized `.tflite` files: the coordinates of the operator there."""
_LARGEST_BILINEAR = 20
"""Twice the factor is that of a ResizeNearest, which goes up to 40."""


def lower_resize(walk: Walk, node: OnnxNode) -> View:
    """Resize or Upsample: pixels repeated, interpolated, or by any matrix along each axis."""
    x, opset = on_map(walk, node), walk.model.opset
    factors, counts = _factors(walk, node, x), _counts(walk, node, x)
    mode = node.string("mode", "nearest")
    if mode not in ("nearest", "linear") or node.int("antialias", 0):
        raise _refusal(node, f"mode {mode}, factors {list(factors)}")
    shape = (1, x.shape[1], *counts)
    if math.prod(shape) > walk.limit.elements:
        rule = f"a tensor must take at most {walk.limit}"
        raise RefusalError(node, rule, f"{list(shape)}", walk.limit.hint)
    found: list[Reals] = []
    for size, count, factor in zip(x.shape[2:], counts, factors[2:], strict=True):
        place = places(node, opset, size, count, factor)
        if place is not None and mode == "nearest":
            place = nearest(node, opset, size, place)
        if place is None:
            raise _refusal(
                node,
                f"coordinate mode {coordinates(node, opset)}, rounding {rounding(node, opset)}",
            )
        found.append(place)
    sizes = (x.shape[2], x.shape[3])
    repeats = (counts[0] // sizes[0], counts[1] // sizes[1])
    if _repeats(found, sizes, repeats):
        return x.result(walk.emit(node, FloatResizeNearest(repeats), (x.tensor,)), shape)
    known = (_fixed_point if mode == "linear" else _nearest)(node, found, sizes, counts)
    if mode == "linear" and known is None:
        if _between_centres(x, opset, counts):
            return x.result(_bilinear(walk, x, repeats), shape)
        known = _rounded_places(found, sizes, counts)
    if known is not None:
        return x.result(walk.emit(node, known, (x.tensor,)), shape)
    matrices = [matrix(place, size) for place, size in zip(found, sizes, strict=True)]
    made = resampled(walk, x, matrices[0], matrices[1])
    return walk.view(node).named(node) if made == x.tensor else x.result(made, shape)


def _nearest(
    node: OnnxNode, found: Sequence[Reals], sizes: Sequence[int], counts: tuple[int, int]
) -> FloatPickNearest | None:
    """TensorFlow Lite's operator where it picks the same pixels."""
    for mode in COORDINATES:
        op = FloatPickNearest(counts, mode)
        faults = list(nearest_faults(op, (1, *sizes, 1)))
        if faults and node.string(FIXED_POINT, "") == mode:
            raise RefusalError(
                node, faults[0], f"{list(sizes)} to {list(counts)}", "Enlarge it by less."
            )
        picked = (
            nearest_axis(n, count, mode).first(np.arange(count, dtype=np.int64))
            for n, count in zip(sizes, counts, strict=True)
        )
        if not faults and all(map(np.array_equal, found, picked)):
            return op
    return None


def _fixed_point(
    node: OnnxNode, found: Sequence[Reals], sizes: Sequence[int], counts: tuple[int, int]
) -> FloatResizeBilinear | None:
    """TensorFlow Lite's operator, where each of its places is at most a step of it away.

    A difference of a step, 1/1024 of a pixel, moves a result by a quarter of an int8 step at most.
    In a quantized `.tflite` file it is what it is.
    """
    for mode in COORDINATES:
        op = FloatResizeBilinear(counts, mode)
        faults = list(bilinear_faults(op, (1, *sizes, 1)))
        if node.string(FIXED_POINT, "") == mode:
            if faults:
                raise RefusalError(
                    node, faults[0], f"{list(sizes)} to {list(counts)}", "Enlarge it by less."
                )
            return op
        near = (
            _is_near(op, place, n, count)
            for place, n, count in zip(found, sizes, counts, strict=True)
        )
        if not faults and all(near):
            return op
    return None


def _rounded_places(
    found: Sequence[Reals], sizes: Sequence[int], counts: tuple[int, int]
) -> FloatResizeBilinear | None:
    """An operator of its own, whose places are at most half a step away."""
    for mode in COORDINATES:
        op = FloatResizeBilinear(counts, mode, rounds_places=True)
        faults = list(bilinear_faults(op, (1, *sizes, 1)))
        if not faults and all(
            _is_at(op, place, n, count)
            for place, n, count in zip(found, sizes, counts, strict=True)
        ):
            return op
    return None


def _is_at(op: FloatResizeBilinear, place: Reals, size: int, count: int) -> bool:
    """Whether the places along an axis are the operator's."""
    ends = size - 1
    real = real_places(size, count, op.coordinates).clip(0, ends)
    return bool(np.allclose(place.clip(0, ends), real, rtol=0, atol=1e-6))


def _is_near(op: FloatResizeBilinear, place: Reals, size: int, count: int) -> bool:
    """Whether the places along an axis are the operator's, and those of its int8 form."""
    ends = size - 1
    real = real_places(size, count, op.coordinates).clip(0, ends)
    fixed = (fixed_places(size, count, op.coordinates).at(count) / STEPS).clip(0, ends)
    return _is_at(op, place, size, count) and bool(np.abs(fixed - real).max() <= 1 / STEPS)


def _repeats(found: Sequence[Reals], sizes: Sequence[int], repeats: Sequence[int]) -> bool:
    """Whether each pixel is repeated a whole number of times."""
    return all(
        np.array_equal(place, np.repeat(np.arange(size, dtype=np.float64), times))
        for place, size, times in zip(found, sizes, repeats, strict=True)
    )


def _between_centres(x: MapInput, opset: int, counts: Sequence[int]) -> bool:
    """Whether centres of pixels lie on centres, and there are a whole number for each."""
    modes = ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric")
    whole = all(
        count % size == 0 and count // size <= _LARGEST_BILINEAR and count > 1
        for count, size in zip(counts, x.shape[2:], strict=True)
    )
    return whole and coordinates(x.node, opset) in modes


def _counts(walk: Walk, node: OnnxNode, x: MapInput) -> tuple[int, int]:
    """Rows and columns of the result."""
    factors = _factors(walk, node, x)
    if not all(math.isfinite(f) and f > 0 for f in factors) or factors[:2] != (1.0, 1.0):
        raise _refusal(node, f"factors {list(factors)}")
    known = walk.shapes.get(node.outputs[0])
    if known is not None and len(known) == x.onnx_rank:
        rows, columns = (*known, 1)[2:4]
    else:
        rows, columns = (math.floor(n * f) for n, f in zip(x.shape[2:], factors[2:], strict=True))
    if min(rows, columns) < 1:
        raise _refusal(node, f"{[rows, columns]} of {list(x.shape[2:])}")
    return rows, columns


def _bilinear(walk: Walk, x: MapInput, factor: tuple[int, int]) -> str:
    """Bilinear interpolation between the centres of pixels, as averages of repeated pixels.

    Where each pixel is repeated 2 * f times, the average of 2 * f of them at every second place is
    what interpolation by a factor of f gives. Padding does not count: outside, the map goes on as
    it ends.
    """
    taps = (2 * factor[0] if factor[0] > 1 else 1, 2 * factor[1] if factor[1] > 1 else 1)
    steps = (2 if factor[0] > 1 else 1, 2 if factor[1] > 1 else 1)
    name = f"{x.node.outputs[0]}.repeated"
    wide = walk.emit(x.node, FloatResizeNearest(taps), (x.tensor,), name)
    rows, columns = (f - 1 for f in factor)
    pool = FloatAveragePool2D(taps, steps, (rows, rows, columns, columns))
    return walk.emit(x.node, pool, (wide,))


def _refusal(node: OnnxNode, actual: str) -> RefusalError:
    return RefusalError(
        node,
        "a resize must take the nearest pixel or interpolate linearly, along rows and columns",
        actual,
        "Use mode nearest or linear without antialias (align_corners=False is fastest).",
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


RULES: Mapping[str, Rule] = dict.fromkeys(("Resize", "Upsample"), Rule(lower_resize, copies=True))
