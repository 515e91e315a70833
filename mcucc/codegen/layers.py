"""The numbers of each layer: its C structure and its constant arrays."""

from typing import assert_never

import numpy as np

from mcucc.codegen.elementwise import elementwise, lookup
from mcucc.codegen.layer import Field, Layer, LayerCode, channel_literal
from mcucc.codegen.literals import int_rows
from mcucc.codegen.movement import movement
from mcucc.codegen.parts import ArrayDef
from mcucc.codegen.weighted import weighted
from mcucc.kernels import Family
from mcucc.ops import (
    Add,
    AveragePool2D,
    Clamp,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    HardSwish,
    LeakyRelu,
    Logistic,
    MaxPool2D,
    Mean,
    Mul,
    Pad,
    Requantize,
    Reshape,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Table,
    Tanh,
    Transpose,
)
from mcucc.reference.parameters import mean_parameters
from mcucc.reference.softmax import softmax_table


def layer_code(layer: Layer) -> LayerCode | None:
    """The code of a layer, None where nothing is executed."""
    op = layer.node.op
    match op:
        case Conv2D() | DepthwiseConv2D() | FullyConnected():
            return weighted(layer, op)
        case Add() | Sub() | Mul() | Requantize():
            return elementwise(layer, op)
        case Clamp() | Logistic() | Tanh() | LeakyRelu() | HardSwish() | Table():
            return lookup(layer)
        case AveragePool2D() | MaxPool2D():
            return _pool(layer, op)
        case Mean():
            return _mean(layer, op)
        case Softmax():
            return _softmax(layer)
        case Pad() | Concat() | ResizeNearest() | Transpose() | Slice():
            return movement(layer, op)
        case Reshape():
            return None
        case _:
            assert_never(op)


def _pool(layer: Layer, op: AveragePool2D | MaxPool2D) -> LayerCode:
    in_h, in_w, in_c = layer.x.hwc
    if layer.family is Family.AVERAGE_ROWS:
        return layer.code([("rows", str(in_h)), ("pixels", str(in_w)), ("c", str(in_c))])
    return layer.code([("in_w", str(in_w)), ("c", str(in_c)), ("pad_left", str(op.pads[2]))])


def _mean(layer: Layer, op: Mean) -> LayerCode:
    p = mean_parameters(layer.graph, layer.node)
    scaling: list[Field] = [
        ("scale", channel_literal(-p.count * layer.x.q.zero_point, p.multiplier)),
        ("output", layer.output_literal()),
    ]
    if layer.family is Family.MEAN_ROWS:
        rows, pixels, c = layer.x.hwc
        sizes: list[Field] = [("rows", str(rows)), ("pixels", str(pixels)), ("c", str(c))]
        return layer.code([*sizes, *scaling])
    outer = int(np.prod(layer.x.shape[: op.axes[0]]))
    fields: list[Field] = [
        ("outer", str(outer)),
        ("count", str(p.count)),
        ("inner", str(layer.x.size // (outer * p.count))),
        *scaling,
    ]
    return layer.code(fields)


def _softmax(layer: Layer) -> LayerCode:
    table = ArrayDef(
        f"{layer.ident}_exponentials",
        "int32_t",
        256,
        int_rows(softmax_table(layer.x.q.scale), 8),
        f"{layer.node.name}: exp(-i * {layer.x.q.scale:.9g}) in Q0.31",
    )
    fields: list[Field] = [
        ("rows", str(layer.x.size // layer.x.shape[-1])),
        ("n", str(layer.x.shape[-1])),
        ("exponentials", layer.array_name(table)),
    ]
    return layer.code(fields, table)
