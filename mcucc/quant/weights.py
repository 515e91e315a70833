"""Weights and biases of one layer to int8 and int32."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import Const, QParams
from mcucc.ops.conv import FloatConv2D, FloatDepthwiseConv2D
from mcucc.ops.dense import FloatDense
from mcucc.quant.means import Correction

_SMALLEST_SCALE = 2.0**-126
_SCALE_OF_ZEROS = 1e-12
_BIAS_TOLERANCE = 1e-6
"""Relative: the float32 product s_in * s_w may be off by its rounding."""
_INT32 = np.iinfo(np.int32)
_BIAS_LIMIT = 2.0**29
"""A bias and its products stay below 2^30, where requantization is cheapest."""


@dataclass(frozen=True)
class QuantizedWeights:
    """Int8 weights and their int32 bias.

    Attributes:
        weights: int8, the float weights' shape.
        bias: int32 [channels] at scale s_in * s_w.
        weight_quant: one scale per output channel; weights of the file may have one for all.
        bias_quant: likewise.
    """

    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    weight_quant: QParams
    bias_quant: QParams


def quantize_weights(
    op: FloatConv2D | FloatDepthwiseConv2D | FloatDense,
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    s_in: float,
    correction: Correction | None,
) -> QuantizedWeights:
    """Quantize symmetrically, one scale per output channel.

    Args:
        op: the layer, whose kind says which inputs a weight meets.
        weights: float32, as the layer has them.
        bias: float32 [channels].
        s_in: scale of the layer's input.
        correction: takes the mean error that rounding the weights makes out of the bias (Nagel et
            al., 2019); None to leave it.
    """
    channel_axis = 3 if isinstance(op, FloatDepthwiseConv2D) else 0
    moved = np.moveaxis(weights.astype(np.float64), channel_axis, 0)
    by_channel = moved.reshape(len(moved), -1)
    largest = np.abs(by_channel).max(axis=1)
    lowest = _SMALLEST_SCALE / min(1.0, s_in)  # the product with s_in is a float32 too
    floor = np.abs(bias.astype(np.float64)) / (s_in * _BIAS_LIMIT)
    least = np.where(largest > 0, 0.0, _SCALE_OF_ZEROS)
    wanted = np.maximum(np.maximum(largest / 127, floor), np.maximum(least, lowest))
    scales = wanted.astype(np.float32)
    quantized = np.clip(np.round(moved / _broadcast(scales, moved.ndim)), -127, 127)
    real_bias = bias.astype(np.float64)
    if correction is not None:
        error = quantized * _broadcast(scales, moved.ndim) - moved
        real_bias = real_bias - correction.effect(op, np.moveaxis(error, 0, channel_axis))
    bias_scales = s_in * scales.astype(np.float64)
    limit = float(2**31 - 1)
    q_bias = np.clip(np.round(real_bias / bias_scales), -limit, limit).astype(np.int32)
    data = np.ascontiguousarray(np.moveaxis(quantized, 0, channel_axis)).astype(np.int8)
    return QuantizedWeights(
        data,
        q_bias,
        QParams(tuple(float(s) for s in scales), 0, channel_axis),
        QParams(tuple(float(np.float32(s)) for s in bias_scales), 0, 0),
    )


def given_weights(weights: Const, bias: Const, s_in: float) -> QuantizedWeights:
    """Int8 weights with scales of the file, and their bias at scale s_in * s_w.

    An int32 bias keeps its integers where the file gives it that very scale; any other is rounded,
    halves to even. What int32 cannot hold saturates.

    Args:
        weights: int8, symmetric, one scale or one per output channel.
        bias: int32 with a scale, or float32; [channels].
        s_in: scale of the layer's input.
    """
    quant = weights.type.q
    expected = s_in * np.asarray(quant.scales, dtype=np.float64)
    scales = tuple(expected.astype(np.float32).tolist())
    bias_quant = QParams(scales, 0, None if quant.axis is None else 0)
    data = weights.data.astype(np.int8)
    return QuantizedWeights(data, _at_scale(bias, expected), quant, bias_quant)


def _at_scale(bias: Const, expected: NDArray[np.float64]) -> NDArray[np.int32]:
    if bias.type.quant is not None:
        ratio = np.asarray(bias.type.quant.scales, dtype=np.float64) / expected
        drift = np.abs(bias.data.astype(np.float64) * (ratio - 1.0))
        if not np.any((np.abs(ratio - 1.0) > _BIAS_TOLERANCE) & (drift > 0.5)):
            return bias.data.astype(np.int32)
    q = np.rint(np.clip(bias.reals() / expected, -(2.0**32), 2.0**32))
    return np.clip(q, _INT32.min, _INT32.max).astype(np.int32)


def _broadcast(scales: NDArray[np.float32], rank: int) -> NDArray[np.float64]:
    return scales.astype(np.float64).reshape(-1, *(1,) * (rank - 1))
