"""Lowering rules for pools and means."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.maps import MapInput, on_map
from mcucc.importer.layout.view import View, made_by
from mcucc.importer.rules.rule import Rule
from mcucc.importer.rules.windows import Window, read_window
from mcucc.importer.values import RefusalError
from mcucc.importer.walk import Walk
from mcucc.ir import Shape
from mcucc.ops import Pads
from mcucc.ops.movement import FloatPad
from mcucc.ops.pool import FloatAveragePool2D, FloatMaxPool2D, FloatMean

_NO_PADS: Pads = (0, 0, 0, 0)


def lower_max_pool(walk: Walk, node: OnnxNode) -> View:
    """MaxPool; a window that overhangs because of ceil_mode only sees more padding."""
    x = on_map(walk, node)
    if len(node.outputs) > 1 and node.outputs[1]:
        raise RefusalError(
            node, "MaxPool must have one output", "it gives indices too", "Export without indices."
        )
    window = _pool_window(x)
    over = overhang(x, window)
    pool = FloatMaxPool2D(window.kernel, window.stride, _sum_pads(window.pads, over))
    return _pooled(walk, x, pool, x.tensor)


def lower_average_pool(walk: Walk, node: OnnxNode) -> View:
    """AveragePool; padding that counts becomes a Pad, overhang never counts."""
    x = on_map(walk, node)
    window = _pool_window(x)
    over = overhang(x, window)
    if not (node.int("count_include_pad", 0) and any(window.pads)):
        pool = FloatAveragePool2D(window.kernel, window.stride, _sum_pads(window.pads, over))
        return _pooled(walk, x, pool, x.tensor)
    padded = walk.emit(node, FloatPad(window.pads), (x.tensor,), f"{node.outputs[0]}.padded")
    return _pooled(walk, x, FloatAveragePool2D(window.kernel, window.stride, over), padded)


def lower_global_pool(walk: Walk, node: OnnxNode) -> View:
    """GlobalAveragePool as a mean, GlobalMaxPool as a pool over the whole map."""
    x = on_map(walk, node)
    whole = FloatMaxPool2D((x.shape[2], x.shape[3]))
    op = FloatMean((1, 2), keep_dims=True, pools=True) if node.op == "GlobalAveragePool" else whole
    return x.result(walk.emit(node, op, (x.tensor,)), (1, x.shape[1], 1, 1))


def _pooled(
    walk: Walk, x: MapInput, pool: FloatMaxPool2D | FloatAveragePool2D, tensor: str
) -> View:
    made = walk.emit(x.node, pool, (tensor,))
    _, rows, columns, channels = walk.tensors[made].shape
    return x.result(made, (1, channels, rows, columns))


def _pool_window(x: MapInput) -> Window:
    """The window of a pool that sees the map wherever it lies."""
    window = read_window(x.node, x.shape)
    rows, columns = window.kernel
    if max(window.pads[:2]) >= rows or max(window.pads[2:]) >= columns:
        raise RefusalError(
            x.node,
            "the padding of a pool must be smaller than its window",
            f"kernel {list(window.kernel)}, pads {list(window.pads)} (top, bottom, left, right)",
            "Use less padding.",
        )
    if window.dilation != (1, 1):
        raise RefusalError(
            x.node,
            "a pool must not be dilated",
            f"dilations {list(window.dilation)}",
            "Use a pool without dilation.",
        )
    return window


def overhang(x: MapInput, window: Window) -> Pads:
    """Pixels below and to the right that the last window of ceil_mode needs beyond the padding.

    A window that would start in the padding behind the map is left out.
    """
    if not x.node.int("ceil_mode", 0):
        return _NO_PADS
    over: list[int] = []
    for axis in (0, 1):
        taps, stride, count = window.kernel[axis], window.stride[axis], window.output[axis]
        before, after = window.pads[2 * axis : 2 * axis + 2]
        size, start = x.shape[2 + axis], count * stride
        missing = start + taps - (before + size + after)
        wanted = (size + before + after - taps) % stride and start < before + size
        over.append(missing if wanted else 0)
    return (0, over[0], 0, over[1])


def _sum_pads(a: Pads, b: Pads) -> Pads:
    """Side by side."""
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3])


def lower_reduce_mean(walk: Walk, node: OnnxNode) -> View:
    """ReduceMean over any axes but the batch."""
    x = walk.in_onnx_order(walk.view(node), node)
    rank, keep = len(x.shape), bool(node.int("keepdims", 1))
    axes = walk.integers(node, 1, "axes")
    if not axes and node.int("noop_with_empty_axes", 0):
        return x.named(node)
    wanted = {a + rank if a < 0 else a for a in axes or range(rank)}
    if not wanted <= set(range(rank)) or (0 in wanted and not keep):
        raise RefusalError(
            node,
            "ReduceMean must keep the batch",
            f"axes {sorted(wanted)} of {list(x.shape)}",
            "Reduce over other axes than the first.",
        )
    wanted -= {0}
    shape = tuple(1 if axis in wanted else n for axis, n in enumerate(x.shape))
    full = _mean(walk, node, x, sorted(wanted), shape, keep=keep)
    return full if keep else full.reshaped(tuple(n for a, n in enumerate(shape) if a not in wanted))


def _mean(
    walk: Walk, node: OnnxNode, x: View, axes: Sequence[int], shape: Shape, *, keep: bool
) -> View:
    """A mean over axes that lie side by side before the last one, moved there if need be."""
    if not axes:
        return x.named(node)
    inner = sorted(x.perm.index(axis) for axis in axes)
    adjacent = inner == list(range(inner[0], inner[-1] + 1))
    if adjacent and inner[-1] < len(x.shape) - 1:
        op = FloatMean(tuple(inner), keep)
        made = walk.emit(node, op, (walk.read(x, x.perm, node),))
        return replace(x, tensor=made, base=shape, shape=shape, name=node.outputs[0])
    perm = (0, *axes, *(axis for axis in x.perm if axis and axis not in axes))
    rows = math.prod(x.shape[axis] for axis in axes)
    flat = walk.viewed_as(walk.ordered(x, perm, node), (1, rows, math.prod(shape)), node)
    return made_by(node, walk.emit(node, FloatMean((1,)), (flat,)), shape, perm)


RULES: Mapping[str, Rule] = {
    "AveragePool": Rule(lower_average_pool),
    "GlobalAveragePool": Rule(lower_global_pool),
    "GlobalMaxPool": Rule(lower_global_pool, copies=True),
    "MaxPool": Rule(lower_max_pool, copies=True),
    "ReduceMean": Rule(lower_reduce_mean, wish="same axes"),
}
