"""Lowering rules for operators without weights."""

import math
from dataclasses import replace

import numpy as np

from mcucc.importer.layout import same_order, to_inner_shape
from mcucc.importer.reader import OnnxNode
from mcucc.importer.rules_conv import conv_pads
from mcucc.importer.values import Activations, Constant, Pending, RefusalError
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
from mcucc.ops.conv import window_output


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
    kernel = node.ints("kernel_shape", ())
    stride = node.ints("strides", (1, 1))
    window, step = (kernel[0], kernel[1]), (stride[0], stride[1])
    pads = conv_pads(node, x.shape, window, step)
    counted = bool(node.int("count_include_pad", 0)) and any(pads)
    overhangs = node.int("ceil_mode", 0) and any(
        (x.shape[2 + i] + pads[2 * i] + pads[2 * i + 1] - window[i]) % step[i] for i in (0, 1)
    )
    dilated = any(d != 1 for d in node.ints("dilations", (1, 1)))
    if counted or overhangs or dilated or not _is_same(x.shape, window, step, pads):
        raise RefusalError(
            node,
            "AveragePool must be without padding, or with SAME padding that is not counted",
            f"pads {pads} (top, bottom, left, right), {dict(node.attributes)}",
            "Give the pool explicit Pad or SAME padding.",
        )
    pool = AveragePool2D(window, step, pads)
    out = (
        1,
        x.shape[1],
        window_output(x.shape[2], window[0], step[0], 1, pads[0] + pads[1]),
        window_output(x.shape[3], window[1], step[1], 1, pads[2] + pads[3]),
    )
    return Pending(pool, node, (x,), out, (), (node.name,), x.quant)


def lower_reduce_mean(node: OnnxNode, x: Activations, axes: tuple[int, ...] | None) -> Pending:
    """ReduceMean over rows, columns or both."""
    rank = len(x.shape)
    wanted = sorted(a % rank for a in axes) if axes else list(range(rank))
    # Inner axes are the ONNX ones less one: channels went last.
    inner = tuple(axis - 1 for axis in wanted)
    if rank < 3 or wanted != list(range(wanted[0], wanted[-1] + 1)) or wanted[0] < 2:
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


def reshape_target(node: OnnxNode, x: Activations, shape: Constant | None) -> Shape:
    """The ONNX shape that Reshape or Flatten makes, with 0 and -1 resolved and batch 1."""
    if node.op == "Flatten":
        axis = node.int("axis", 1)
        axis += len(x.shape) if axis < 0 else 0
        return (int(np.prod(x.shape[:axis])), int(np.prod(x.shape[axis:])))
    wanted = [] if shape is None else [int(v) for v in shape.data.ravel()]
    if not node.int("allowzero", 0):
        wanted = [x.shape[i] if v == 0 and i < len(x.shape) else v for i, v in enumerate(wanted)]
    size = int(np.prod(x.shape))
    if wanted.count(-1) == 1:
        known = int(np.prod([v for v in wanted if v != -1]))
        wanted[wanted.index(-1)] = size // known if known else 0
    if not wanted or wanted[0] != 1 or int(np.prod(wanted)) != size:
        raise RefusalError(
            node,
            "a reshape needs a constant shape with batch 1 and the same number of elements",
            f"{wanted} from {list(x.shape)}",
            "Export with a fixed batch of 1.",
        )
    return tuple(wanted)


def lower_pad(node: OnnxNode, x: Activations, pads: tuple[int, ...], value: float) -> Pending:
    """Pad of rows and columns with zeros."""
    _need_map(node, x)
    mode = node.string("mode", "constant")
    spatial = len(pads) == 8 and not any(pads[i] for i in (0, 1, 4, 5))
    if mode != "constant" or value != 0.0 or not spatial or min(pads) < 0:
        raise RefusalError(
            node,
            "Pad must add zeros around rows and columns",
            f"mode {mode}, value {value:g}, pads {list(pads)}",
            "Use constant mode with value 0.",
        )
    op = Pad((pads[2], pads[6], pads[3], pads[7]))
    shape = (1, x.shape[1], x.shape[2] + pads[2] + pads[6], x.shape[3] + pads[3] + pads[7])
    return Pending(op, node, (x,), shape, (), (node.name,), x.quant)


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


def _is_same(
    shape: Shape,
    window: tuple[int, int],
    step: tuple[int, int],
    pads: tuple[int, int, int, int],
) -> bool:
    """Whether pads are none or TensorFlow Lite's SAME (floor before, ceil after)."""
    if not any(pads):
        return True
    for axis in (0, 1):
        size = shape[2 + axis]
        total = max(0, (-(-size // step[axis]) - 1) * step[axis] + window[axis] - size)
        if pads[2 * axis : 2 * axis + 2] != (total // 2, total - total // 2):
            return False
    return True
