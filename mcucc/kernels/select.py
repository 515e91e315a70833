"""Chooses the kernel of each node."""

from collections.abc import Mapping
from functools import reduce
from typing import assert_never

from mcucc.errors import UnsupportedModelError, Violation
from mcucc.kernels.dsp import dsp_kernel
from mcucc.kernels.kernel import Family, Kernel, Window
from mcucc.kernels.mve import mve_kernel
from mcucc.kernels.thumb1 import thumb1_kernel
from mcucc.ops import (
    Add,
    AveragePool2D,
    Clamp,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    HardSwish,
    Int8Graph,
    Int8Node,
    Int8Op,
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
    clamp_range,
)
from mcucc.reference.fixed_point import RequantClass, classify
from mcucc.reference.parameters import max_abs_partial_sum, mul_parameters, requant_classes
from mcucc.targets.board import Core

_MAX_PRODUCT = 255 * 255
"""Largest |product| of two int8 activations less their zero points."""

_PLAIN: Mapping[type[Int8Op], Family] = {
    Add: Family.ADD,
    Sub: Family.SUB,
    Requantize: Family.RESCALE,
    Mean: Family.MEAN,
    Softmax: Family.SOFTMAX,
    Pad: Family.PAD,
    Concat: Family.CONCAT,
    ResizeNearest: Family.RESIZE,
    Transpose: Family.TRANSPOSE,
    Slice: Family.SLICE,
}
"""Operators with a single kernel."""


def select_kernels(graph: Int8Graph, core: Core | None = None) -> Mapping[str, Kernel | None]:
    """The fastest kernel of every node, by node name; None where nothing is executed.

    Args:
        graph: the network.
        core: what it will run on; None for kernels in plain C.

    Raises:
        UnsupportedModelError: some layer's accumulator could overflow an int32.
    """
    violations = tuple(v for node in graph.nodes if (v := _overflow(graph, node)) is not None)
    if violations:
        raise UnsupportedModelError(violations)
    portable = {node.name: _select(graph, node) for node in graph.nodes}
    if core is None:
        return portable
    chosen = ((node, portable[node.name]) for node in graph.nodes)
    return {n.name: None if k is None else _of_unit(graph, n, k, core) for n, k in chosen}


def _of_unit(graph: Int8Graph, node: Int8Node, portable: Kernel, core: Core) -> Kernel:
    """The kernel for the best unit that the core has."""
    if not core.has_dsp:
        return portable if core.has_thumb2 else thumb1_kernel(portable)
    kernel = dsp_kernel(graph, node, portable)
    return mve_kernel(graph, node, portable, kernel) if core.has_mve else kernel


def _select(graph: Int8Graph, node: Int8Node) -> Kernel | None:
    op = node.op
    match op:
        case Conv2D() | DepthwiseConv2D() | FullyConnected():
            return _with_weights(graph, node, op)
        case AveragePool2D():
            return Kernel(Family.AVERAGE_POOL, Window(*op.kernel, op.stride[1]))
        case MaxPool2D():
            return Kernel(Family.MAX_POOL, Window(*op.kernel, op.stride[1]))
        case Mul():
            return _product(graph, node)
        case Clamp() | Logistic() | Tanh() | LeakyRelu() | HardSwish() | Table():
            return Kernel(Family.LOOKUP)
        case Reshape():
            return None
        case (
            Add() | Sub() | Requantize() | Mean() | Softmax()
            | Pad() | Concat() | ResizeNearest() | Transpose() | Slice()
        ):  # fmt: skip
            return Kernel(_PLAIN[type(op)])
        case _:
            assert_never(op)


def _product(graph: Int8Graph, node: Int8Node) -> Kernel:
    """The kernel of a product: of two maps, or of a map and one value per channel."""
    first, second = graph.input_types(node)
    family = Family.MUL if first.shape == second.shape else Family.MUL_CHANNELS
    return Kernel(family, None, classify(_MAX_PRODUCT, mul_parameters(graph, node)))


def _with_weights(
    graph: Int8Graph, node: Int8Node, op: Conv2D | DepthwiseConv2D | FullyConnected
) -> Kernel:
    requant = reduce(RequantClass.join, requant_classes(graph, node))
    x, weights = graph.input_types(node)[:2]
    clamps = clamp_range(op.activation, graph.tensors[node.output].q) != (-128, 127)
    if isinstance(op, FullyConnected):
        return Kernel(Family.DENSE, None, requant, clamps)
    window = Window(weights.shape[1], weights.shape[2], op.stride[1], op.dilation[1])
    if isinstance(op, Conv2D):
        if weights.shape[3] != x.shape[-1]:
            return Kernel(Family.CONV_GROUPED, window, requant)
        if op.is_pointwise(weights):
            return Kernel(Family.POINTWISE, None, requant, clamps)
        return Kernel(Family.CONV, window, requant, clamps)
    multiplied = graph.tensors[node.output].shape[-1] != x.shape[-1]
    family = Family.DEPTHWISE_MULTIPLIED if multiplied else Family.DEPTHWISE
    return Kernel(family, window, requant, clamps)


def _overflow(graph: Int8Graph, node: Int8Node) -> Violation | None:
    """The violation of a layer whose sum of |bias| and |products| does not fit an int32."""
    if not isinstance(node.op, Conv2D | DepthwiseConv2D | FullyConnected):
        return None
    worst = max(max_abs_partial_sum(graph, node))
    if worst < 1 << 31:
        return None
    return Violation(
        node.name,
        type(node.op).__name__,
        "|bias| + 255 * sum|w| of every output channel must stay below 2^31",
        f"{worst} in the worst channel",
        "The bias is too large for its scale: quantize the layer again with a larger weight scale.",
    )
