"""Lowering rules for operators on maps and axes without weights."""

import math
from dataclasses import replace

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.layout import identity, inner_shape
from mcucc.importer.layout.maps import MapInput, as_map
from mcucc.importer.layout.view import View
from mcucc.importer.rules.float_resize import resize_factors
from mcucc.importer.rules.float_shape import (
    arrange_concat,
    arrange_softmax,
    slice_ranges,
)
from mcucc.importer.rules.float_window import arrange_pad, overhang, pool_window, sum_pads
from mcucc.importer.rules.windows import Window, same_pads
from mcucc.importer.values import Activations, Pending, RefusalError
from mcucc.importer.walk import Walk
from mcucc.ops import (
    SOFTMAX_QUANT,
    AveragePool2D,
    Concat,
    MaxPool2D,
    Mean,
    Pad,
    Pads,
    Requantize,
    ResizeNearest,
    Slice,
    Softmax,
)


def lower_softmax(walk: Walk, node: OnnxNode) -> Pending:
    """Softmax over one axis, at its fixed scale."""
    tensor, result = arrange_softmax(walk, node, walk.real(node).view)
    return Pending(Softmax(), node, (tensor,), result(""), (), (node.name,), fixed=SOFTMAX_QUANT)


def lower_global_pool(walk: Walk, node: OnnxNode) -> Pending:
    """GlobalAveragePool as a mean (at equal scales an average pool), GlobalMaxPool as a pool."""
    x = walk.activations(node)
    place = as_map(walk, x.view, node)
    window = (place.shape[2], place.shape[3])
    view = place.result("", (1, place.shape[1], 1, 1))
    if node.op == "GlobalMaxPool":
        return _keeping(MaxPool2D(window), node, (place.tensor,), view, x)
    mean = Mean((1, 2), keep_dims=True)
    x = walk.real(node)
    return Pending(mean, node, (place.tensor,), view, (), (node.name,), window=window)


def lower_max_pool(walk: Walk, node: OnnxNode) -> Pending:
    """MaxPool; a window that overhangs because of ceil_mode only sees more padding."""
    x = walk.activations(node)
    place = as_map(walk, x.view, node)
    window = pool_window(place)
    pads = sum_pads(window.pads, overhang(place, window))
    view = _pooled(place, window, pads)
    pool = MaxPool2D(window.kernel, window.stride, pads)
    return _keeping(pool, node, (place.tensor,), view, x)


def lower_average_pool(walk: Walk, node: OnnxNode) -> Pending:
    """AveragePool; padding that counts becomes a Pad, other padding must be SAME."""
    x = walk.real(node)
    place = as_map(walk, x.view, node)
    window = pool_window(place)
    over, counted = overhang(place, window), bool(node.int("count_include_pad", 0))
    same = tuple(
        pad
        for size, taps, stride in zip(place.shape[2:], window.kernel, window.stride, strict=True)
        for pad in same_pads(size, taps, stride)
    )
    tensor, pads = place.tensor, sum_pads(window.pads, over)
    view = _pooled(place, window, pads)
    explicit = counted and any(window.pads)
    if any(over) if explicit else any(pads) and pads != same:
        raise RefusalError(
            node,
            "AveragePool must be without padding, with SAME padding, or count its padding",
            f"pads {list(window.pads)} (top, bottom, left, right), "
            f"dilations {list(window.dilation)}, ceil_mode {node.int('ceil_mode', 0)}, "
            f"count_include_pad {node.int('count_include_pad', 0)}",
            "Give the pool explicit Pad or SAME padding.",
        )
    if explicit:
        name = f"{node.outputs[0]}.padded"
        tensor = walk.append(node, Pad(window.pads), (tensor,), name, x.quant, (node.name,))
        pads = (0, 0, 0, 0)
    pool = AveragePool2D(window.kernel, window.stride, pads)
    return Pending(pool, node, (tensor,), view, (), (node.name,), fixed=x.quant)


def _pooled(place: MapInput, window: Window, pads: Pads) -> View:
    rows, columns = (
        (place.shape[2 + i] + sum(pads[2 * i : 2 * i + 2]) - window.kernel[i]) // window.stride[i]
        + 1
        for i in (0, 1)
    )
    return place.result("", (1, place.shape[1], rows, columns))


def lower_reduce_mean(walk: Walk, node: OnnxNode) -> Pending:
    """ReduceMean over any axes but the batch."""
    x, axes = walk.real(node), walk.integers(node, 1, "axes")
    view = walk.straight(x.view, node)
    rank, keep = len(view.shape), bool(node.int("keepdims", 1))
    wanted = sorted({a + rank if a < 0 else a for a in axes or range(rank)})
    if not set(wanted) <= set(range(rank)) or (0 in wanted and not keep):
        raise RefusalError(
            node,
            "ReduceMean must keep the batch",
            f"axes {wanted} of {list(x.shape)}",
            "Average over other axes than the first.",
        )
    wanted = [axis for axis in wanted if axis]
    if not wanted or (not axes and node.int("noop_with_empty_axes", 0)):
        made = replace(view, name=node.outputs[0])
        return Pending(Requantize(), node, (view.tensor,), made, keeps=x.quant)
    kept = tuple(1 if axis in wanted else n for axis, n in enumerate(view.shape))
    dropped = tuple(n for axis, n in enumerate(view.shape) if axis not in wanted)
    inner = sorted(view.perm.index(axis) for axis in wanted)
    adjacent = inner == list(range(inner[0], inner[-1] + 1))
    if adjacent and inner[0] >= 1 and inner[-1] < rank - 1:
        tensor = walk.read(view, view.perm, node)
        made = View("", kept, view.perm, kept, node.outputs[0])
        op = Mean(tuple(inner), keep)
    else:
        rest = [axis for axis in view.perm if axis and axis not in wanted]
        perm = (0, *wanted, *rest)
        count = math.prod(view.shape[axis] for axis in wanted)
        shape = (1, count, math.prod(kept))
        tensor = walk.shaped(walk.ordered(view, perm, node), shape, node)
        made, op = View("", kept, perm, kept, node.outputs[0]), Mean((1,), keep_dims=False)
    return Pending(op, node, (tensor,), made if keep else made.reshaped(dropped), (), (node.name,))


def lower_concat(walk: Walk, node: OnnxNode) -> Pending:
    """Concat; inputs are brought to the scale of the output."""
    parts = [walk.activations(node, index) for index in range(len(node.inputs))]
    if len({part.real for part in parts}) > 1:
        raise RefusalError(
            node,
            "all inputs of Concat must be dequantized, or none",
            "both kinds",
            "Put a DequantizeLinear before every input.",
        )
    quants = {part.quant for part in parts}
    keeps = parts[0].quant if len(quants) == 1 else None
    if len(parts) == 1:
        view = replace(parts[0].view, name=node.outputs[0])
        return Pending(Requantize(), node, (view.tensor,), view, keeps=keeps)
    if keeps is None and not parts[0].real:
        raise RefusalError(
            node,
            "a Concat of quantized values needs equal scales",
            f"{len(quants)} different ones",
            "Put Quantize/DequantizeLinear pairs around the Concat.",
        )
    tensors, view = arrange_concat(walk, node, [part.view for part in parts])
    return Pending(Concat(), node, tuple(tensors), view, (), (node.name,), keeps=keeps)


def lower_pad(walk: Walk, node: OnnxNode) -> Pending:
    """Pad of rows and columns with zeros, which in int8 are the zero point."""
    x = walk.activations(node)
    padding = arrange_pad(walk, node, x.view)
    if padding is None:
        return _copy(node, x)
    if padding.value != (0.0 if x.real else float(x.quant.zero_point)):
        raise RefusalError(
            node,
            "Pad must add zeros around rows and columns",
            f"value {padding.value:g}",
            "Use constant mode with value 0.",
        )
    return _keeping(Pad(padding.pads), node, (padding.tensor,), padding.result(""), x)


def lower_resize(walk: Walk, node: OnnxNode) -> Pending:
    """Resize or Upsample that repeats pixels."""
    x = walk.activations(node)
    place = as_map(walk, x.view, node)
    rows, columns = resize_factors(walk, place)
    shape = (1, place.shape[1], place.shape[2] * rows, place.shape[3] * columns)
    view = place.result("", shape)
    return _keeping(ResizeNearest((rows, columns)), node, (place.tensor,), view, x)


def lower_slice(walk: Walk, node: OnnxNode) -> Pending:
    """Slice with steps of 1."""
    x = walk.activations(node)
    view = walk.straight(x.view, node)
    ranges = slice_ranges(walk, node, view.shape)
    shape = tuple(last - first for first, last in ranges)
    if shape == view.shape:
        return _copy(node, x)
    starts = tuple(ranges[axis][0] for axis in view.perm)
    op = Slice(starts, inner_shape(shape, view.perm))
    tensor = walk.read(view, view.perm, node)
    return _keeping(op, node, (tensor,), View("", shape, view.perm, shape, node.outputs[0]), x)


def _copy(node: OnnxNode, x: Activations) -> Pending:
    view = replace(x.view, name=node.outputs[0])
    return Pending(Requantize(), node, (x.view.tensor,), view, (), (node.name,), keeps=x.quant)


def _keeping(
    op: MaxPool2D | Pad | ResizeNearest | Slice,
    node: OnnxNode,
    inputs: tuple[str, ...],
    view: View,
    x: Activations,
) -> Pending:
    """The result of an operator that copies values."""
    return Pending(op, node, inputs, view, (), (node.name,), fixed=x.quant, keeps=x.quant)


def lower_reshape(node: OnnxNode, x: View, target: tuple[int, ...] | None) -> View:
    """Reshape, Flatten, Squeeze, Unsqueeze: another view of the same bytes.

    Args:
        node: the ONNX node.
        x: what is reshaped.
        target: its ONNX shape as inferred; None if that failed.
    """
    fits = target is not None and math.prod(target) == math.prod(x.shape)
    if not fits or target is None:
        raise RefusalError(
            node,
            "a reshape must keep the number of elements and have a constant target",
            f"{'an unknown shape' if target is None else list(target)} from {list(x.shape)}",
            "Export with constant shapes and a fixed batch of 1.",
        )
    return x.reshaped(target).named(node)


def lower_transpose(node: OnnxNode, x: View) -> View:
    """Transpose: the layout changes, no byte moves."""
    axes = node.ints("perm", tuple(reversed(range(len(x.shape)))))
    if sorted(axes) != list(identity(len(x.shape))):
        raise RefusalError(
            node, "perm must be an order of the axes", f"{list(axes)}", "Check the exporter."
        )
    return x.transposed(axes).named(node)
