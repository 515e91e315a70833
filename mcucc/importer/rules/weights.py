"""Lowering rules for operators with parameters: Conv, Gemm, MatMul, BatchNormalization."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.layout import byte_order, channels_last, identity
from mcucc.importer.layout.maps import on_map
from mcucc.importer.layout.view import View, made_by
from mcucc.importer.rules.windows import read_window
from mcucc.importer.values import RefusalError, Weights
from mcucc.importer.walk import Walk
from mcucc.ir import QParams, Shape
from mcucc.ops.conv import FloatConv2D, FloatDepthwiseConv2D
from mcucc.ops.dense import FloatDense
from mcucc.ops.elementwise import FloatBatchNorm


@dataclass(frozen=True, eq=False)
class _Parameter:
    """Weights or a bias, float or with the scales of the file.

    Attributes:
        data: float32, or int8 (a bias: int32).
        scales: None if it is float.
        axis: along which there are several scales; None for one.
    """

    data: NDArray[np.generic]
    scales: NDArray[np.float32] | None = None
    axis: int | None = None

    def transposed(self, order: Sequence[int]) -> "_Parameter":
        """Axis i is the old axis order[i]."""
        axis = None if self.axis is None else list(order).index(self.axis)
        return replace(self, data=self.data.transpose(order), axis=axis)

    @property
    def quant(self) -> QParams | None:
        """The scales as the graph has them."""
        if self.scales is None:
            return None
        return QParams(tuple(float(scale) for scale in self.scales), 0, self.axis)


def lower_conv(walk: Walk, node: OnnxNode) -> View:
    """Conv of one or two dimensions, in groups or not."""
    weights = _weights(walk, node, "the weights")
    x, data = on_map(walk, node), weights.data
    if data.ndim != x.onnx_rank:
        raise _bad_weights(node, x.shape, weights)
    weights = replace(weights, data=data.reshape(*data.shape, *(1,) * (4 - data.ndim)))
    group, (out_c, in_c, rows, columns) = node.int("group", 1), weights.data.shape
    if group < 1 or in_c * group != x.shape[1] or out_c % group or not data.size:
        raise _bad_weights(node, x.shape, weights)
    _check_axis(node, weights, 0)
    window = read_window(x.node, x.shape, (rows, columns))
    attributes = (window.stride, window.dilation, window.pads)
    if group > 1 and in_c == 1:
        # O1HW -> 1HWO
        op, inner = FloatDepthwiseConv2D(*attributes), weights.transposed((1, 2, 3, 0))
    else:
        # OIHW -> OHWI
        op, inner = FloatConv2D(*attributes), weights.transposed((0, 2, 3, 1))
    parameters = _parameters(walk, node, inner, _bias(walk, node, out_c))
    return x.result(walk.emit(node, op, (x.tensor, *parameters)), (1, out_c, *window.output))


def _bad_weights(node: OnnxNode, shape: Shape, weights: _Parameter) -> RefusalError:
    return RefusalError(
        node,
        "the weights must be [output channels, input channels / group, window]",
        f"weights {list(weights.data.shape)}, group {node.int('group', 1)}, input {list(shape)}",
        "Check the exporter.",
    )


def _weights(walk: Walk, node: OnnxNode, what: str) -> _Parameter:
    """The second input of a layer: float, or int8 with the scales of the file."""
    found = walk.symbol(node, 1)
    if not isinstance(found, Weights):
        return _Parameter(walk.constant(node, 1, what))
    if found.data.dtype != np.int8:
        raise RefusalError(
            node, "weights must be int8", f"{found.data.dtype}", "Quantize weights to QInt8."
        )
    if found.zero_points is not None:
        raise RefusalError(
            node,
            "weights must have zero point 0 (128 if they are uint8)",
            f"zero point {found.zero_points[:4].tolist()} as int8",
            "Quantize weights symmetrically (QInt8, WeightSymmetric=True).",
        )
    return _Parameter(found.data, found.scales, found.axis)


def _check_axis(node: OnnxNode, weights: _Parameter, axis: int) -> None:
    if weights.axis not in (None, axis):
        raise RefusalError(
            node,
            "weight scales must run along the output channels",
            f"axis {weights.axis}",
            "Quantize per output channel or per tensor.",
        )


def _bias(walk: Walk, node: OnnxNode, channels: int) -> _Parameter:
    """The third input as one number per channel; zeros if it is left out."""
    if not walk.has(node, 2):
        return _Parameter(np.zeros(channels, dtype=np.float32))
    found = walk.symbol(node, 2)
    given = isinstance(found, Weights)
    data = found.data if given else walk.constant(node, 2, "the bias")
    if data.size not in (1, channels) or data.shape[-1:] not in ((), (1,), (channels,)):
        raise RefusalError(
            node,
            "the bias must be one number per output channel",
            f"{list(data.shape)} for {channels} channel(s)",
            "Check the exporter.",
        )
    if not given:
        return _Parameter(np.broadcast_to(data.ravel(), (channels,)))
    if data.dtype != np.int32 or found.zero_points is not None:
        reals = found.reals().astype(np.float32)
        return _Parameter(np.broadcast_to(reals.ravel(), (channels,)))
    axis = None if found.scales.size == 1 else 0
    return _Parameter(np.broadcast_to(data.ravel(), (channels,)), found.scales, axis)


def _parameters(
    walk: Walk, node: OnnxNode, weights: _Parameter, bias: _Parameter
) -> tuple[str, str]:
    return (
        walk.add_given(f"{node.name}.weights", np.ascontiguousarray(weights.data), weights.quant),
        walk.add_given(f"{node.name}.bias", np.ascontiguousarray(bias.data), bias.quant),
    )


def lower_gemm(walk: Walk, node: OnnxNode) -> View:
    """Gemm of [1, N] by a constant; its factors go into the parameters."""
    x, weights = walk.view(node), _weights(walk, node, "the weights")
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
    bias = _times(_bias(walk, node, matrix.data.shape[0]), beta)
    return _dense(walk, node, x, _times(matrix, alpha), bias)


def _times(parameter: _Parameter, factor: np.float32) -> _Parameter:
    """A parameter times a number; integers stay where their scales can take it."""
    if factor == 1:
        return parameter
    if parameter.scales is None:
        return _Parameter((parameter.data.astype(np.float32) * factor).astype(np.float32))
    scales = (parameter.scales * factor).astype(np.float32)
    if np.all(np.isfinite(scales)) and np.all(scales > 0):
        return replace(parameter, scales=scales)
    shape = [1] * parameter.data.ndim
    if parameter.axis is not None:
        shape[parameter.axis] = -1
    return _Parameter(
        (parameter.data.astype(np.float64) * scales.reshape(shape)).astype(np.float32)
    )


def lower_matmul(walk: Walk, node: OnnxNode) -> View:
    """MatMul by a constant matrix: a dense layer, or one per position as a 1x1 convolution."""
    x, weights = walk.view(node), _weights(walk, node, "the second factor")
    if len(x.shape) < 2 or weights.data.ndim != 2:
        raise RefusalError(
            node,
            "MatMul must multiply an activation by a constant matrix",
            f"{list(x.shape)} by {list(weights.data.shape)}",
            "Only products with constant matrices are supported.",
        )
    matrix = weights.transposed((1, 0))
    _check_length(node, x, matrix)
    _check_axis(node, matrix, 0)
    channels = int(matrix.data.shape[0])
    bias = _Parameter(np.zeros(channels, dtype=np.float32))
    shape = (*x.shape[:-1], channels)
    positions = math.prod(x.shape[:-1])
    if positions == 1:
        flat = x.reshaped((1, x.shape[-1]))
        return _dense(walk, node, flat, matrix, bias).reshaped(shape)
    column = (1, positions, 1, x.shape[-1])
    tensor = walk.read(x.reshaped(column), identity(4), node)
    kernel = replace(matrix, data=matrix.data[:, None, None, :])
    parameters = _parameters(walk, node, kernel, bias)
    made = walk.emit(node, FloatConv2D(), (tensor, *parameters))
    return made_by(node, made, (*column[:3], channels)).reshaped(shape)


def _dense(walk: Walk, node: OnnxNode, x: View, matrix: _Parameter, bias: _Parameter) -> View:
    """A dense layer. Where x is a flattened map its columns are permuted, not the map."""
    _check_length(node, x, matrix)
    _check_axis(node, matrix, 0)
    if x.order != byte_order(x.shape, identity(2)):
        places = np.arange(math.prod(x.base)).reshape(x.base).transpose(x.perm).ravel()
        matrix = replace(matrix, data=matrix.data[:, places])
    tensor = walk.viewed_as(x, x.shape, node)
    parameters = _parameters(walk, node, matrix, bias)
    made = walk.emit(node, FloatDense(), (tensor, *parameters))
    return made_by(node, made, (1, matrix.data.shape[0]))


def _check_length(node: OnnxNode, x: View, matrix: _Parameter) -> None:
    if matrix.data.shape[1] != x.shape[-1] or (node.op == "Gemm" and x.shape[0] != 1):
        raise RefusalError(
            node,
            "weights and input must have the same length, at batch 1",
            f"weights for {matrix.data.shape[1]}, input {list(x.shape)}",
            "Check the exporter.",
        )


def lower_batch_norm(walk: Walk, node: OnnxNode) -> View:
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


def _channels_inside(walk: Walk, node: OnnxNode, x: View) -> View:
    """The view with channels along the last inner axis."""
    perm = channels_last(len(x.shape))
    inner = walk.tensors[x.tensor].shape
    if x.order == byte_order(x.shape, perm) and inner[-1] == x.shape[1]:
        return x
    return View(walk.read(x, perm, node), x.shape, perm, x.shape, x.name)
