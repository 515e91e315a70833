"""Gives every value of a float graph its int8 quantization.

TensorFlow Lite's operators tie quantizations together: a pool, a pad or a concatenation copies
values, so its inputs and its output must have one scale. Values that are tied form a group with one
range. Softmax, sigmoid and tanh have one output quantization each and no choice.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mcucc.ir import QParams
from mcucc.ops import LOGISTIC_QUANT, SOFTMAX_QUANT, TANH_QUANT
from mcucc.ops.float_ops import (
    FloatAveragePool2D,
    FloatClip,
    FloatConcat,
    FloatDense,
    FloatGraph,
    FloatMaxPool2D,
    FloatNode,
    FloatPad,
    FloatReshape,
    FloatResizeNearest,
    FloatSlice,
    FloatSoftmax,
    FloatTranspose,
    FloatUnary,
)
from mcucc.quant.observe import Observations
from mcucc.quant.ranges import Observer, Range, choose_range, range_to_quant, with_margin

_MANY = 10_000
"""Numbers that show a distribution's extremes well enough."""

_COPYING = (
    FloatReshape,
    FloatTranspose,
    FloatSlice,
    FloatMaxPool2D,
    FloatAveragePool2D,
    FloatPad,
    FloatConcat,
    FloatResizeNearest,
)


@dataclass(frozen=True)
class Scheme:
    """Quantization of every value.

    Attributes:
        of: by name of the value.
        absorbed: clips that do nothing any more, because the producer's range ends at their
            bounds: name of the clip's output to that of its input.
    """

    of: Mapping[str, QParams]
    absorbed: Mapping[str, str]


def make_scheme(graph: FloatGraph, seen: Observations, observer: Observer) -> Scheme:
    """Choose ranges and quantizations.

    Args:
        graph: after the float passes.
        seen: of calibration inputs, for every value of the graph.
        observer: how a range is chosen from a distribution.
    """
    absorbed = {node.output: node.inputs[0] for node in graph.nodes if absorbs_clip(graph, node)}
    groups = _Groups(graph)
    for node in graph.nodes:
        for name in _tied(graph, node, absorbed):
            groups.join(name, node.output)
    ranges: dict[str, Range] = {}
    for name in graph.tensors:
        if name in absorbed.values() or fixed_quant(graph, name) is not None:
            continue  # a clipped value saturates; its own reach does not matter
        low, high = choose_range(seen.histograms[name], observer)
        if _is_scarce(graph, name, seen):
            low, high = with_margin((low, high), seen.histograms[name].count)
        known = ranges.get(groups.root(name), (0.0, 0.0))
        ranges[groups.root(name)] = (min(low, known[0]), max(high, known[1]))
    of: dict[str, QParams] = {}
    for name in graph.tensors:
        bounds = ranges.get(groups.root(name))
        fixed = fixed_quant(graph, name)
        alone = len(groups.members(name)) == 1
        of[name] = fixed if fixed is not None and (alone or bounds is None) else _quant(bounds)
    return Scheme(of, absorbed)


def fixed_quant(graph: FloatGraph, name: str) -> QParams | None:
    """The only output quantization of the operator that makes a value, None if it has a choice."""
    node = graph.producers.get(name)
    match node.op if node is not None else None:
        case FloatSoftmax():
            return SOFTMAX_QUANT
        case FloatUnary(kind="sigmoid"):
            return LOGISTIC_QUANT
        case FloatUnary(kind="tanh"):
            return TANH_QUANT
        case _:
            return None


def absorbs_clip(graph: FloatGraph, node: FloatNode) -> bool:
    """Whether a Clip can vanish: it alone reads its input, which some operator computes."""
    if not isinstance(node.op, FloatClip):
        return False
    source = node.inputs[0]
    producer = graph.producers.get(source)
    return (
        producer is not None
        and len(graph.readers[source]) == 1
        and source not in graph.output_tensors
        and not isinstance(producer.op, _COPYING)
        and fixed_quant(graph, source) is None
    )


def _is_scarce(graph: FloatGraph, name: str, seen: Observations) -> bool:
    """Whether a value is made of few numbers without bounds: the scores of a classifier.

    A few dozen calibration inputs show few of them, and a score that is clamped is wrong at once.
    """
    node = graph.producers.get(name)
    scores = node is not None and isinstance(node.op, FloatDense) and node.op.activation == "none"
    return scores and seen.histograms[name].count < _MANY


def _tied(graph: FloatGraph, node: FloatNode, absorbed: Mapping[str, str]) -> Iterator[str]:
    """The inputs that must have the quantization of the node's output."""
    if isinstance(node.op, _COPYING):
        yield from graph.variable_inputs(node)
    elif isinstance(node.op, FloatClip) or node.output in absorbed:
        yield node.inputs[0]


def _quant(bounds: Range | None) -> QParams:
    return range_to_quant(bounds or (0.0, 0.0))


class _Groups:
    """Union-find over the names of values."""

    def __init__(self, graph: FloatGraph) -> None:
        self._parent = {name: name for name in graph.tensors}

    def root(self, name: str) -> str:
        while self._parent[name] != name:
            name = self._parent[name]
        return name

    def join(self, first: str, second: str) -> None:
        """The root is the name that comes first in the alphabet: the same on every machine."""
        a, b = sorted((self.root(first), self.root(second)))
        self._parent[b] = a

    def members(self, name: str) -> tuple[str, ...]:
        root = self.root(name)
        return tuple(other for other in self._parent if self.root(other) == root)
