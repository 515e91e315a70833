"""Int8 forms of pools and means."""

from collections.abc import Mapping

from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.pool import (
    AveragePool2D,
    FloatAveragePool2D,
    FloatMaxPool2D,
    FloatMean,
    MaxPool2D,
    Mean,
)
from mcucc.quant.conversion import CannotQuantizeError, Conversion, Form


def mean(to: Conversion, node: FloatNode, op: FloatMean) -> None:
    """A mean; a pool over the whole map at one quantization divides its sum once."""
    _check_mean(to.graph, node, op)
    x = node.inputs[0]
    _, *window, _ = to.graph.tensors[x].shape
    if op.pools and to.scheme.of[x] == to.scheme.of[node.output]:
        to.emit(node, AveragePool2D((window[0], window[1])))
    else:
        to.emit(node, Mean(op.axes, op.keep_dims, op.sums))


def _check_mean(graph: FloatGraph, node: FloatNode, op: FloatMean) -> None:
    """Demand adjacent axes that are not the last one, which holds the channels."""
    shape = graph.type_of(node.inputs[0]).shape
    adjacent = op.axes == tuple(range(min(op.axes), max(op.axes) + 1))
    if not adjacent or max(op.axes) == len(shape) - 1:
        raise CannotQuantizeError(
            "a mean must be over adjacent axes, and not over the channels (the last axis inside)",
            f"axes {list(op.axes)} of {list(shape)} (inner layout)",
            "Transpose before the mean, or use a convolution with equal weights.",
        )


def max_pool(to: Conversion, node: FloatNode, op: FloatMaxPool2D) -> None:
    """The same window."""
    to.emit(node, MaxPool2D(op.kernel, op.stride, op.pads))


def average_pool(to: Conversion, node: FloatNode, op: FloatAveragePool2D) -> None:
    """The same window."""
    to.emit(node, AveragePool2D(op.kernel, op.stride, op.pads))


FORMS: Mapping[type, Form] = {
    FloatAveragePool2D: average_pool,
    FloatMaxPool2D: max_pool,
    FloatMean: mean,
}
