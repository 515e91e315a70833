"""Completes a pending result once its output quantization is known."""

import math
from dataclasses import replace

import numpy as np

from mcucc.importer.values import Parameter, Pending
from mcucc.ir import QParams
from mcucc.ops import (
    Activation,
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Mul,
    Sub,
)
from mcucc.reference.elementwise import float_unary
from mcucc.reference.fixed_point import dequantize, quantize

_ACTIVATIONS: dict[tuple[float, float], Activation] = {
    (0.0, math.inf): "relu",
    (0.0, 6.0): "relu6",
}


def complete(pending: Pending, x: QParams, quant: QParams) -> Pending:
    """The result with everything that depends on quantizations.

    Args:
        pending: a result.
        x: quantization of its first input.
        quant: of the result.
    """
    if pending.node.op == "GlobalAveragePool" and quant == x and pending.window is not None:
        # A sum that is divided once, without requantization.
        pending = replace(pending, op=AveragePool2D(pending.window), fixed=quant)
    if pending.function is not None:
        every = np.arange(-128, 128, dtype=np.int64).astype(np.int8)
        table = quantize(float_unary(pending.function, dequantize(every, x)), quant)
        pending = replace(pending, weights=(Parameter(table, None),))
    activation = None if pending.clip is None else _ACTIVATIONS.get(pending.clip)
    op = pending.op
    fuses = isinstance(op, Conv2D | DepthwiseConv2D | FullyConnected | Add | Sub | Mul)
    if activation is not None and fuses:
        return replace(pending, op=replace(op, activation=activation), clip=None)
    return pending


def clamp_bounds(pending: Pending, quant: QParams) -> tuple[int, int] | None:
    """Int8 bounds of a Clip that no fused activation does, None if all values lie within."""
    if pending.clip is None:
        return None
    low, high = quantize(np.array(pending.clip, dtype=np.float32), quant).tolist()
    return None if (low, high) == (-128, 127) else (low, high)
