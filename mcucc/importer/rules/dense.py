"""Lowering rules for dense layers: Gemm and MatMul."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.layout import byte_order, identity
from mcucc.importer.layout.view import View, made_by
from mcucc.importer.rules.parameters import (
    Parameter,
    add_parameters,
    check_axis,
    read_bias,
    read_weights,
)
from mcucc.importer.rules.rule import Rule
from mcucc.importer.values import RefusalError
from mcucc.importer.walk import Walk
from mcucc.ops.conv import FloatConv2D
from mcucc.ops.dense import FloatDense


def lower_gemm(walk: Walk, node: OnnxNode) -> View:
    """Gemm of [1, N] by a constant; its factors go into the parameters."""
    axis = 0 if node.int("transB", 0) else 1
    x, weights = walk.view(node), read_weights(walk, node, "the weights", axis)
    if node.int("transA", 0) or len(x.shape) != 2 or weights.data.ndim != 2:
        raise RefusalError(
            node,
            "Gemm must read [1, N], not transposed, and a constant matrix",
            f"input {list(x.shape)}, weights {list(weights.data.shape)}, "
            f"transA {node.int('transA', 0)}",
            "Put a Flatten before it.",
        )
    matrix = weights if node.int("transB", 0) else weights.transposed((1, 0))
    alpha, beta = (np.float32(node.float(name, 1.0)) for name in ("alpha", "beta"))
    bias = _times(read_bias(walk, node, matrix.data.shape[0]), beta)
    return _dense(walk, node, x, _times(matrix, alpha), bias)


def _times(parameter: Parameter, factor: np.float32) -> Parameter:
    """A parameter times a number; integers stay where their scales can take it."""
    if factor == 1:
        return parameter
    if parameter.scales is None:
        return Parameter((parameter.data.astype(np.float32) * factor).astype(np.float32))
    scales = (parameter.scales * factor).astype(np.float32)
    if np.all(np.isfinite(scales)) and np.all(scales > 0):
        return replace(parameter, scales=scales)
    shape = [1] * parameter.data.ndim
    if parameter.axis is not None:
        shape[parameter.axis] = -1
    return Parameter((parameter.data.astype(np.float64) * scales.reshape(shape)).astype(np.float32))


def lower_matmul(walk: Walk, node: OnnxNode) -> View:
    """MatMul by a constant matrix: a dense layer, or one per position as a 1x1 convolution."""
    x, weights = walk.view(node), read_weights(walk, node, "the second factor", 1)
    if len(x.shape) < 2 or weights.data.ndim != 2:
        raise RefusalError(
            node,
            "MatMul must multiply an activation by a constant matrix",
            f"{list(x.shape)} by {list(weights.data.shape)}",
            "Only products with constant matrices are supported.",
        )
    matrix = weights.transposed((1, 0))
    _check_length(node, x, matrix)
    check_axis(node, matrix, 0)
    channels = int(matrix.data.shape[0])
    bias = Parameter(np.zeros(channels, dtype=np.float32))
    shape = (*x.shape[:-1], channels)
    positions = math.prod(x.shape[:-1])
    if positions == 1:
        flat = x.reshaped((1, x.shape[-1]))
        return _dense(walk, node, flat, matrix, bias).reshaped(shape)
    column = (1, positions, 1, x.shape[-1])
    tensor = walk.read(x.reshaped(column), identity(4), node)
    kernel = replace(matrix, data=matrix.data[:, None, None, :])
    parameters = add_parameters(walk, node, kernel, bias)
    made = walk.emit(node, FloatConv2D(), (tensor, *parameters))
    return made_by(node, made, (*column[:3], channels)).reshaped(shape)


def _dense(walk: Walk, node: OnnxNode, x: View, matrix: Parameter, bias: Parameter) -> View:
    """A dense layer. Where x is a flattened map its columns are permuted, not the map."""
    _check_length(node, x, matrix)
    check_axis(node, matrix, 0)
    if x.order != byte_order(x.shape, identity(2)):
        places = np.arange(math.prod(x.base)).reshape(x.base).transpose(x.perm).ravel()
        matrix = replace(matrix, data=matrix.data[:, places])
    tensor = walk.viewed_as(x, x.shape, node)
    parameters = add_parameters(walk, node, matrix, bias)
    made = walk.emit(node, FloatDense(), (tensor, *parameters))
    return made_by(node, made, (1, matrix.data.shape[0]))


def _check_length(node: OnnxNode, x: View, matrix: Parameter) -> None:
    if matrix.data.shape[1] != x.shape[-1] or (node.op == "Gemm" and x.shape[0] != 1):
        raise RefusalError(
            node,
            "weights and input must have the same length, at batch 1",
            f"weights for {matrix.data.shape[1]}, input {list(x.shape)}",
            "Check the exporter.",
        )


RULES: Mapping[str, Rule] = {
    "Gemm": Rule(lower_gemm, wish="onnx"),
    "MatMul": Rule(lower_matmul, wish="onnx"),
}
