"""Runs a float graph in numpy, many samples at once, a chunk of them at a time."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import cast

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import UsageError
from mcucc.ops import FloatGraph, FloatNode
from mcucc.reference import choice, conv, elementwise, index, movement, pool, resize, softmax
from mcucc.reference.meaning import FloatMeaning
from mcucc.reference.sequence import Arrays, in_sequence

MEANINGS: Mapping[type, FloatMeaning] = MappingProxyType(
    choice.FLOAT
    | conv.FLOAT
    | elementwise.FLOAT
    | index.FLOAT
    | movement.FLOAT
    | pool.FLOAT
    | resize.FLOAT
    | softmax.FLOAT
)
"""What each operator computes; a test holds that none is missing."""

FloatArray = NDArray[np.float32]
FloatValues = dict[str, FloatArray]
"""Samples of the values of a graph by name, each (N, ...) in place of its batch of 1."""

Observer = Callable[[str, FloatArray], None]
"""Is given a value's name and samples (n, ...) of it; must not change or keep them."""

_CHUNK_ELEMENTS = 1 << 23
"""Elements of the largest value that are computed at a time."""


def run_float(
    graph: FloatGraph, inputs: Mapping[str, FloatArray], observe: Observer | None = None
) -> FloatValues:
    """Run a graph on N samples.

    Samples of a graph with states are one sequence: each finds what the one before it left.

    The samples are taken in chunks of a size that depends on the graph alone, so that memory is
    bounded however many there are.

    Args:
        graph: a verified graph.
        inputs: for each input value (by its name inside the graph) float32 (N, ...) in the layout
            of the graph (channels last).
        observe: called for every value, inputs included, in graph order, once per chunk of
            samples. Values are then freed after their last reader.

    Returns:
        Every value of the graph, inputs included; with `observe` only the values behind the
        output ports.

    Raises:
        UsageError: an input is missing, unknown, not float32 or of another shape, or the inputs
            differ in their number of samples.
    """
    count = _checked_count(graph, inputs)
    size = chunk_size(graph)
    kept = set(graph.tensors) if observe is None else set(graph.output_tensors)
    if graph.states:

        def step(given: Arrays) -> FloatValues:
            return _run_chunk(graph, cast("FloatValues", given), observe, kept)

        return cast("FloatValues", in_sequence(graph, inputs, step))
    chunks: list[FloatValues] = []
    for start in range(0, max(count, 1), size):
        part = {name: x[start : start + size] for name, x in inputs.items()}
        chunks.append(_run_chunk(graph, part, observe, kept))
    if len(chunks) == 1:
        return chunks[0]
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def chunk_size(graph: FloatGraph) -> int:
    """How many samples are run at a time."""
    largest = max(tensor.size for tensor in graph.tensors.values())
    return max(1, _CHUNK_ELEMENTS // largest)


def _checked_count(graph: FloatGraph, inputs: Mapping[str, FloatArray]) -> int:
    """The number of samples."""
    expected = {port.tensor: graph.tensors[port.tensor].shape for port in graph.inputs}
    if set(inputs) != set(expected):
        raise UsageError(f"the inputs must be {sorted(expected)}, got {sorted(inputs)}")
    for name, shape in expected.items():
        given = inputs[name]
        if given.dtype != np.float32 or given.shape[1:] != shape[1:]:
            raise UsageError(
                f"input '{name}' must be float32 [N, {', '.join(map(str, shape[1:]))}], "
                f"got {given.dtype} {list(given.shape)}"
            )
    counts = {len(given) for given in inputs.values()}
    if len(counts) != 1:
        raise UsageError("all inputs must have the same number of samples")
    return counts.pop()


def _run_chunk(
    graph: FloatGraph,
    inputs: Mapping[str, FloatArray],
    observe: Observer | None,
    kept: set[str],
) -> FloatValues:
    values = dict(inputs)
    dying = _last_reads(graph)
    for name, x in inputs.items():
        if observe is not None:
            observe(name, x)
    for node in graph.nodes:
        operands = tuple(_operands(graph, node, values))
        values[node.output] = MEANINGS[type(node.op)](node.op, operands)
        if observe is not None:
            observe(node.output, values[node.output])
        for name in {*dying.get(node.name, ()), node.output} - kept:
            if name != node.output or not graph.readers[name]:
                del values[name]
    return {name: value for name, value in values.items() if name in kept}


def _last_reads(graph: FloatGraph) -> dict[str, list[str]]:
    """The values that no node reads after this one, by node name."""
    found: dict[str, list[str]] = {}
    for name in graph.tensors:
        readers = graph.readers[name]
        if readers:
            found.setdefault(readers[-1].name, []).append(name)
    return found


def _operands(graph: FloatGraph, node: FloatNode, values: FloatValues) -> Iterator[FloatArray]:
    """Samples of values; constants as the one sample that serves all."""
    for name in node.inputs:
        if name in values:
            yield values[name]
        else:
            const = graph.const(name)
            quantized = const.type.quant is not None
            yield const.reals().astype(np.float32) if quantized else cast("FloatArray", const.data)
