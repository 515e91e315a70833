"""Lowering rules for pools and reductions."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.layout import Perm, inner_shape
from mcucc.importer.layout.maps import MapInput, on_map
from mcucc.importer.layout.view import View, made_by
from mcucc.importer.rules.quantize import activation_quant
from mcucc.importer.rules.rule import Rule
from mcucc.importer.rules.windows import Window, read_window
from mcucc.importer.values import RefusalError
from mcucc.importer.walk import Walk
from mcucc.ir import Shape
from mcucc.ops import Pads
from mcucc.ops.elementwise import FloatFakeQuant
from mcucc.ops.movement import FloatPad
from mcucc.ops.pool import FloatAveragePool2D, FloatMaxPool2D, FloatMean
from mcucc.ops.unary import FloatUnary

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


_Step = Callable[[View, str | None], View]
"""Makes a view of another, under a name; None for that of the ONNX node."""

_BEFORE: Mapping[str, FloatUnary] = {
    "ReduceL1": FloatUnary("abs"),
    "ReduceL2": FloatUnary("pow", 2.0),
    "ReduceMin": FloatUnary("neg"),
    "ReduceSumSquare": FloatUnary("pow", 2.0),
}
_BEHIND: Mapping[str, FloatUnary] = {"ReduceL2": FloatUnary("sqrt"), "ReduceMin": FloatUnary("neg")}
"""What makes other reductions of a sum, and the minimum of a maximum."""


def lower_reduction(walk: Walk, node: OnnxNode) -> View:
    """Reductions over any axes but the batch."""
    x = walk.in_onnx_order(walk.view(node), node)
    rank, keep = len(x.shape), bool(node.int("keepdims", 1))
    axes = walk.integers(node, 1, "axes")
    if not axes and node.int("noop_with_empty_axes", 0):
        return x.named(node)
    wanted = {a + rank if a < 0 else a for a in axes or range(rank)}
    if not wanted <= set(range(rank)) or (0 in wanted and not keep):
        raise RefusalError(
            node,
            f"{node.op} must keep the batch",
            f"axes {sorted(wanted)} of {list(x.shape)}",
            "Reduce over other axes than the first.",
        )
    wanted -= {0}
    full = x
    steps = tuple(_steps(walk, node, sorted(wanted), keep=keep))
    for place, step in enumerate(steps, start=1):
        name = None if place == len(steps) else f"{node.outputs[0]}.{place}"
        full = replace(step(full, name), name=name or node.outputs[0])
    kept = tuple(n for axis, n in enumerate(full.shape) if axis not in wanted)
    full = full if steps else full.named(node)
    return full if keep else full.reshaped(kept)


def _steps(walk: Walk, node: OnnxNode, axes: Sequence[int], *, keep: bool) -> Iterator[_Step]:
    def function(op: FloatUnary) -> _Step:
        return lambda x, name: replace(
            x, tensor=walk.emit(node, op, (x.tensor,), name), name=node.outputs[0]
        )

    def largest(x: View, name: str | None) -> View:
        return _largest(walk, node, x, axes, name)

    def total(x: View, name: str | None) -> View:
        return _total(walk, node, x, axes, name, keep=keep)

    if node.op in _BEFORE:
        yield function(_BEFORE[node.op])
    if axes:
        yield largest if node.op in ("ReduceMax", "ReduceMin") else total
    if node.op in _BEHIND:
        yield function(_BEHIND[node.op])


def _reduced(x: View, axes: Sequence[int]) -> Shape:
    """The shape with 1 in place of the axes."""
    return tuple(1 if axis in axes else n for axis, n in enumerate(x.shape))


def _in_front(x: View, axes: Sequence[int]) -> tuple[Perm, int]:
    """The layout with the axes in front, behind the batch, and how many elements they have."""
    perm = (0, *axes, *(axis for axis in x.perm if axis and axis not in axes))
    return perm, math.prod(x.shape[axis] for axis in axes)


def _total(
    walk: Walk, node: OnnxNode, x: View, axes: Sequence[int], name: str | None, *, keep: bool
) -> View:
    """A mean or sum over axes that lie side by side before the last one, moved there if need be."""
    sums, shape = node.op != "ReduceMean", _reduced(x, axes)
    inner = sorted(x.perm.index(axis) for axis in axes)
    adjacent = inner == list(range(inner[0], inner[-1] + 1))
    pooled = len(inner) == 2 and not sums and not _rescaled(walk, node, x)
    if len(x.shape) > 4 and (adjacent or pooled):
        return _of_many(walk, node, x, inner, name)
    if adjacent and inner[-1] < len(x.shape) - 1:
        op = FloatMean(tuple(inner), keep, sums=sums)
        made = walk.emit(node, op, (walk.read(x, x.perm, node),), name)
        return replace(x, tensor=made, base=shape, shape=shape, name=node.outputs[0])
    perm, rows = _in_front(x, axes)
    flat = walk.viewed_as(walk.ordered(x, perm, node), (1, rows, math.prod(shape)), node)
    return made_by(node, walk.emit(node, FloatMean((1,), sums=sums), (flat,), name), shape, perm)


def _rescaled(walk: Walk, node: OnnxNode, x: View) -> bool:
    """Whether the file may give the result another scale, to which a pool would round again."""
    given = [
        activation_quant(walk, reader)[0]
        for reader in walk.model.nodes
        if reader.op == "QuantizeLinear" and node.outputs[0] == reader.inputs[0]
    ]
    maker = next((each.op for each in walk.nodes if each.output == x.tensor), None)
    return bool(given) and not (
        isinstance(maker, FloatFakeQuant) and all(quant == maker.quant for quant in given)
    )


def _of_many(walk: Walk, node: OnnxNode, x: View, places: Sequence[int], name: str | None) -> View:
    """A reduction of a value of many axes, over neighbouring ones, or over blocks of pixels.

    Args:
        walk: the state.
        node: the reduction.
        x: the value.
        places: in its layout; all side by side, or two.
        name: of the result.
    """
    sizes, first, last = inner_shape(x.shape, x.perm), places[0], places[-1]
    rows, columns = math.prod(sizes[:first]), math.prod(sizes[last + 1 :])
    maximum, op = (
        node.op in ("ReduceMax", "ReduceMin"),
        FloatMean((2,), sums=node.op != "ReduceMean"),
    )
    if len(places) == last + 1 - first:
        window = (1, math.prod(sizes[first : last + 1]))
        inner = (1, rows, window[1], columns)
        op = FloatMaxPool2D(window) if maximum else op
    else:
        window = (sizes[first], sizes[last])
        between = math.prod(sizes[first + 1 : last])
        inner = (1, rows * window[0], between * window[1], columns)
        op = (FloatMaxPool2D if maximum else FloatAveragePool2D)(window, window)
    tensor = walk.viewed_as(walk.ordered(x, x.perm, node), inner, node)
    shape = _reduced(x, [x.perm[place] for place in places])
    made = walk.emit(node, op, (tensor,), name)
    return replace(x, tensor=made, base=shape, shape=shape, name=node.outputs[0])


def _largest(walk: Walk, node: OnnxNode, x: View, axes: Sequence[int], name: str | None) -> View:
    """A maximum over rows or columns of a map, or over axes that are moved there, as a pool."""
    shape, inner = _reduced(x, axes), {x.perm.index(axis) for axis in axes}
    ordered = sorted(inner)
    adjacent = ordered == list(range(ordered[0], ordered[-1] + 1))
    if len(x.shape) > 4 and (adjacent or len(inner) == 2):
        return _of_many(walk, node, x, ordered, name)
    if len(x.shape) == 4 and inner <= {1, 2}:
        rows, columns = (x.shape[x.perm[place]] if place in inner else 1 for place in (1, 2))
        made = walk.emit(node, FloatMaxPool2D((rows, columns)), (walk.read(x, x.perm, node),), name)
        return replace(x, tensor=made, base=shape, shape=shape, name=node.outputs[0])
    perm, rows = _in_front(x, axes)
    flat = walk.viewed_as(walk.ordered(x, perm, node), (1, rows, 1, math.prod(shape)), node)
    return made_by(node, walk.emit(node, FloatMaxPool2D((rows, 1)), (flat,), name), shape, perm)


_REDUCES = Rule(lower_reduction, wish="same axes")

RULES: Mapping[str, Rule] = {
    "AveragePool": Rule(lower_average_pool),
    "GlobalAveragePool": Rule(lower_global_pool),
    "GlobalMaxPool": Rule(lower_global_pool, copies=True),
    "MaxPool": Rule(lower_max_pool, copies=True),
    "ReduceL1": _REDUCES,
    "ReduceL2": _REDUCES,
    "ReduceMax": Rule(lower_reduction, wish="same axes", copies=True),
    "ReduceMean": _REDUCES,
    "ReduceMin": _REDUCES,
    "ReduceSum": _REDUCES,
    "ReduceSumSquare": _REDUCES,
}
