"""Lowering rule for Conv."""

from collections.abc import Mapping
from dataclasses import replace

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.maps import on_map
from mcucc.importer.layout.view import View
from mcucc.importer.rules.parameters import (
    Parameter,
    add_parameters,
    check_axis,
    read_bias,
    read_weights,
)
from mcucc.importer.rules.rule import Rule
from mcucc.importer.rules.windows import read_window
from mcucc.importer.values import RefusalError
from mcucc.importer.walk import Walk
from mcucc.ir import Shape
from mcucc.ops.conv import FloatConv2D, FloatDepthwiseConv2D


def lower_conv(walk: Walk, node: OnnxNode) -> View:
    """Conv of one or two dimensions, in groups or not."""
    weights = read_weights(walk, node, "the weights", 0)
    x, data = on_map(walk, node), weights.data
    if data.ndim != x.onnx_rank:
        raise _bad_weights(node, x.shape, weights)
    weights = replace(weights, data=data.reshape(*data.shape, *(1,) * (4 - data.ndim)))
    group, (out_c, in_c, rows, columns) = node.int("group", 1), weights.data.shape
    if group < 1 or in_c * group != x.shape[1] or out_c % group or not data.size:
        raise _bad_weights(node, x.shape, weights)
    check_axis(node, weights, 0)
    window = read_window(x.node, x.shape, (rows, columns))
    attributes = (window.stride, window.dilation, window.pads)
    if group > 1 and in_c == 1:
        # O1HW -> 1HWO
        op, inner = FloatDepthwiseConv2D(*attributes), weights.transposed((1, 2, 3, 0))
    else:
        # OIHW -> OHWI
        op, inner = FloatConv2D(*attributes), weights.transposed((0, 2, 3, 1))
    parameters = add_parameters(walk, node, inner, read_bias(walk, node, out_c))
    return x.result(walk.emit(node, op, (x.tensor, *parameters)), (1, out_c, *window.output))


def _bad_weights(node: OnnxNode, shape: Shape, weights: Parameter) -> RefusalError:
    return RefusalError(
        node,
        "the weights must be [output channels, input channels / group, window]",
        f"weights {list(weights.data.shape)}, group {node.int('group', 1)}, input {list(shape)}",
        "Check the exporter.",
    )


RULES: Mapping[str, Rule] = {"Conv": Rule(lower_conv)}
