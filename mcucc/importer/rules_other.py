"""Lowering rules for operators without weights."""

import math
from dataclasses import replace

from mcucc.importer.layout import same_order, to_inner_shape
from mcucc.importer.reader import OnnxNode
from mcucc.importer.values import Activations, Pending, RefusalError
from mcucc.importer.windows import Window, read_window, same_pads
from mcucc.ir import QParams, Shape
from mcucc.ops import (
    SOFTMAX_QUANT,
    Activation,
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Mean,
    Pad,
    Reshape,
    Softmax,
)


def lower_add(node: OnnxNode, a: Activations, b: Activations) -> Pending:
    """Add of two activations of the same shape."""
    if a.shape != b.shape:
        raise RefusalError(
            node,
            "both inputs of Add must have the same shape",
            f"{list(a.shape)} and {list(b.shape)}",
            "Broadcasting is not supported: expand the smaller one in the model.",
        )
    return Pending(Add(), node, (a, b), a.shape, (), (node.name,))


def lower_softmax(node: OnnxNode, x: Activations, opset: int) -> Pending:
    """Softmax over the channels of [1, N]."""
    axis = node.int("axis", -1 if opset >= 13 else 1)
    if len(x.shape) != 2 or axis not in (-1, 1):
        raise RefusalError(
            node,
            "Softmax must run over the last axis of [1, N]",
            f"axis {axis} of {list(x.shape)}",
            "Flatten its input in the model.",
        )
    return Pending(Softmax(), node, (x,), x.shape, (), (node.name,), SOFTMAX_QUANT)


def lower_global_average_pool(node: OnnxNode, x: Activations) -> Pending:
    """GlobalAveragePool as a mean; at equal scales it becomes an average pool (see `finish`)."""
    _need_map(node, x)
    shape = (1, x.shape[1], 1, 1)
    return Pending(Mean((1, 2), keep_dims=True), node, (x,), shape, (), (node.name,))


def lower_average_pool(node: OnnxNode, x: Activations) -> Pending:
    """AveragePool whose padding, if any, is SAME and not counted."""
    _need_map(node, x)
    window = read_window(node, x.shape)
    if not _averages_alike(node, x.shape, window):
        raise RefusalError(
            node,
            "AveragePool must be without padding, or with SAME padding that is not counted",
            f"pads {list(window.pads)} (top, bottom, left, right), "
            f"dilations {list(window.dilation)}, ceil_mode {node.int('ceil_mode', 0)}, "
            f"count_include_pad {node.int('count_include_pad', 0)}",
            "Give the pool explicit Pad or SAME padding.",
        )
    pool = AveragePool2D(window.kernel, window.stride, window.pads)
    shape = (1, x.shape[1], *window.output)
    return Pending(pool, node, (x,), shape, (), (node.name,), x.quant)


def lower_reduce_mean(node: OnnxNode, x: Activations, axes: tuple[int, ...] | None) -> Pending:
    """ReduceMean over rows, columns or both."""
    rank = len(x.shape)
    wanted = sorted(a + rank if a < 0 else a for a in axes or range(rank))
    # Inner axes are the ONNX ones less one: channels went last.
    inner = tuple(axis - 1 for axis in wanted)
    adjacent = wanted == list(range(wanted[0], wanted[-1] + 1))
    if not adjacent or not 2 <= wanted[0] <= wanted[-1] < rank:
        raise RefusalError(
            node,
            "ReduceMean must be over adjacent spatial axes",
            f"axes {wanted} of {list(x.shape)}",
            "Average over rows and columns only.",
        )
    keep = bool(node.int("keepdims", 1))
    shape = tuple(
        1 if axis in wanted else n for axis, n in enumerate(x.shape) if keep or axis not in wanted
    )
    return Pending(Mean(inner, keep), node, (x,), shape, (), (node.name,))


def lower_reshape(node: OnnxNode, x: Activations, target: Shape) -> Pending:
    """Reshape, Flatten, Squeeze, Unsqueeze: the same bytes, or a flattened map."""
    op = Reshape(to_inner_shape(target))
    if x.flattened is None and same_order(x.shape, target):
        return Pending(op, node, (x,), target, (), (node.name,), x.quant)
    if len(target) == 2 and len(x.shape) == 4:
        chw = (x.shape[1], x.shape[2], x.shape[3])
        return Pending(op, node, (x,), target, (), (node.name,), x.quant, chw)
    raise RefusalError(
        node,
        "a reshape must keep the order of bytes in NHWC layout, or flatten a map to [1, N]",
        f"{list(x.shape)} to {list(target)}",
        "Flatten before the dense layer, or reshape maps of one pixel or one channel only.",
    )


def reshape_target(node: OnnxNode, x: Activations, shape: tuple[int, ...]) -> Shape:
    """The ONNX shape that Reshape or Flatten makes.

    Args:
        node: Flatten reads `axis`, Reshape `allowzero`.
        x: what is reshaped.
        shape: the second input of Reshape, empty for Flatten.
    """
    if node.op == "Flatten":
        axis = node.int("axis", 1)
        axis += len(x.shape) if axis < 0 else 0
        target = (math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))
    else:
        target = _resolved(shape, x.shape, keep_zero=bool(node.int("allowzero", 0)))
    fits = 2 <= len(target) <= 4 and target[0] == 1 and min(target) >= 1
    if not fits or math.prod(target) != math.prod(x.shape):
        raise RefusalError(
            node,
            "a reshape must keep the number of elements and make rank 2 to 4 with batch 1",
            f"{list(target)} from {list(x.shape)}",
            "Export with constant shapes and a fixed batch of 1.",
        )
    return target


def _resolved(wanted: tuple[int, ...], source: Shape, *, keep_zero: bool) -> Shape:
    """The shape that a Reshape asks for; 0 is the source's size there, one -1 is the rest."""
    shape = [
        source[axis] if size == 0 and not keep_zero and axis < len(source) else size
        for axis, size in enumerate(wanted)
    ]
    if shape.count(-1) == 1:
        known = math.prod(size for size in shape if size != -1)
        shape[shape.index(-1)] = math.prod(source) // known if known else 0
    return tuple(shape)


def lower_pad(
    node: OnnxNode,
    x: Activations,
    pads: tuple[int, ...],
    value: float,
    axes: tuple[int, ...] | None,
) -> Pending:
    """Pad of rows and columns with zeros.

    Args:
        node: its attribute `mode` is read.
        x: the map.
        pads: the begins of all axes, then the ends.
        value: what is padded with.
        axes: the axes that `pads` speaks of, None for all.
    """
    _need_map(node, x)
    mode = node.string("mode", "constant")
    # Opset 18 names the axes; [batch, C, H, W] is what their absence means.
    given = [a + 4 if a < 0 else a for a in axes or range(4)]
    ends = dict(zip(given, zip(pads, pads[len(given) :], strict=False), strict=False))
    (top, bottom), (left, right) = (ends.pop(axis, (0, 0)) for axis in (2, 3))
    whole = len(pads) == 2 * len(given) and len(set(given)) == len(given)
    others = any(any(pair) for pair in ends.values()) or not set(given) <= set(range(4))
    added = (top, bottom, left, right)
    if mode != "constant" or value != 0.0 or not whole or others or min(added) < 0:
        raise RefusalError(
            node,
            "Pad must add zeros around rows and columns",
            f"mode {mode}, value {value:g}, pads {list(pads)} of axes {given}",
            "Use constant mode with value 0.",
        )
    shape = (1, x.shape[1], x.shape[2] + top + bottom, x.shape[3] + left + right)
    return Pending(Pad(added), node, (x,), shape, (), (node.name,), x.quant)


def lower_clip(node: OnnxNode, pending: Pending, low: float, high: float) -> Pending:
    """Relu or Clip between an operator and its QuantizeLinear."""
    if pending.clip is not None:
        low, high = max(low, pending.clip[0]), min(high, pending.clip[1])
    return replace(pending, clip=(low, high), origin=(*pending.origin, node.name))


def finish(pending: Pending, quant: QParams) -> Pending:
    """Decide what depends on the output quantisation, now that it is known.

    Raises:
        RefusalError: a Clip cuts into the quantised range and no fused activation does the same.
    """
    if pending.node.op == "GlobalAveragePool" and quant == pending.inputs[0].quant:
        x = pending.inputs[0]
        pending = replace(pending, op=AveragePool2D((x.shape[2], x.shape[3])), fixed=quant)
    if pending.clip is None:
        return pending
    low, high = pending.clip
    op = pending.op
    activation = _ACTIVATIONS.get(pending.clip)
    if activation is not None and isinstance(op, Conv2D | DepthwiseConv2D | FullyConnected | Add):
        return replace(pending, op=replace(op, activation=activation))
    reach = [(q - quant.zero_point) * quant.scale for q in (-128, 127)]
    if low <= reach[0] and reach[1] <= high:
        return pending
    raise RefusalError(
        pending.node,
        "a Clip must be 0..6, 0..inf, or lie outside the quantised range",
        f"Clip to {low:g}..{high:g}, quantised range {reach[0]:.4g}..{reach[1]:.4g}",
        "Calibrate with the Clip in place, so that the range ends at its bounds.",
    )


_ACTIVATIONS: dict[tuple[float, float], Activation] = {
    (0.0, math.inf): "relu",
    (0.0, 6.0): "relu6",
}


def _need_map(node: OnnxNode, x: Activations) -> None:
    if len(x.shape) != 4:
        raise RefusalError(
            node,
            "the input must be a map [1, C, H, W]",
            f"{list(x.shape)}",
            "Reshape the input in the model.",
        )


def _averages_alike(node: OnnxNode, shape: Shape, window: Window) -> bool:
    """Whether every window is averaged over the pixels that lie inside the map."""
    rows, columns = window.pads[:2], window.pads[2:]
    overhangs = bool(node.int("ceil_mode", 0)) and any(
        (size + sum(pads) - taps) % stride
        for size, pads, taps, stride in zip(
            shape[2:], (rows, columns), window.kernel, window.stride, strict=True
        )
    )
    same = tuple(
        same_pads(size, taps, stride)
        for size, taps, stride in zip(shape[2:], window.kernel, window.stride, strict=True)
    )
    padded = any(window.pads)
    counted = padded and bool(node.int("count_include_pad", 0))
    unlike = padded and (rows, columns) != same
    return not (overhangs or counted or unlike) and window.dilation == (1, 1)
