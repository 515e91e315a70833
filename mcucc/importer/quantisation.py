"""Scales and zero points of QuantizeLinear and DequantizeLinear."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.reader import OnnxNode
from mcucc.importer.values import Constant, RefusalError, Weights, describe
from mcucc.importer.walk import Walk
from mcucc.ir import QParams

_ONNX_INT8 = 3
"""The value of TensorProto.INT8 in the attribute output_dtype."""


@dataclass(frozen=True, eq=False)
class _Quantisation:
    """Scales float32 and zero points, both flat; no zero points where they are left out."""

    scales: NDArray[np.float32]
    zero_points: NDArray[np.generic] | None


def activation_quant(walk: Walk, node: OnnxNode) -> QParams:
    """Per-tensor int8 quantisation of an activation."""
    found = _read(walk, node)
    points = found.zero_points
    if points is None:
        # QuantizeLinear then makes uint8; DequantizeLinear takes what comes, which is checked.
        made = _ONNX_INT8 if node.op == "DequantizeLinear" else node.int("output_dtype", 0)
        points = np.zeros(1, dtype=np.int8 if made == _ONNX_INT8 else np.uint8)
    if found.scales.size != 1 or points.size != 1 or points.dtype != np.int8:
        raise RefusalError(
            node,
            "activations must be int8 with one scale",
            f"{found.scales.size} scale(s), zero point of type {points.dtype}",
            "Quantise activations to QInt8, per tensor.",
        )
    return QParams((float(found.scales[0]),), int(points[0]))


def quantised_constant(walk: Walk, node: OnnxNode, constant: Constant) -> Weights:
    """Weights or a bias: a constant behind a DequantizeLinear, symmetric."""
    found = _read(walk, node)
    if found.zero_points is not None and np.any(found.zero_points != 0):
        raise RefusalError(
            node,
            "weights must have zero point 0",
            f"zero point {found.zero_points[:4].tolist()}",
            "Quantise weights symmetrically (QInt8, WeightSymmetric=True).",
        )
    if found.scales.size == 1:
        return Weights(constant.data, found.scales, None)
    rank, axis = constant.data.ndim, node.int("axis", 1)
    inside = -rank <= axis < rank
    if not inside or constant.data.shape[axis] != found.scales.size:
        raise RefusalError(
            node,
            "there must be one scale, or one per index of the axis",
            f"{found.scales.size} scales along axis {axis} of {list(constant.data.shape)}",
            "Quantise per output channel or per tensor.",
        )
    return Weights(constant.data, found.scales, axis % rank)


def _read(walk: Walk, node: OnnxNode) -> _Quantisation:
    scale = _constant(walk, node, 1, "the scale")
    if scale is None or scale.data.dtype != np.float32 or scale.data.ndim > 1:
        raise RefusalError(
            node,
            "the scale must be float32, one or one per channel",
            describe(scale),
            "Export with float32 scales, without blocks.",
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
    return _Quantisation(scales, None if zero is None else zero.data.ravel())


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
        "Use static quantisation.",
    )
