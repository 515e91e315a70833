"""Lowering rules for Conv, Gemm and MatMul: operators with weights."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.layout import byte_order, identity
from mcucc.importer.layout.maps import as_map
from mcucc.importer.layout.view import View
from mcucc.importer.rules.windows import read_window
from mcucc.importer.values import (
    Activations,
    Constant,
    Parameter,
    Pending,
    RefusalError,
    Symbol,
    Weights,
    describe,
)
from mcucc.importer.walk import Walk
from mcucc.ir import QParams
from mcucc.ops import Conv2D, DepthwiseConv2D, FullyConnected

_BIAS_TOLERANCE = 1e-6
"""Relative: the float32 product s_in * s_w may be off by its rounding."""
_SMALLEST_SCALE, _LARGEST_SCALE = 2.0**-149, 2.0**127
"""Bounds of a bias scale, inside the range of float32."""
_INT32 = np.iinfo(np.int32)


def lower_conv(walk: Walk, node: OnnxNode) -> Pending:
    """Conv of one or two dimensions, in groups or not."""
    x, weights = walk.real(node), walk.weights(node, 1)
    place = as_map(walk, x.view, node)
    data = weights.data
    if data.ndim != place.onnx_rank:
        raise RefusalError(
            node,
            "a convolution must be two-dimensional, or one-dimensional over a sequence",
            f"input {list(x.shape)}, weights {list(data.shape)}",
            "Reshape the input to [1, C, H, W] in the model.",
        )
    weights = replace(weights, data=data.reshape(*data.shape, *(1,) * (4 - data.ndim)))
    group, (out_c, in_c, rows, columns) = node.int("group", 1), weights.data.shape
    if group < 1 or in_c * group != place.shape[1] or out_c % group or not data.size:
        raise RefusalError(
            node,
            "the weights must be [output channels, input channels / group, window]",
            f"weights {list(data.shape)} for {place.shape[1]} channels in {group} group(s)",
            "Check the exporter.",
        )
    window = read_window(place.node, place.shape, (rows, columns))
    depthwise = group > 1 and in_c == 1
    # OIHW -> OHWI, or O1HW -> 1HWO for depthwise.
    order = (1, 2, 3, 0) if depthwise else (0, 2, 3, 1)
    channel_axis = 3 if depthwise else 0
    parameters = _parameters(walk, node, x, weights, order, channel_axis)
    op = (DepthwiseConv2D if depthwise else Conv2D)(window.stride, window.dilation, window.pads)
    view = place.result("", (1, out_c, *window.output))
    return Pending(op, node, (place.tensor,), view, parameters, (node.name,))


def lower_dense(walk: Walk, node: OnnxNode) -> Pending:
    """Gemm with constant weights, and MatMul by a constant: one row or one per position."""
    x, weights = walk.real(node), walk.weights(node, 1)
    if node.op == "Gemm" and (
        node.int("transA", 0) or node.float("alpha", 1.0) != 1.0 or node.float("beta", 1.0) != 1.0
    ):
        raise RefusalError(
            node,
            "Gemm must have alpha 1, beta 1 and transA 0",
            f"{dict(node.attributes)}",
            "Fold the factors into weights and bias.",
        )
    rank_fits = len(x.shape) == 2 if node.op == "Gemm" else len(x.shape) >= 2
    if not rank_fits or weights.data.ndim != 2 or not weights.data.size:
        raise RefusalError(
            node,
            "a dense layer must read [1, N] and have weights of rank 2",
            f"input {list(x.shape)}, weights {list(weights.data.shape)}",
            "Put a Flatten before it.",
        )
    order = (0, 1) if node.op == "Gemm" and bool(node.int("transB", 0)) else (1, 0)
    weight, bias = _parameters(walk, node, x, weights, order, channel_axis=0)
    if weight.data.shape[1] != x.shape[-1]:
        raise RefusalError(
            node,
            "weights and input must have the same length",
            f"{weight.data.shape[1]} and {x.shape[-1]}",
            "Check the exporter.",
        )
    if math.prod(x.shape[:-1]) > 1:
        return _positions(walk, node, x, (weight, bias))
    return _row(walk, node, x, (weight, bias))


def _row(
    walk: Walk, node: OnnxNode, x: Activations, parameters: tuple[Parameter, Parameter]
) -> Pending:
    """A dense layer of one row."""
    weight, bias = parameters
    flat = x.view.reshaped((1, x.shape[-1]))
    if flat.order != byte_order(flat.shape, identity(2)):
        # A flattened map: the columns of the weights are permuted, not the map.
        places = np.arange(math.prod(flat.base)).reshape(flat.base).transpose(flat.perm).ravel()
        weight = Parameter(np.ascontiguousarray(weight.data[:, places]), weight.quant)
    tensor = walk.shaped(flat, flat.shape, node)
    rows = (1, weight.data.shape[0])
    view = View("", rows, (0, 1), rows, node.outputs[0])
    made = Pending(FullyConnected(), node, (tensor,), view, (weight, bias), (node.name,))
    return replace(made, view=view.reshaped((*x.shape[:-1], rows[1])))


def _positions(
    walk: Walk, node: OnnxNode, x: Activations, parameters: tuple[Parameter, Parameter]
) -> Pending:
    """A dense layer at each position: a 1x1 convolution."""
    weight, bias = parameters
    column = (1, math.prod(x.shape[:-1]), 1, x.shape[-1])
    tensor = walk.read(x.view.reshaped(column), identity(4), node)
    made = (*column[:3], weight.data.shape[0])
    view = View("", made, identity(4), made, node.outputs[0])
    kernel = Parameter(weight.data[:, None, None, :], weight.quant)
    shape = (*x.shape[:-1], made[3])
    return Pending(Conv2D(), node, (tensor,), view.reshaped(shape), (kernel, bias), (node.name,))


def _parameters(
    walk: Walk,
    node: OnnxNode,
    x: Activations,
    weights: Weights,
    order: tuple[int, ...],
    channel_axis: int,
) -> tuple[Parameter, Parameter]:
    """Weights in inner layout and the bias at scale s_x * s_w."""
    if weights.data.dtype != np.int8:
        raise RefusalError(
            node, "weights must be int8", f"{weights.data.dtype}", "Quantize weights to QInt8."
        )
    if weights.zero_points is not None:
        raise RefusalError(
            node,
            "weights must have zero point 0 (128 if they are uint8)",
            f"zero point {weights.zero_points[:4].tolist()} as int8",
            "Quantize weights symmetrically (QInt8, WeightSymmetric=True).",
        )
    data = np.ascontiguousarray(weights.data.transpose(order))
    axis = None
    if weights.axis is not None:
        axis = order.index(weights.axis)
        if axis != channel_axis:
            raise RefusalError(
                node,
                "weight scales must run along the output channels",
                f"axis {weights.axis}",
                "Quantize per output channel or per tensor.",
            )
    quant = QParams(tuple(float(s) for s in weights.scales), 0, axis)
    channels = data.shape[channel_axis]
    found = walk.symbol(node, 2)
    given = len(node.inputs) > 2 and bool(node.inputs[2])
    return Parameter(data, quant), _bias(node, x, quant, found, channels, given=given)


def _bias(
    node: OnnxNode,
    x: Activations,
    weights: QParams,
    bias: Symbol | None,
    channels: int,
    *,
    given: bool,
) -> Parameter:
    expected, quant = bias_quant(node, x.quant, weights)
    if not given:
        return Parameter(np.zeros(channels, dtype=np.int32), quant)
    if isinstance(bias, Constant) and bias.data.dtype.kind == "f":
        return Parameter(quantized_bias(node, bias.data, expected, channels), quant)
    if not isinstance(bias, Weights):
        raise RefusalError(
            node,
            "the bias must be constant: int32 behind a DequantizeLinear, or float",
            f"input 2 is {describe(bias)}",
            "Quantize the bias to int32 at scale s_input * s_weight.",
        )
    fits = bias.data.shape == (channels,) and bias.scales.size in (1, channels)
    if bias.data.dtype != np.int32 or not fits or bias.zero_points is not None:
        raise RefusalError(
            node,
            "the bias must be int32 with zero point 0, one per output channel",
            f"{bias.data.dtype}{list(bias.data.shape)} with {bias.scales.size} scale(s) "
            f"for {channels} channel(s)",
            "Quantize the bias to int32 at scale s_input * s_weight.",
        )
    _check_bias_scale(node, bias, expected)
    return Parameter(bias.data, quant)


def bias_quant(node: OnnxNode, x: QParams, weights: QParams) -> tuple[NDArray[np.float64], QParams]:
    """The scales s_x * s_w, in double precision and as the bias has them."""
    expected = x.scale * np.asarray(weights.scales, dtype=np.float64)
    if not _SMALLEST_SCALE <= expected.min() <= expected.max() < _LARGEST_SCALE:
        raise RefusalError(
            node,
            "s_input * s_weight must be a float32 number",
            f"{expected.min():.3g} to {expected.max():.3g}",
            "Calibrate the model again.",
        )
    scales = tuple(expected.astype(np.float32).tolist())
    return expected, QParams(scales, 0, None if weights.axis is None else 0)


def quantized_bias(
    node: OnnxNode, values: NDArray[np.generic], scales: NDArray[np.float64], channels: int
) -> NDArray[np.int32]:
    """Real numbers at scale s_x * s_w, halves to even; what int32 cannot hold saturates."""
    reals = values.astype(np.float64)
    if reals.size not in (1, channels) or not np.all(np.isfinite(reals)):
        raise RefusalError(
            node,
            "the bias must be one finite number per output channel",
            f"{list(values.shape)} for {channels} channel(s)",
            "Check the exporter.",
        )
    with np.errstate(over="ignore"):
        q = np.rint(np.broadcast_to(reals.ravel(), (channels,)) / scales)
    return np.clip(q, _INT32.min, _INT32.max).astype(np.int32)


def _check_bias_scale(node: OnnxNode, bias: Weights, expected: NDArray[np.float64]) -> None:
    ratio = bias.scales.astype(np.float64) / expected
    drift = np.abs(bias.data.astype(np.float64) * (ratio - 1.0))
    if np.any((np.abs(ratio - 1.0) > _BIAS_TOLERANCE) & (drift > 0.5)):
        worst = int(np.argmax(np.abs(ratio - 1.0)))
        raise RefusalError(
            node,
            "the bias scale must be s_input * s_weight",
            f"{float(np.atleast_1d(ratio)[worst]):.6g} times that in channel {worst}",
            "Quantize the bias to int32 at scale s_input * s_weight.",
        )


def fold_bias(node: OnnxNode, layer: Pending, operand: Weights | Constant) -> Pending | None:
    """An Add of one constant per channel after a layer, as part of its bias.

    None if the layer cannot take it: it has an activation, or the constant has another shape.
    """
    if (
        not isinstance(layer.op, Conv2D | DepthwiseConv2D | FullyConnected)
        or layer.clip is not None
    ):
        return None
    weights, bias = layer.weights
    if weights.quant is None or bias.quant is None:
        return None
    axis = layer.view.perm[-1] if not layer.view.scrambled else None
    whole = operand.reals() if isinstance(operand, Weights) else operand.data.astype(np.float64)
    shape = layer.view.shape
    channels = bias.data.size
    padded = (1,) * (len(shape) - whole.ndim) + whole.shape
    wanted = tuple(channels if a == axis else 1 for a in range(len(shape)))
    if axis is None or (whole.size > 1 and padded != wanted):
        return None
    exact = isinstance(operand, Weights) and operand.data.dtype == np.int32
    scales = np.asarray(bias.quant.scales, dtype=np.float64)
    added = quantized_bias(node, whole, scales, channels).astype(np.int64)
    if (
        exact
        and isinstance(operand, Weights)
        and np.allclose(operand.scales, scales, rtol=_BIAS_TOLERANCE, atol=0.0)
    ):
        added = np.broadcast_to(operand.data.astype(np.int64).ravel(), (channels,))
    total = np.clip(bias.data.astype(np.int64) + added, _INT32.min, _INT32.max).astype(np.int32)
    return replace(
        layer,
        weights=(weights, Parameter(total, bias.quant)),
        view=replace(layer.view, name=node.outputs[0]),
        origin=(*layer.origin, node.name),
    )
