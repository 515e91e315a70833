"""The numpy meaning of float operators on elements."""

from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from mcucc.ops.float_ops import BinaryKind, FloatClip, FloatUnary

FloatArray = NDArray[np.float32]


def unary(op: FloatUnary, x: FloatArray) -> FloatArray:
    """A function of each element."""
    match op.kind:
        case "sigmoid":
            return _sigmoid(x)
        case "tanh":
            return np.tanh(x)
        case "hard_sigmoid":
            return _clip(np.float32(op.alpha) * x + np.float32(op.beta), 0.0, 1.0)
        case "hard_swish":
            return x * _clip(x + np.float32(3.0), 0.0, 6.0) * np.float32(1.0 / 6.0)
        case "leaky_relu":
            return np.where(x < 0, np.float32(op.alpha) * x, x)
        case "silu":
            return x * _sigmoid(x)
        case "sqrt" | "exp" | "neg":
            return _root_power_sign(op, x)
        case _:
            assert_never(op.kind)


def _root_power_sign(op: FloatUnary, x: FloatArray) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):
        if op.kind == "neg":
            return -x
        return np.sqrt(x) if op.kind == "sqrt" else np.exp(x)


def _sigmoid(x: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x)) without overflow: exp is only taken of negative numbers."""
    power = np.exp(-np.abs(x))
    top = np.where(x < 0, power, np.float32(1.0))
    return np.divide(top, np.float32(1.0) + power, dtype=np.float32)


def clip(op: FloatClip, x: FloatArray) -> FloatArray:
    """Each element limited to [low, high]."""
    return x if op.low is None and op.high is None else _clip(x, op.low, op.high)


def _clip(x: FloatArray, low: float | None, high: float | None) -> FloatArray:
    return np.clip(x, None if low is None else np.float32(low), high, dtype=np.float32)


def binary(kind: BinaryKind, a: FloatArray, b: FloatArray) -> FloatArray:
    """Elementwise arithmetic with broadcasting; a new array."""
    match kind:
        case "add":
            return a + b
        case "sub":
            return a - b
        case "mul":
            return a * b
        case "div":
            return a / b
        case _:
            assert_never(kind)


def batch_norm(
    epsilon: float,
    x: FloatArray,
    scale: FloatArray,
    bias: FloatArray,
    mean: FloatArray,
    variance: FloatArray,
) -> FloatArray:
    """(x - mean) / sqrt(variance + epsilon) * scale + bias along the last axis."""
    factor = (scale / np.sqrt(variance + np.float32(epsilon))).astype(np.float32)
    y: FloatArray = x * factor
    y += bias - mean * factor
    return y


def softmax(x: FloatArray) -> FloatArray:
    """Softmax over the last axis."""
    largest: FloatArray = x.max(axis=-1, keepdims=True)
    power: FloatArray = np.exp(x - largest)
    total: FloatArray = power.sum(axis=-1, keepdims=True)
    return power / total
