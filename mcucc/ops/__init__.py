"""The int8 operators: one file per family, one closed union."""

from collections.abc import Mapping

from mcucc.ir import Graph, Node
from mcucc.ops.base import Activation, Aliasing, Op, RowWindow, clamp_range
from mcucc.ops.conv import Conv2D, DepthwiseConv2D, Pads, channel_scales
from mcucc.ops.dense import FullyConnected
from mcucc.ops.elementwise import Add, Requantize
from mcucc.ops.movement import Pad, Reshape
from mcucc.ops.pool import AveragePool2D, Mean
from mcucc.ops.softmax import SOFTMAX_QUANT, Softmax

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
)
"""Every int8 operator; `match` over it ends in `assert_never`."""

Int8Graph = Graph[Int8Op]
Int8Node = Node[Int8Op]

INT8_OPS: Mapping[str, type[Int8Op]] = {
    op.__name__: op
    for op in (
        Conv2D,
        DepthwiseConv2D,
        FullyConnected,
        Add,
        Requantize,
        AveragePool2D,
        Mean,
        Softmax,
        Reshape,
        Pad,
    )
}
"""The operator classes by the name under which the IR's text form knows them."""

__all__ = [
    "INT8_OPS",
    "SOFTMAX_QUANT",
    "Activation",
    "Add",
    "Aliasing",
    "AveragePool2D",
    "Conv2D",
    "DepthwiseConv2D",
    "FullyConnected",
    "Int8Graph",
    "Int8Node",
    "Int8Op",
    "Mean",
    "Op",
    "Pad",
    "Pads",
    "Requantize",
    "Reshape",
    "RowWindow",
    "Softmax",
    "channel_scales",
    "clamp_range",
]
