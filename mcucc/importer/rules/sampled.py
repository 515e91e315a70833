"""Lowering rules for windows that constant indices pick: pools of uneven windows.

PyTorch writes an adaptive pool whose output size does not divide its input's as a GatherND of all
windows, each as large as the largest, a Where that makes zeros of what lies beyond the smaller
ones, and sums or a mean. What they come to is followed without an operator, up to the mean.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.file.cutting import cut_advice
from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.layout import channels_last
from mcucc.importer.layout.view import View, made_by
from mcucc.importer.rules.axes import axis_of
from mcucc.importer.rules.movement import joined
from mcucc.importer.rules.rule import Rule
from mcucc.importer.values import Constant, ReadsRefusedError, RefusalError, Refused, Sampled
from mcucc.importer.walk import Walk
from mcucc.ops.movement import FloatSlice
from mcucc.ops.pool import FloatAveragePool2D

_Indices = NDArray[np.int64]

_MOST_PIXELS = 1 << 22
"""Elements of what all windows of a map pick, repeats included."""

_MOST_POOLS = 64


def lower_gather_nd(walk: Walk, node: OnnxNode) -> Sampled:
    """GatherND of pixels by constant rows and columns."""
    x, found = walk.in_onnx_order(walk.view(node), node), walk.symbol(node, 1)
    if isinstance(found, Refused):
        raise ReadsRefusedError
    indices = found.data.astype(np.int64) if isinstance(found, Constant) else np.zeros(0, np.int64)
    shape, depth = x.shape, indices.shape[-1]
    if len(shape) != 4 or depth != 2 or 1 not in shape[2:] or node.int("batch_dims", 0):
        raise _refusal(walk, node, f"{list(x.shape)}, indices {list(indices.shape)}")
    sizes = np.array(shape[:2])
    places = np.where(indices < 0, indices + sizes, indices)
    if np.any(places < 0) or np.any(places >= sizes) or places.size > _MOST_PIXELS:
        raise _refusal(walk, node, f"{indices.size} indices, not all in {list(shape[:2])}")
    batch = 2 if shape[2] == 1 else 3
    pixels = places[..., 0] * shape[1] + places[..., 1]
    rank = pixels.ndim
    turned = x.transposed((batch, 5 - batch, 0, 1))
    ones = np.ones((*pixels.shape, 1, 1))
    return Sampled(turned, pixels[..., None, None, None], ones, rank + batch - 2, rank + 3 - batch)


def lower_sampled(walk: Walk, node: OnnxNode) -> Sampled | View:
    """What an operator makes of picked pixels; a mean of windows becomes pools."""
    operands = [walk.symbol(node, index) for index in range(len(node.inputs))]
    made = _followed(walk, node, [each for each in operands if isinstance(each, Sampled)])
    if made is None:
        raise _refusal(walk, node, f"{node.op} of picked pixels")
    if made.pixels.size > _MOST_PIXELS:
        raise _refusal(walk, node, f"{made.pixels.size:,} pixels")
    windows = _windows(made) if node.op in ("ReduceMean", "Div", "Mul") else None
    return made if windows is None else _pools(walk, node, made.view, windows)


def _followed(walk: Walk, node: OnnxNode, given: Sequence[Sampled]) -> Sampled | None:
    """The sums that an operator makes of sums of pixels, None if it makes something else."""
    x = given[0]
    match node.op:
        case "Identity":
            return x
        case "Transpose":
            return _transposed(x, node.ints("perm", tuple(reversed(range(x.divisors.ndim)))))
        case "Gather":
            return _picked(walk, node, x)
        case "Where":
            return _masked(walk, node, x)
        case "Add":
            return _sum(given)
        case "Div" | "Mul":
            return _scaled(walk, node, given)
        case "ReduceMean" | "ReduceSum":
            return _reduced(walk, node, x)
        case _:
            return None


def _transposed(x: Sampled, axes: Sequence[int]) -> Sampled | None:
    rank = x.divisors.ndim
    if sorted(axes) != list(range(rank)):
        return None
    pixels, divisors = x.pixels.transpose(*axes, rank), x.divisors.transpose(axes)
    return replace(
        x,
        pixels=pixels,
        divisors=divisors,
        batch=axes.index(x.batch),
        channels=axes.index(x.channels),
    )


def _picked(walk: Walk, node: OnnxNode, x: Sampled) -> Sampled | None:
    """A Gather of one index, which takes an axis away."""
    found, axis = walk.symbol(node, 1), axis_of(node, node.int("axis", 0), x.divisors.ndim)
    if not isinstance(found, Constant) or found.data.shape or axis in (x.batch, x.channels):
        return None
    index, size = int(found.data), x.divisors.shape[axis]
    if not -size <= index < size:
        return None
    return _without(
        replace(x, pixels=x.pixels.take([index], axis), divisors=x.divisors.take([index], axis)),
        {axis},
    )


def _without(x: Sampled, axes: set[int]) -> Sampled:
    """Without axes of one element."""
    below = [sum(axis < each for axis in axes) for each in (x.batch, x.channels)]
    return replace(
        x,
        pixels=x.pixels.squeeze(tuple(axes)),
        divisors=x.divisors.squeeze(tuple(axes)),
        batch=x.batch - below[0],
        channels=x.channels - below[1],
    )


def _masked(walk: Walk, node: OnnxNode, x: Sampled) -> Sampled | None:
    """Zeros in place of some elements."""
    condition = walk.symbol(node, 0)
    place = 1 if isinstance(walk.symbol(node, 1), Sampled) else 2
    zeros = walk.numbers(node, 3 - place, "what is put in place of pixels")
    if not isinstance(condition, Constant) or zeros is None or any(zeros):
        return None
    mask = condition.data.astype(bool)
    if not _fits(mask, x):
        return None
    kept = mask if place == 1 else ~mask
    return replace(x, pixels=np.where(kept[..., None], x.pixels, -1))


def _fits(data: NDArray[np.generic], x: Sampled) -> bool:
    """Whether a constant has one number for all channels and makes nothing larger."""
    try:
        return np.broadcast_shapes(data.shape, x.divisors.shape) == x.divisors.shape
    except ValueError:
        return False


def _sum(given: Sequence[Sampled]) -> Sampled | None:
    if len(given) != 2:
        return None
    a, b = given
    same = (a.view, a.batch, a.channels) == (b.view, b.batch, b.channels)
    if not same or a.divisors.shape != b.divisors.shape or np.any(a.divisors != b.divisors):
        return None
    return replace(a, pixels=np.concatenate([a.pixels, b.pixels], axis=-1))


def _scaled(walk: Walk, node: OnnxNode, given: Sequence[Sampled]) -> Sampled | None:
    first = isinstance(walk.symbol(node, 0), Sampled)
    if len(given) != 1 or (node.op == "Div" and not first):
        return None
    x = given[0]
    data = walk.constant(node, int(first), "what pixels are scaled by").astype(np.float64)
    if not _fits(data, x) or np.any(data == 0):
        return None
    return replace(x, divisors=x.divisors * (data if node.op == "Div" else 1 / data))


def _reduced(walk: Walk, node: OnnxNode, x: Sampled) -> Sampled | None:
    rank = x.divisors.ndim
    axes = {axis_of(node, axis, rank) for axis in walk.integers(node, 1, "axes") or ()}
    even = all(np.ptp(x.divisors, axis=axis).max() == 0 for axis in axes)
    if not axes or axes & {x.batch, x.channels} or not even:
        return None
    kept = [axis for axis in range(rank) if axis not in axes]
    order = (*kept, *sorted(axes), rank)
    shape = [1 if axis in axes else n for axis, n in enumerate(x.divisors.shape)]
    pixels = x.pixels.transpose(order).reshape(*shape, -1)
    divisors = x.divisors[tuple(slice(1) if axis in axes else slice(None) for axis in range(rank))]
    count = x.divisors.size // divisors.size if node.op == "ReduceMean" else 1
    made = replace(x, pixels=pixels, divisors=divisors * count)
    return made if node.int("keepdims", 1) else _without(made, axes)


@dataclass(frozen=True)
class _Run:
    """Windows of equal size at equal distances along one axis."""

    first: int
    taps: int
    step: int
    count: int


def _windows(x: Sampled) -> tuple[Sequence[_Run], Sequence[_Run]] | None:
    """Rows and columns over which a map's elements are means; None if they are not."""
    if x.divisors.ndim != 4 or (x.batch, x.channels) != (0, 1):
        return None
    pixels, width = x.pixels[0, 0], x.view.shape[3]
    counts = (pixels >= 0).sum(-1)
    if counts.min() == 0 or not np.allclose(x.divisors[0, 0], counts, rtol=1e-6, atol=0):
        return None
    top, bottom = _edges(pixels, pixels // width)
    left, right = _edges(pixels, pixels % width)
    # Of different pixels a window has as many as lie between its edges: all of these.
    marks = np.sort(
        np.where(pixels < 0, -1 - np.arange(pixels.shape[-1], dtype=np.int64), pixels), axis=-1
    )
    whole = np.all(marks[..., 1:] != marks[..., :-1])
    whole &= np.all(counts == (bottom - top) * (right - left))
    straight = all(np.ptp(edge, axis=1).max() == 0 for edge in (top, bottom, left.T, right.T))
    if not whole or not straight:
        return None
    rows, columns = _runs(top[:, 0], bottom[:, 0]), _runs(left[0], right[0])
    return (rows, columns) if len(rows) * len(columns) <= _MOST_POOLS else None


def _edges(pixels: _Indices, places: _Indices) -> tuple[_Indices, _Indices]:
    """The first place of each window along an axis, and one more than the last one."""
    beyond = int(places.max()) + 1
    return (
        np.where(pixels < 0, beyond, places).min(-1),
        np.where(pixels < 0, -1, places).max(-1) + 1,
    )


def _runs(first: _Indices, end: _Indices) -> Sequence[_Run]:
    """The windows of an axis in order, as few runs."""
    runs: list[_Run] = []
    for start, taps in zip(first.tolist(), (end - first).tolist(), strict=True):
        last = runs[-1] if runs else None
        step = 0 if last is None else start - (last.first + (last.count - 1) * last.step)
        if last is None or taps != last.taps or step < 1 or (last.count > 1 and step != last.step):
            runs.append(_Run(start, taps, 1, 1))
        else:
            runs[-1] = replace(last, step=step, count=last.count + 1)
    return runs


def _pools(
    walk: Walk, node: OnnxNode, x: View, windows: tuple[Sequence[_Run], Sequence[_Run]]
) -> View:
    """An average pool for each run of rows and of columns, joined as they lie."""
    tensor, channels = walk.read(x, channels_last(4), node), x.shape[1]
    rows, columns = windows
    names = iter(f"{node.outputs[0]}.part_{place}" for place in itertools.count())
    single = len(rows) * len(columns) == 1
    bands: list[View] = []
    for row in rows:
        pools: list[View] = []
        for column in columns:
            block = _block(walk, node, tensor, (row, column), next(names))
            op = FloatAveragePool2D((row.taps, column.taps), (row.step, column.step))
            name = None if single else next(names)
            made = walk.emit(node, op, (block,), name)
            shape = (1, channels, row.count, column.count)
            pools.append(replace(made_by(node, made, shape, channels_last(4)), name=made))
        bands.append(_joined(walk, node, pools, 3, next(names) if len(rows) > 1 else None))
    return replace(_joined(walk, node, bands, 2, None), name=node.outputs[0])


def _block(walk: Walk, node: OnnxNode, tensor: str, runs: tuple[_Run, _Run], name: str) -> str:
    """The part of a map that the windows of two runs see."""
    _, *sizes, channels = walk.tensors[tensor].shape
    spans = [run.taps + (run.count - 1) * run.step for run in runs]
    if spans == sizes:
        return tensor
    starts, block = (0, runs[0].first, runs[1].first, 0), (1, spans[0], spans[1], channels)
    return walk.emit(node, FloatSlice(starts, block), (tensor,), name)


def _joined(walk: Walk, node: OnnxNode, parts: Sequence[View], axis: int, name: str | None) -> View:
    """Parts of a map side by side."""
    if len(parts) == 1:
        return parts[0]
    join = replace(node, op="Concat", attributes={"axis": axis})
    return joined(walk, join, parts, name)


def _refusal(walk: Walk, node: OnnxNode, actual: str) -> RefusalError:
    return RefusalError(
        node,
        "constant rows and columns may only pick windows of a map, for their means",
        actual,
        "Use AdaptiveAvgPool2d, a pool, or slices and a concatenation. "
        f"{cut_advice(walk.model, node)}".strip(),
    )


RULES: Mapping[str, Rule] = {"GatherND": Rule(lower_gather_nd, wish="none")}
