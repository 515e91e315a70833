"""Lowering rules for float operators with parameters: Conv, Gemm, MatMul, BatchNormalization."""

import math
from dataclasses import replace

import numpy as np

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.float_walk import FloatArray, FloatWalk
from mcucc.importer.layout.layout import byte_order, channels_last, identity
from mcucc.importer.layout.maps import on_map
from mcucc.importer.layout.view import View, made_by
from mcucc.importer.rules.windows import read_window
from mcucc.importer.values import RefusalError
from mcucc.ir import Shape
from mcucc.ops.float_ops import (
    FloatBatchNorm,
    FloatConv2D,
    FloatDense,
    FloatDepthwiseConv2D,
)


def lower_conv(walk: FloatWalk, node: OnnxNode) -> View:
    """Conv of one or two dimensions, in groups or not."""
    weights = walk.constant(node, 1, "the weights")
    x = on_map(walk, node)
    if weights.ndim != x.onnx_rank:
        raise _bad_weights(node, x.shape, weights)
    weights = weights.reshape(*weights.shape, *(1,) * (4 - weights.ndim))
    group, (out_c, in_c, rows, columns) = node.int("group", 1), weights.shape
    if group < 1 or in_c * group != x.shape[1] or out_c % group or not weights.size:
        raise _bad_weights(node, x.shape, weights)
    window = read_window(x.node, x.shape, (rows, columns))
    attributes = (window.stride, window.dilation, window.pads)
    if group > 1 and in_c == 1:
        # O1HW -> 1HWO
        op, inner = FloatDepthwiseConv2D(*attributes), weights.transpose(1, 2, 3, 0)
    else:
        # OIHW -> OHWI
        op, inner = FloatConv2D(*attributes), weights.transpose(0, 2, 3, 1)
    parameters = _parameters(walk, node, inner, _bias(walk, node, out_c))
    return x.result(walk.emit(node, op, (x.tensor, *parameters)), (1, out_c, *window.output))


def _bad_weights(node: OnnxNode, shape: Shape, weights: FloatArray) -> RefusalError:
    return RefusalError(
        node,
        "the weights must be [output channels, input channels / group, window]",
        f"weights {list(weights.shape)}, group {node.int('group', 1)}, input {list(shape)}",
        "Check the exporter.",
    )


def _bias(walk: FloatWalk, node: OnnxNode, channels: int) -> FloatArray:
    """The third input as one number per channel; zeros if it is left out."""
    if not walk.has(node, 2):
        return np.zeros(channels, dtype=np.float32)
    bias = walk.constant(node, 2, "the bias")
    if bias.size not in (1, channels) or bias.shape[-1:] not in ((), (1,), (channels,)):
        raise RefusalError(
            node,
            "the bias must be one number per output channel",
            f"{list(bias.shape)} for {channels} channel(s)",
            "Check the exporter.",
        )
    return np.broadcast_to(bias.ravel(), (channels,))


def _parameters(
    walk: FloatWalk, node: OnnxNode, weights: FloatArray, bias: FloatArray
) -> tuple[str, str]:
    return (
        walk.add_const(f"{node.name}.weights", np.ascontiguousarray(weights)),
        walk.add_const(f"{node.name}.bias", np.ascontiguousarray(bias)),
    )


def lower_gemm(walk: FloatWalk, node: OnnxNode) -> View:
    """Gemm of [1, N] by a constant; its factors go into the parameters."""
    x, weights = walk.view(node), walk.constant(node, 1, "the weights")
    if node.int("transA", 0) or len(x.shape) != 2 or weights.ndim != 2:
        raise RefusalError(
            node,
            "Gemm must read [1, N], not transposed, and a constant matrix",
            f"input {list(x.shape)}, weights {list(weights.shape)}, transA {node.int('transA', 0)}",
            "Put a Flatten before it.",
        )
    matrix = weights if node.int("transB", 0) else weights.T
    alpha, beta = (np.float32(node.float(name, 1.0)) for name in ("alpha", "beta"))
    bias = _bias(walk, node, matrix.shape[0]) * beta
    return _dense(walk, node, x, matrix * alpha, bias)


def lower_matmul(walk: FloatWalk, node: OnnxNode) -> View:
    """MatMul by a constant matrix: a dense layer, or one per position as a 1x1 convolution."""
    x, weights = walk.view(node), walk.constant(node, 1, "the second factor")
    if len(x.shape) < 2 or weights.ndim != 2:
        raise RefusalError(
            node,
            "MatMul must multiply an activation by a constant matrix",
            f"{list(x.shape)} by {list(weights.shape)}",
            "Only products with constant matrices are supported.",
        )
    _check_length(node, x, weights.T)
    bias = np.zeros(weights.shape[1], dtype=np.float32)
    shape = (*x.shape[:-1], weights.shape[1])
    positions = math.prod(x.shape[:-1])
    if positions == 1:
        flat = x.reshaped((1, x.shape[-1]))
        return _dense(walk, node, flat, weights.T, bias).reshaped(shape)
    column = (1, positions, 1, x.shape[-1])
    tensor = walk.read(x.reshaped(column), identity(4), node)
    parameters = _parameters(walk, node, weights.T[:, None, None, :], bias)
    made = walk.emit(node, FloatConv2D(), (tensor, *parameters))
    return made_by(node, made, (*column[:3], weights.shape[1])).reshaped(shape)


def _dense(walk: FloatWalk, node: OnnxNode, x: View, matrix: FloatArray, bias: FloatArray) -> View:
    """A dense layer. Where x is a flattened map its columns are permuted, not the map."""
    _check_length(node, x, matrix)
    if x.order != byte_order(x.shape, identity(2)):
        places = np.arange(math.prod(x.base)).reshape(x.base).transpose(x.perm).ravel()
        matrix = matrix[:, places]
    tensor = walk.shaped(x, x.shape, node)
    parameters = _parameters(walk, node, matrix, bias)
    made = walk.emit(node, FloatDense(), (tensor, *parameters))
    return made_by(node, made, (1, matrix.shape[0]))


def _check_length(node: OnnxNode, x: View, matrix: FloatArray) -> None:
    if matrix.shape[1] != x.shape[-1] or (node.op == "Gemm" and x.shape[0] != 1):
        raise RefusalError(
            node,
            "weights and input must have the same length, at batch 1",
            f"weights for {matrix.shape[1]}, input {list(x.shape)}",
            "Check the exporter.",
        )


def lower_batch_norm(walk: FloatWalk, node: OnnxNode) -> View:
    """BatchNormalization at inference, along the channels."""
    x = walk.view(node)
    names = ("scale", "bias", "mean", "variance")
    parameters = [walk.constant(node, 1 + i, f"the {name}") for i, name in enumerate(names)]
    channels = x.shape[1] if len(x.shape) > 1 else 0
    fits = all(p.shape == (channels,) for p in parameters) and channels
    if node.int("training_mode", 0) or not node.int("spatial", 1) or not fits:
        raise RefusalError(
            node,
            "BatchNormalization must be in inference mode, one parameter per channel",
            f"input {list(x.shape)}, parameters {[list(p.shape) for p in parameters]}, "
            f"training_mode {node.int('training_mode', 0)}",
            "Export the network in evaluation mode.",
        )
    if parameters[3].min() < 0:
        raise RefusalError(
            node, "the variance must not be negative", f"{parameters[3].min():g}", "Train it again."
        )
    x = _channels_inside(walk, node, x)
    consts = [
        walk.add_const(f"{node.name}.{name}", data)
        for name, data in zip(names, parameters, strict=True)
    ]
    made = walk.emit(node, FloatBatchNorm(node.float("epsilon", 1e-5)), (x.tensor, *consts))
    return replace(x, tensor=made, name=node.outputs[0])


def _channels_inside(walk: FloatWalk, node: OnnxNode, x: View) -> View:
    """The view with channels along the last inner axis."""
    perm = channels_last(len(x.shape))
    inner = walk.tensors[x.tensor].shape
    if x.order == byte_order(x.shape, perm) and inner[-1] == x.shape[1]:
        return x
    return View(walk.read(x, perm, node), x.shape, perm, x.shape, x.name)
