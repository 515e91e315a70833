"""Lowering rule for arithmetic with constants: one factor and one offset per channel."""

import math

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.layout import Perm, channels_last, identity
from mcucc.importer.layout.view import View
from mcucc.importer.rules.qdq_conv import bias_quant, quantized_bias
from mcucc.importer.values import Activations, Parameter, Pending, RefusalError
from mcucc.importer.walk import Walk
from mcucc.ir import QParams, Shape
from mcucc.ops import DepthwiseConv2D

Reals = NDArray[np.float64]

_UNIT = 64
"""The weight of a layer that only scales: 2^-6 times it is exactly 1."""


def lower_affine(
    walk: Walk, node: OnnxNode, x: Activations, factor: Reals, offset: Reals
) -> Pending:
    """Factor * x + offset: a depthwise 1x1 convolution, which rounds once.

    Args:
        walk: the state.
        node: the ONNX node.
        x: what is scaled.
        factor: one number, or one per channel; broadcasts against x in ONNX layout.
        offset: likewise.
    """
    view = walk.straight(x.view, node)
    rank = len(view.shape)
    for perm in (view.perm, channels_last(rank), identity(rank)):
        scale, shift = (_by_channel(values, view.shape, perm) for values in (factor, offset))
        if scale is not None and shift is not None:
            parameters = _parameters(node, x.quant, scale, shift)
            tensor = _as_map(walk, node, view, perm)
            made = View("", view.shape, perm, view.shape, node.outputs[0])
            return Pending(DepthwiseConv2D(), node, (tensor,), made, parameters, (node.name,))
    raise RefusalError(
        node,
        "a constant operand must be one number, or one per channel",
        f"{list(max(factor.shape, offset.shape, key=len))} with {list(x.shape)}",
        "Use a constant that broadcasts along all axes but the channels.",
    )


def _as_map(walk: Walk, node: OnnxNode, view: View, perm: Perm) -> str:
    """An inner value [1, H, W, C] with the bytes of a layout, whose last axis is C."""
    tensor = walk.read(view, perm, node)
    if len(walk.tensors[tensor].shape) == 4:
        return tensor
    channels = view.shape[perm[-1]]
    named = View(tensor, view.shape, perm, view.shape, view.name, view.origin)
    return walk.shaped(named, (1, math.prod(view.shape) // channels, 1, channels), node)


def _parameters(
    node: OnnxNode, x: QParams, scale: Reals, shift: Reals
) -> tuple[Parameter, Parameter]:
    """Weights [1, 1, 1, C] and the bias at scale s_x * s_w."""
    with np.errstate(over="ignore", under="ignore"):
        scales = np.where(scale == 0, 1.0, np.abs(scale) / _UNIT).astype(np.float32)
    if not np.all(np.isfinite(scales)) or np.any(scales == 0):
        raise RefusalError(
            node,
            "a constant factor must be a moderate number",
            f"{np.abs(scale).min():.3g} to {np.abs(scale).max():.3g}",
            "Check the training, or the export.",
        )
    weights = np.where(scale == 0, 0, np.copysign(_UNIT, scale)).astype(np.int8)
    quant = QParams(tuple(float(s) for s in scales), 0, 3)
    expected, of_bias = bias_quant(node, x, quant)
    bias = quantized_bias(node, shift, expected, scale.size)
    return Parameter(weights.reshape(1, 1, 1, -1), quant), Parameter(bias, of_bias)


def _by_channel(values: Reals, shape: Shape, perm: Perm) -> Reals | None:
    """One number per index of the last inner axis, None if there are more."""
    padded = (1,) * (len(shape) - values.ndim) + values.shape
    if len(padded) != len(shape) or any(
        n not in (1, size) for n, size in zip(padded, shape, strict=True)
    ):
        return None
    whole = np.broadcast_to(values, shape).transpose(perm)
    rows = whole.reshape(-1, whole.shape[-1])
    return np.array(rows[0]) if np.all(rows == rows[0]) else None
