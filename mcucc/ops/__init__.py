"""The int8 operators: one file per family, one closed union."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import get_args

from mcucc.ir import Graph, Node
from mcucc.ops.base import Activation, Aliasing, Axis, Op, Window, clamp_range
from mcucc.ops.conv import Conv2D, DepthwiseConv2D, Pads, channel_scales
from mcucc.ops.dense import FullyConnected
from mcucc.ops.elementwise import Add, Clamp, Mul, Requantize, Sub
from mcucc.ops.movement import Concat, Pad, Reshape, ResizeNearest, Slice, Transpose
from mcucc.ops.pool import AveragePool2D, MaxPool2D, Mean
from mcucc.ops.softmax import SOFTMAX_QUANT, Softmax
from mcucc.ops.unary import (
    LOGISTIC_QUANT,
    TANH_QUANT,
    HardSwish,
    LeakyRelu,
    Logistic,
    Table,
    Tanh,
)
from mcucc.ops.view import NodeView

Int8Op = (
    Conv2D
    | DepthwiseConv2D
    | FullyConnected
    | Add
    | Requantize
    | AveragePool2D
    | Mean
    | Softmax
    | Reshape
    | Pad
    | Sub
    | Mul
    | Clamp
    | Logistic
    | Tanh
    | LeakyRelu
    | HardSwish
    | Table
    | MaxPool2D
    | Concat
    | ResizeNearest
    | Transpose
    | Slice
)
"""Every int8 operator; what else there is one of for each (kernels, meaning, twin) is a table."""

Int8Graph = Graph[Int8Op]
Int8Node = Node[Int8Op]

INT8_OPS: Mapping[str, type[Int8Op]] = MappingProxyType(
    {op.__name__: op for op in get_args(Int8Op)}
)
"""The operator classes by the name under which the IR's text form knows them."""

__all__ = [
    "INT8_OPS",
    "LOGISTIC_QUANT",
    "SOFTMAX_QUANT",
    "TANH_QUANT",
    "Activation",
    "Add",
    "Aliasing",
    "AveragePool2D",
    "Axis",
    "Clamp",
    "Concat",
    "Conv2D",
    "DepthwiseConv2D",
    "FullyConnected",
    "HardSwish",
    "Int8Graph",
    "Int8Node",
    "Int8Op",
    "LeakyRelu",
    "Logistic",
    "MaxPool2D",
    "Mean",
    "Mul",
    "NodeView",
    "Op",
    "Pad",
    "Pads",
    "Requantize",
    "Reshape",
    "ResizeNearest",
    "Slice",
    "Softmax",
    "Sub",
    "Table",
    "Tanh",
    "Transpose",
    "Window",
    "channel_scales",
    "clamp_range",
]
