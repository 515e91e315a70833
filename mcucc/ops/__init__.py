"""The operators, float and int8: one file a family, each with a union of its own.

Float operators are classes of their own, so that a stage for int8 graphs cannot be given a float
one. What an imported float network is made of has the inner layout already: maps are [1, H, W, C],
sequences [1, L, C], vectors [1, C]; all values are float32. An operator is imported from its
family.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import get_args

from mcucc.ir import Graph, Node
from mcucc.ops import (
    choice,
    conv,
    dense,
    elementwise,
    index,
    movement,
    padding,
    pool,
    resize,
    softmax,
    unary,
)
from mcucc.ops.base import Activation, Aliasing, Axis, Op, Window, clamp_range
from mcucc.ops.conv import Pads
from mcucc.ops.view import NodeView

Int8Op = (
    conv.Int8
    | dense.Int8
    | elementwise.Int8
    | index.Int8
    | unary.Int8
    | movement.Int8
    | padding.Int8
    | pool.Int8
    | resize.Int8
    | softmax.Int8
)
"""Every int8 operator; what else there is one of for each (kernels, meaning, twin) is a table."""
FloatOp = (
    conv.Float
    | dense.Float
    | choice.Float
    | elementwise.Float
    | index.Float
    | unary.Float
    | movement.Float
    | padding.Float
    | pool.Float
    | resize.Float
    | softmax.Float
)
"""Every float operator; what there is one of for each (meaning, int8 form) is a table."""

Int8Graph = Graph[Int8Op]
Int8Node = Node[Int8Op]
FloatGraph = Graph[FloatOp]
FloatNode = Node[FloatOp]

INT8_OPS: Mapping[str, type[Int8Op]] = MappingProxyType(
    {op.__name__: op for op in get_args(Int8Op)}
)
"""The operator classes by the name under which the IR's text form knows them."""
FLOAT_OPS: Mapping[str, type[FloatOp]] = MappingProxyType(
    {op.__name__: op for op in get_args(FloatOp)}
)
"""The same of float operators."""

__all__ = [
    "FLOAT_OPS",
    "INT8_OPS",
    "Activation",
    "Aliasing",
    "Axis",
    "FloatGraph",
    "FloatNode",
    "FloatOp",
    "Int8Graph",
    "Int8Node",
    "Int8Op",
    "NodeView",
    "Op",
    "Pads",
    "Window",
    "clamp_range",
]
