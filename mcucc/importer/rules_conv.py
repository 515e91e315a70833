"""Lowering rules for Conv, Gemm and MatMul: operators with weights."""

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.reader import OnnxNode
from mcucc.importer.values import Activations, Parameter, Pending, RefusalError, Weights
from mcucc.importer.windows import read_window
from mcucc.ir import QParams
from mcucc.ops import Conv2D, DepthwiseConv2D, FullyConnected

_BIAS_TOLERANCE = 1e-6
"""Relative: the float32 product s_in * s_w may be off by its rounding."""
_SMALLEST_SCALE, _LARGEST_SCALE = 2.0**-149, 2.0**127
"""Bounds of a bias scale, inside the range of float32."""


def lower_conv(node: OnnxNode, x: Activations, weights: Weights, bias: Weights | None) -> Pending:
    """Conv with group 1 (Conv2D) or group = input channels (DepthwiseConv2D)."""
    if len(x.shape) != 4 or weights.data.ndim != 4:
        raise RefusalError(
            node,
            "a convolution must be two-dimensional",
            f"input {list(x.shape)}, weights {list(weights.data.shape)}",
            "Reshape the input to [1, C, H, W] in the model.",
        )
    depthwise = _is_depthwise(node, x, weights)
    window = read_window(node, x.shape, (weights.data.shape[2], weights.data.shape[3]))
    # OIHW -> OHWI, or O1HW -> 1HWO for depthwise.
    order = (1, 2, 3, 0) if depthwise else (0, 2, 3, 1)
    parameters = _parameters(node, x, weights, bias, order, channel_axis=3 if depthwise else 0)
    op = (DepthwiseConv2D if depthwise else Conv2D)(window.stride, window.dilation, window.pads)
    shape = (1, weights.data.shape[0], *window.output)
    return Pending(op, node, (x,), shape, parameters, (node.name,))


def _is_depthwise(node: OnnxNode, x: Activations, weights: Weights) -> bool:
    channels, group = x.shape[1], node.int("group", 1)
    out_c, in_c = weights.data.shape[:2]
    if group not in (1, channels):
        raise RefusalError(
            node,
            "group must be 1 or the number of input channels",
            f"group {group} of {channels} channels",
            "Split the convolution into one per group.",
        )
    if in_c * group != channels or out_c % group or not weights.data.size:
        raise RefusalError(
            node,
            "the weights must be [output channels, input channels / group, rows, columns]",
            f"weights {list(weights.data.shape)} for {channels} channels in {group} group(s)",
            "Check the exporter.",
        )
    return group > 1


def lower_dense(node: OnnxNode, x: Activations, weights: Weights, bias: Weights | None) -> Pending:
    """Gemm with constant weights, and MatMul of [1, N] by a constant."""
    if node.op == "Gemm" and (
        node.int("transA", 0) or node.float("alpha", 1.0) != 1.0 or node.float("beta", 1.0) != 1.0
    ):
        raise RefusalError(
            node,
            "Gemm must have alpha 1, beta 1 and transA 0",
            f"{dict(node.attributes)}",
            "Fold the factors into weights and bias.",
        )
    transposed = node.op == "Gemm" and bool(node.int("transB", 0))
    order = (0, 1) if transposed else (1, 0)
    if len(x.shape) != 2 or weights.data.ndim != 2 or not weights.data.size:
        raise RefusalError(
            node,
            "a dense layer must read [1, N] and have weights of rank 2",
            f"input {list(x.shape)}, weights {list(weights.data.shape)}",
            "Put a Flatten before it.",
        )
    parameters = _parameters(node, x, weights, bias, order, channel_axis=0)
    matrix = parameters[0].data
    if matrix.shape[1] != x.shape[1]:
        raise RefusalError(
            node,
            "weights and input must have the same length",
            f"{matrix.shape[1]} and {x.shape[1]}",
            "Check the exporter.",
        )
    if x.flattened is not None:
        parameters = (_permute_columns(parameters[0], x.flattened), parameters[1])
    return Pending(FullyConnected(), node, (x,), (1, matrix.shape[0]), parameters, (node.name,))


def _parameters(
    node: OnnxNode,
    x: Activations,
    weights: Weights,
    bias: Weights | None,
    order: tuple[int, ...],
    channel_axis: int,
) -> tuple[Parameter, Parameter]:
    """Weights in inner layout and the bias at scale s_x * s_w."""
    if weights.data.dtype != np.int8:
        raise RefusalError(
            node, "weights must be int8", f"{weights.data.dtype}", "Quantise weights to QInt8."
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
                "Quantise per output channel or per tensor.",
            )
    quant = QParams(tuple(float(s) for s in weights.scales), 0, axis)
    channels = data.shape[channel_axis]
    return Parameter(data, quant), _bias(node, x, quant, bias, channels)


def _bias(
    node: OnnxNode, x: Activations, weights: QParams, bias: Weights | None, channels: int
) -> Parameter:
    expected = x.quant.scale * np.asarray(weights.scales, dtype=np.float64)
    if not _SMALLEST_SCALE <= expected.min() <= expected.max() < _LARGEST_SCALE:
        raise RefusalError(
            node,
            "s_input * s_weight must be a float32 number",
            f"{expected.min():.3g} to {expected.max():.3g}",
            "Calibrate the model again.",
        )
    scales = tuple(expected.astype(np.float32).tolist())
    quant = QParams(scales, 0, None if weights.axis is None else 0)
    if bias is None:
        return Parameter(np.zeros(channels, dtype=np.int32), quant)
    fits = bias.data.shape == (channels,) and bias.scales.size in (1, channels)
    if bias.data.dtype != np.int32 or not fits:
        raise RefusalError(
            node,
            "the bias must be int32, one per output channel",
            f"{bias.data.dtype}{list(bias.data.shape)} with {bias.scales.size} scale(s) "
            f"for {channels} channel(s)",
            "Quantise the bias to int32 at scale s_input * s_weight.",
        )
    _check_bias_scale(node, bias, expected)
    return Parameter(bias.data, quant)


def _check_bias_scale(node: OnnxNode, bias: Weights, expected: NDArray[np.float64]) -> None:
    ratio = bias.scales.astype(np.float64) / expected
    drift = np.abs(bias.data.astype(np.float64) * (ratio - 1.0))
    if np.any((np.abs(ratio - 1.0) > _BIAS_TOLERANCE) & (drift > 0.5)):
        worst = int(np.argmax(np.abs(ratio - 1.0)))
        raise RefusalError(
            node,
            "the bias scale must be s_input * s_weight",
            f"{float(np.atleast_1d(ratio)[worst]):.6g} times that in channel {worst}",
            "Quantise the bias to int32 at scale s_input * s_weight.",
        )


def _permute_columns(weights: Parameter, chw: tuple[int, int, int]) -> Parameter:
    """Reorder the columns of a dense layer from a map's CHW order to the inner HWC order."""
    c, h, w = chw
    rows = weights.data.shape[0]
    data = weights.data.reshape(rows, c, h, w).transpose(0, 2, 3, 1).reshape(rows, -1)
    return Parameter(np.ascontiguousarray(data), weights.quant)
