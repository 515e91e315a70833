"""Runs an int8 graph in numpy, many samples at once."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import UsageError
from mcucc.ops import Int8Graph, Int8Op, NodeView
from mcucc.reference import conv, elementwise, index, movement, pool, resize, softmax
from mcucc.reference.meaning import Int8Meaning
from mcucc.reference.sequence import in_sequence

MEANINGS: Mapping[type, Int8Meaning] = MappingProxyType(
    conv.INT8
    | elementwise.INT8
    | index.INT8
    | movement.INT8
    | pool.INT8
    | resize.INT8
    | softmax.INT8
)
"""What each operator computes; a test holds that none is missing."""

Values = dict[str, NDArray[np.int8]]
"""Samples of the values of a graph by name, each (N, ...) in place of its batch of 1; an int32
value as its bytes (`mcucc/reference/index.py`)."""


def run(graph: Int8Graph, inputs: Mapping[str, NDArray[np.int8]]) -> Values:
    """Run a graph on N samples.

    Samples of a graph with states are one sequence: each finds what the one before it left.

    Args:
        graph: a verified graph.
        inputs: for each input value (by its name inside the graph) int8 (N, ...) in the layout
            of the graph (NHWC).

    Returns:
        Every value of the graph, inputs included.

    Raises:
        UsageError: an input is missing, unknown, not int8 or of another shape, or the inputs
            differ in their number of samples.
    """
    values = _checked_inputs(graph, inputs)
    if graph.states:
        made = in_sequence(graph, values, lambda step: _run(graph, cast("Values", step)))
        return cast("Values", made)
    return _run(graph, values)


def _run(graph: Int8Graph, values: Values) -> Values:
    """Computes all values of a graph beside those that are given."""
    for node in graph.nodes:
        taken = node.inputs if node.op.joins else node.inputs[:1]
        operands = [_operand(graph, name, values) for name in taken]
        values[node.output] = MEANINGS[type(node.op)](NodeView[Int8Op](graph, node), operands)
    return values


def _checked_inputs(graph: Int8Graph, inputs: Mapping[str, NDArray[np.int8]]) -> Values:
    expected = {port.tensor: graph.tensors[port.tensor].shape for port in graph.inputs}
    if set(inputs) != set(expected):
        raise UsageError(f"the inputs must be {sorted(expected)}, got {sorted(inputs)}")
    for name, shape in expected.items():
        given = inputs[name]
        if given.dtype != np.int8 or given.shape[1:] != shape[1:]:
            raise UsageError(
                f"input '{name}' must be int8 [N, {', '.join(map(str, shape[1:]))}], "
                f"got {given.dtype} {list(given.shape)}"
            )
    if len({len(given) for given in inputs.values()}) > 1:
        raise UsageError("all inputs must have the same number of samples")
    return dict(inputs)


def _operand(graph: Int8Graph, name: str, values: Values) -> NDArray[np.int8]:
    """Samples of a value, or a constant as the one sample that serves all."""
    if name in values:
        return values[name]
    return cast("NDArray[np.int8]", graph.const(name).data)
