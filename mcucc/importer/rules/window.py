"""Lowering rules for float operators on windows and borders of maps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.layout import Perm, channels_last, identity
from mcucc.importer.layout.maps import MapInput, on_map
from mcucc.importer.layout.view import View, made_by
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


def lower_pad(walk: Walk, node: OnnxNode) -> View:
    """Pad of rows and columns with a constant, wherever they are among the ONNX axes."""
    x = walk.view(node)
    padding = _arrange_pad(walk, node, x)
    if padding is None:
        return x.named(node)
    op = FloatPad(padding.pads, padding.value)
    return padding.result(walk.emit(node, op, (padding.tensor,)))


@dataclass(frozen=True)
class Padding:
    """What a Pad of rows and columns reads and makes.

    Attributes:
        node: the ONNX node.
        tensor: inner value with all that is padded along its rows and columns.
        pads: top, bottom, left, right.
        value: what is padded with.
        shape: ONNX shape [.., .., .., ..] of the result, a sequence as a map of one column.
        perm: layout of the result.
        rank: of the result in ONNX.
    """

    node: OnnxNode
    tensor: str
    pads: Pads
    value: float
    shape: Shape
    perm: Perm
    rank: int

    def result(self, made: str) -> View:
        """The view of what the operator made."""
        return made_by(self.node, made, self.shape, self.perm).reshaped(self.shape[: self.rank])


def _arrange_pad(walk: Walk, node: OnnxNode, x: View) -> Padding | None:
    """A Pad of rows and columns, wherever they are among the ONNX axes; None if it adds nothing."""
    mode, ends = node.string("mode", "constant"), _pad_ends(walk, node, len(x.shape))
    value = walk.numbers(node, 2, "value") or (0.0,)
    if mode != "constant" or len(x.shape) not in (3, 4):
        raise _bad_pad(node, f"mode {mode}, input {list(x.shape)}")
    if not any(sum(pair) for pair in ends):
        return None
    # A sequence becomes a map of one column.
    rank, shape = len(x.shape), (*x.shape, *(1,) * (4 - len(x.shape)))
    ends = (*ends, *((0, 0),) * (4 - rank))
    wide = x.reshaped(shape)
    perm = next(
        (p for p in (wide.perm, channels_last(4), identity(4)) if _pads_rows(ends, p)), None
    )
    if perm is None:
        raise _bad_pad(node, f"pads (before, after) {[list(e) for e in ends]} of {list(x.shape)}")
    (top, bottom), (left, right) = ends[perm[1]], ends[perm[2]]
    tensor = walk.read(wide, perm, node)
    padded = tuple(n + sum(pair) for n, pair in zip(shape, ends, strict=True))
    return Padding(node, tensor, (top, bottom, left, right), value[0], padded, perm, rank)


def _pads_rows(ends: tuple[tuple[int, int], ...], perm: Perm) -> bool:
    """Whether a layout has all that is padded along its rows and columns."""
    return len(perm) == 4 and not any(ends[perm[0]] + ends[perm[3]])


def _pad_ends(walk: Walk, node: OnnxNode, rank: int) -> tuple[tuple[int, int], ...]:
    """(before, after) of each ONNX axis."""
    pads = walk.integers(node, 1, "pads") or ()
    axes = walk.integers(node, 3, "axes")
    named = [a + rank if a < 0 else a for a in (range(rank) if axes is None else axes)]
    whole = len(pads) == 2 * len(named) and len(set(named)) == len(named)
    if not whole or not set(named) <= set(range(rank)) or min(pads, default=0) < 0:
        raise _bad_pad(node, f"pads {list(pads)} of axes {named}")
    given = dict(zip(named, zip(pads, pads[len(named) :], strict=False), strict=True))
    return tuple(given.get(axis, (0, 0)) for axis in range(rank))


def _bad_pad(node: OnnxNode, actual: str) -> RefusalError:
    return RefusalError(
        node,
        "Pad must put a constant around rows and columns of a map or sequence",
        actual,
        "Use constant mode, without pads of batch or channels and without negative ones.",
    )


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
