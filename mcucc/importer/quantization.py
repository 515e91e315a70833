"""Scales and zero points of QuantizeLinear and DequantizeLinear."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.values import Constant, RefusalError, Weights, describe
from mcucc.importer.walk import Walk
from mcucc.ir import QParams

_ONNX_INT8 = 3
"""The value of TensorProto.INT8 in the attribute output_dtype."""
UNSIGNED_SHIFT = 128
"""What uint8 values are less as int8."""


@dataclass(frozen=True, eq=False)
class _Quantization:
    """Scales float32 and zero points, both flat; no zero points where they are left out."""

    scales: NDArray[np.float32]
    zero_points: NDArray[np.generic] | None


def activation_quant(walk: Walk, node: OnnxNode, dtype: str | None = None) -> QParams:
    """Per-tensor quantization of an activation; that of uint8 is shifted to int8.

    Args:
        walk: the state.
        node: the QuantizeLinear or DequantizeLinear.
        dtype: element type where no zero point says it.
    """
    found = _read(walk, node)
    points = found.zero_points
    if points is None:
        # QuantizeLinear then makes uint8; DequantizeLinear takes what comes.
        signed = node.int("output_dtype", 0) == _ONNX_INT8
        points = np.zeros(1, dtype=dtype or ("int8" if signed else "uint8"))
    if found.scales.size != 1 or points.size != 1 or points.dtype.name not in ("int8", "uint8"):
        raise RefusalError(
            node,
            "activations must be int8 or uint8 with one scale",
            f"{found.scales.size} scale(s), zero point of type {points.dtype}",
            "Quantize activations to QInt8 or QUInt8, per tensor.",
        )
    shift = UNSIGNED_SHIFT if points.dtype == np.uint8 else 0
    return QParams((float(found.scales[0]),), int(points.astype(np.int64)[0]) - shift)


def quantized_constant(walk: Walk, node: OnnxNode, constant: Constant) -> Weights:
    """Weights, a bias or an operand: a constant behind a DequantizeLinear."""
    found, data = _read(walk, node), constant.data
    if data.dtype.name not in ("int8", "uint8", "int32"):
        raise RefusalError(
            node,
            "constants must be quantized to int8 (biases to int32)",
            f"{data.dtype}{list(data.shape)}",
            "Quantize weights to QInt8; mcucc has no 4-bit or 16-bit weights.",
        )
    rank, axis = data.ndim, node.int("axis", 1)
    single = found.scales.size == 1
    inside = -rank <= axis < rank
    if not single and not (inside and data.shape[axis] == found.scales.size):
        raise RefusalError(
            node,
            "there must be one scale, or one per index of the axis",
            f"{found.scales.size} scales along axis {axis} of {list(data.shape)}",
            "Quantize per output channel or per tensor.",
        )
    points = np.zeros(1) if found.zero_points is None else found.zero_points
    points = points.astype(np.int64)
    if data.dtype == np.uint8:  # the same numbers as int8
        data, points = (data.astype(np.int16) - UNSIGNED_SHIFT).astype(np.int8), points - 128
    kept = points if np.any(points) else None
    return Weights(data, found.scales, kept, None if single else axis % rank)


def _read(walk: Walk, node: OnnxNode) -> _Quantization:
    scale = _constant(walk, node, 1, "the scale")
    blocks = node.int("block_size", 0)
    if blocks or scale is None or scale.data.dtype != np.float32 or scale.data.ndim > 1:
        raise RefusalError(
            node,
            "the scale must be float32, one or one per channel",
            describe(scale) + (f" in blocks of {blocks}" if blocks else ""),
            "Export with float32 scales per tensor or per channel, without blocks.",
        )
    scales = scale.data.ravel().astype(np.float32)
    if not scales.size or not np.all(np.isfinite(scales)) or np.any(scales <= 0):
        raise RefusalError(
            node,
            "scales must be finite and positive",
            str(scales.tolist()[:4]),
            "Calibrate the model again.",
        )
    zero = _constant(walk, node, 2, "the zero point")
    if zero is not None and zero.data.size not in (1, scales.size):
        raise RefusalError(
            node,
            "there must be as many zero points as scales",
            f"{zero.data.size} zero points, {scales.size} scales",
            "Check the exporter.",
        )
    return _Quantization(scales, None if zero is None else zero.data.ravel())


def _constant(walk: Walk, node: OnnxNode, index: int, what: str) -> Constant | None:
    """A constant input, None where it is left out."""
    if index >= len(node.inputs) or not node.inputs[index]:
        return None
    found = walk.symbol(node, index)
    if isinstance(found, Constant):
        return found
    raise RefusalError(
        node,
        f"{what} must be constant",
        f"input {index} '{node.inputs[index]}' is {describe(found)}",
        "Use static quantization.",
    )
