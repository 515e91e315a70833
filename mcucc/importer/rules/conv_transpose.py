"""Lowering rule for ConvTranspose: a convolution that makes blocks of pixels.

With a stride s, output s * q + a is a sum of the inputs q, q - 1, ... times the taps a, a + s, ...
of the kernel. So a convolution with one group of channels for each a makes all outputs, and blocks
of pixels of them are the map, of which the padding is cut off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.maps import MapInput, on_map
from mcucc.importer.layout.view import View
from mcucc.importer.rules.blocks import to_space
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
from mcucc.ops.movement import FloatSlice


@dataclass(frozen=True)
class _Axis:
    """How a convolution makes the outputs along one axis.

    Attributes:
        stride: outputs of a block.
        taps: inputs under its window.
        pads: before, behind.
        first: outputs that are cut off before.
        count: outputs that are kept.
        made: outputs that it makes.
    """

    stride: int
    taps: int
    pads: tuple[int, int]
    first: int
    count: int
    made: int


def lower_conv_transpose(walk: Walk, node: OnnxNode) -> View:
    """ConvTranspose of one or two dimensions, in groups or not, without dilation."""
    weights, x = read_weights(walk, node, "the weights", 1), on_map(walk, node)
    if weights.data.ndim != x.onnx_rank:
        raise _bad_weights(x, weights)
    shape = (*weights.data.shape, *(1,) * (4 - weights.data.ndim))
    weights, group = replace(weights, data=weights.data.reshape(shape)), node.int("group", 1)
    if group < 1 or shape[0] != x.shape[1] or shape[0] % group or not weights.data.size:
        raise _bad_weights(x, weights)
    check_axis(node, weights, 1)
    axes = tuple(_axes(x, shape[2:]))
    channels = shape[1] * group
    kernel = _kernel(_ungrouped(weights, group), axes)
    bias = _times(read_bias(walk, node, channels), axes[0].stride * axes[1].stride)
    (top, bottom), (left, right) = (axis.pads for axis in axes)
    block, made = (axes[0].stride, axes[1].stride), (axes[0].made, axes[1].made)
    kept = (axes[0].count, axes[1].count)
    cut = made != kept
    name = f"{node.outputs[0]}.phases" if cut or block != (1, 1) else None
    conv = FloatConv2D(pads=(top, bottom, left, right))
    tensor = walk.emit(node, conv, (x.tensor, *add_parameters(walk, node, kernel, bias)), name)
    if block != (1, 1):
        name = f"{node.outputs[0]}.uncut" if cut else None
        tensor = to_space(walk, node, tensor, block, name)
    if cut:
        op = FloatSlice((0, axes[0].first, axes[1].first, 0), (1, *kept, channels))
        tensor = walk.emit(node, op, (tensor,))
    return x.result(tensor, (1, channels, *kept))


def _bad_weights(x: MapInput, weights: Parameter) -> RefusalError:
    return RefusalError(
        x.node,
        "the weights must be [input channels, output channels / group, window]",
        f"weights {list(weights.data.shape)}, group {x.node.int('group', 1)}, input "
        f"{list(x.shape)}",
        "Check the exporter.",
    )


def _axes(x: MapInput, kernel: Sequence[int]) -> Sequence[_Axis]:
    node = x.node
    strides, dilations = node.ints("strides", (1, 1)), node.ints("dilations", (1, 1))
    extra = (*node.ints("output_padding", (0, 0)), 0)[:2]
    wanted = node.ints("output_shape", ())
    wanted = (*wanted[-(x.onnx_rank - 2) :], 1)[:2] if wanted else None
    if set(dilations) != {1} or min(strides) < 1 or min(extra) < 0:
        raise RefusalError(
            node,
            "a ConvTranspose must have positive strides and no dilation",
            f"strides {list(strides)}, dilations {list(dilations)}",
            "Use a ConvTranspose without dilation.",
        )
    found: list[_Axis] = []
    for axis in (0, 1):
        whole = (x.shape[2 + axis] - 1) * strides[axis] + extra[axis] + kernel[axis]
        before, behind = _pads(x, axis, whole, strides[axis], wanted)
        if min(before, behind) < 0 or whole - before - behind < 1:
            raise RefusalError(
                node,
                "the padding of a ConvTranspose must cut off a part of what it makes",
                f"{before} before and {behind} behind of {whole}",
                "Check the exporter.",
            )
        count = whole - before - behind
        found.append(_axis(x.shape[2 + axis], kernel[axis], strides[axis], before, count))
    return found


def _pads(
    x: MapInput, axis: int, whole: int, stride: int, wanted: Sequence[int] | None
) -> tuple[int, int]:
    """How many of all outputs are cut off before and behind."""
    auto = x.node.string("auto_pad", "NOTSET")
    if wanted is None and auto in ("NOTSET", "VALID"):
        pads = x.node.ints("pads", (0, 0, 0, 0))
        return (pads[axis], pads[axis + 2]) if auto == "NOTSET" else (0, 0)
    size = x.shape[2 + axis] * stride if wanted is None else wanted[axis]
    total = whole - size
    half = total // 2
    return (half, total - half) if auto == "SAME_UPPER" else (total - half, half)


def _axis(size: int, kernel: int, stride: int, before: int, count: int) -> _Axis:
    """The convolution that makes `count` outputs behind the first `before` ones."""
    taps = -(-kernel // stride)
    left_out = min(taps - 1, before // stride)  # blocks that are not made at all
    first, pad = before - left_out * stride, taps - 1 - left_out
    blocks = -(-(first + count) // stride)
    behind = max(0, blocks - size - pad + taps - 1)
    made = size + pad + behind - taps + 1
    return _Axis(stride, taps, (pad, behind), first, count, made * stride)


def _ungrouped(weights: Parameter, group: int) -> Parameter:
    """Weights [input channels, output channels, ..] of all groups, with zeros between groups."""
    if group == 1:
        return weights
    data = weights.data
    inputs, outputs = data.shape[0] // group, data.shape[1]
    whole = np.zeros((data.shape[0], outputs * group, *data.shape[2:]), data.dtype)
    for place in range(group):
        rows = slice(place * inputs, (place + 1) * inputs)
        whole[rows, place * outputs : (place + 1) * outputs] = data[rows]
    scales = weights.scales if weights.axis is None else np.tile(_scales(weights), group)
    return replace(weights, data=whole, scales=scales)


def _kernel(weights: Parameter, axes: Sequence[_Axis]) -> Parameter:
    """OHWI weights of the convolution: output channels (row of a block, column, channel)."""
    rows, columns = axes
    inputs, outputs, height, width = weights.data.shape
    wide = np.zeros(
        (inputs, outputs, rows.taps * rows.stride, columns.taps * columns.stride),
        weights.data.dtype,
    )
    wide[:, :, :height, :width] = weights.data
    split = wide.reshape(inputs, outputs, rows.taps, rows.stride, columns.taps, columns.stride)
    data = split[:, :, ::-1, :, ::-1, :].transpose(3, 5, 1, 2, 4, 0)
    blocks = rows.stride * columns.stride
    data = data.reshape(blocks * outputs, rows.taps, columns.taps, inputs)
    if weights.axis is None:
        return replace(weights, data=data)
    return Parameter(data, np.tile(_scales(weights), blocks), 0)


def _times(bias: Parameter, count: int) -> Parameter:
    """The same numbers for each of several groups of channels."""
    scales = bias.scales if bias.axis is None else np.tile(_scales(bias), count)
    return replace(bias, data=np.tile(bias.data, count), scales=scales)


def _scales(parameter: Parameter) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.ones(1, np.float32) if parameter.scales is None else parameter.scales


RULES: Mapping[str, Rule] = {"ConvTranspose": Rule(lower_conv_transpose)}
