"""Weights and biases of one layer to int8 and int32."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import QParams

_SMALLEST_SCALE = 2.0**-126
_SCALE_OF_ZEROS = 1e-12
_BIAS_LIMIT = 2.0**29
"""A bias and its products stay below 2^30, where requantization is cheapest."""


@dataclass(frozen=True)
class QuantizedWeights:
    """Int8 weights and their int32 bias.

    Attributes:
        weights: int8, the float weights' shape.
        bias: int32 [channels] at scale s_in * s_w.
        weight_quant: one scale per output channel.
        bias_quant: likewise.
    """

    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    weight_quant: QParams
    bias_quant: QParams


def quantize_weights(
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    s_in: float,
    channel_axis: int,
    input_mean: NDArray[np.float64] | None,
) -> QuantizedWeights:
    """Quantize symmetrically, one scale per output channel.

    Args:
        weights: float32; the last axis (or, for depthwise weights, the channel axis itself) runs
            over input channels.
        bias: float32 [channels].
        s_in: scale of the layer's input.
        channel_axis: of the output channels.
        input_mean: mean of the input per channel, for bias correction: the mean error that rounding
            the weights makes is taken out of the bias (Nagel et al., 2019). None switches it off.
    """
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
    if input_mean is not None:
        error = quantized * _broadcast(scales, moved.ndim) - moved
        real_bias = real_bias - _mean_effect(error, input_mean)
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


def _broadcast(scales: NDArray[np.float32], rank: int) -> NDArray[np.float64]:
    return scales.astype(np.float64).reshape(-1, *(1,) * (rank - 1))


def _mean_effect(error: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a weight error [channels, ..., in_c or 1] adds to the mean of each output channel."""
    taps = error.sum(axis=tuple(range(1, error.ndim - 1))) if error.ndim > 2 else error
    if error.ndim == 4 and error.shape[-1] != len(mean):  # depthwise, moved to [out_c, 1, kh, kw]
        return error.sum(axis=(1, 2, 3)) * np.repeat(mean, len(error) // len(mean))
    groups = len(mean) // taps.shape[1]
    each = len(taps) // groups
    means = np.repeat(mean.reshape(groups, -1), each, axis=0)
    return (taps * means).sum(axis=1)
