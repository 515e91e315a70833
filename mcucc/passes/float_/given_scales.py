"""Layers whose weights are int8 with the scales of the file, scaled without rounding."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import Const, DType, QParams, TensorType
from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.conv import FloatDepthwiseConv2D
from mcucc.passes.float_.layers import Reals, float_const
from mcucc.passes.rewriting import fresh_value

_INT32 = np.iinfo(np.int32)


def scale_fault(graph: FloatGraph, node: FloatNode, factors: Reals) -> str | None:
    """Why the int8 weights of a layer cannot take a factor per output channel, None if they can.

    Args:
        graph: knows the layer's constants.
        node: the layer.
        factors: [out_c].
    """
    weights = graph.const(node.inputs[1])
    axis = _channel_axis(node)
    with np.errstate(over="ignore", under="ignore"):
        scales = (_scales(weights, len(factors)) * np.abs(factors))[factors != 0]
        single = scales.astype(np.float32)
    bias = graph.const(node.inputs[2])
    if bias.type.quant is not None:
        scaled = (_scales(bias, len(factors)) * np.abs(factors))[factors != 0].astype(np.float32)
        single = np.concatenate([single, scaled])
    if not np.all(np.isfinite(single)) or np.any(single == 0):
        return f"its scales would leave float32: {scales.min():.3g} to {scales.max():.3g}"
    lowest = np.moveaxis(weights.data, axis, 0).reshape(len(factors), -1).min(axis=1)
    if np.any((lowest == -128) & (factors < 0)):
        return "a weight of -128 cannot change its sign"
    return None


def with_scaled_outputs(
    graph: FloatGraph, node: FloatNode, factors: Reals, shifts: Reals
) -> tuple[FloatNode, Mapping[str, Const]]:
    """The layer times a factor plus a shift per output channel, and its new constants.

    Args:
        graph: knows the layer's constants.
        node: the layer; `scale_fault` has nothing against it.
        factors: [out_c].
        shifts: [out_c].
    """
    weights, bias = (graph.const(name) for name in node.inputs[1:])
    consts = (
        _scaled_weights(graph, node, weights, factors),
        _scaled_bias(fresh_value(graph, f"{node.name}.bias.scaled"), bias, factors, shifts),
    )
    names = tuple(const.name for const in consts)
    return replace(node, inputs=(node.inputs[0], *names)), {const.name: const for const in consts}


def _scaled_weights(graph: FloatGraph, node: FloatNode, weights: Const, factors: Reals) -> Const:
    if np.all(factors == 1):
        return weights
    axis = _channel_axis(node)
    shape = [1] * weights.data.ndim
    shape[axis] = -1
    signs = np.sign(factors).astype(np.int8)
    turned = (weights.data.astype(np.int8) * signs.reshape(shape)).astype(np.int8)
    scales = _scales(weights, len(factors)) * np.where(factors == 0, 1.0, np.abs(factors))
    return _int_const(fresh_value(graph, f"{node.name}.weights.scaled"), turned, scales, axis)


def _scaled_bias(name: str, bias: Const, factors: Reals, shifts: Reals) -> Const:
    """An int32 bias keeps its integers, and its scales take the factor; a float one is computed."""
    if bias.type.quant is None or np.any(factors == 0):
        return float_const(name, bias.reals() * factors + shifts)
    scales = _scales(bias, len(factors)) * np.abs(factors)
    whole = bias.data.astype(np.int64) * np.sign(factors).astype(np.int64)
    whole = whole + np.rint(np.clip(shifts / scales, -(2.0**32), 2.0**32)).astype(np.int64)
    data = np.clip(whole, _INT32.min, _INT32.max).astype(np.int32)
    return _int_const(name, data, scales, 0)


def _int_const(name: str, data: NDArray[np.generic], scales: Reals, axis: int) -> Const:
    quant = QParams(tuple(scales.astype(np.float32).tolist()), 0, axis)
    return Const(name, TensorType(DType(data.dtype.name), data.shape, quant), data)


def _scales(const: Const, channels: int) -> Reals:
    return np.broadcast_to(np.asarray(const.type.q.scales, dtype=np.float64), (channels,))


def _channel_axis(node: FloatNode) -> int:
    return 3 if isinstance(node.op, FloatDepthwiseConv2D) else 0
