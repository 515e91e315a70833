"""Gives every value of a float graph its int8 quantization.

TensorFlow Lite's operators tie quantizations together: a pool, a pad or a concatenation copies
values, so its inputs and its output must have one scale. Values that are tied form a group with one
range. Softmax, sigmoid and tanh have one output quantization each in TensorFlow Lite: it is theirs
unless nothing but a join at another scale reads them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from mcucc.errors import UnsupportedModelError, Violation
from mcucc.ir import DType, QParams
from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.dense import FloatDense
from mcucc.ops.elementwise import FloatClip, FloatFakeQuant
from mcucc.ops.softmax import FloatSoftmax
from mcucc.ops.unary import FloatUnary
from mcucc.quant.given import Given, absorbs_clip, given_quants
from mcucc.quant.observe import Observations
from mcucc.quant.ranges import (
    Function,
    Observer,
    Range,
    choose_range,
    range_to_quant,
    with_margin,
)
from mcucc.reference.unary import float_unary

_MANY = 10_000
"""Numbers that show a distribution's extremes well enough."""

_SHOWN = 3
"""Names that a message lists."""

_UNREAD = {
    DType.FLOAT32: QParams((1.0,), 0),
    DType.INT8: QParams((1.0,), 0),
    DType.UINT8: QParams((1.0,), -128),
}
"""The quantization of an input that nobody reads: whole numbers as they are."""


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
    given = {**_unread(graph), **given_quants(graph)}
    absorbed = {
        node.output: node.inputs[0]
        for node in graph.nodes
        if node.output not in given and absorbs_clip(graph, node)
    }
    groups = _Groups(graph)
    for node in graph.nodes:
        for name in _tied(graph, node, absorbed, given):
            groups.join(name, node.output)
    for state in graph.states:
        if state.source not in given and state.update not in given:
            groups.join(state.source, state.update)
    ranges: dict[str, Range] = {}
    for name in graph.tensors:
        if name in absorbed.values() or name in given:
            continue  # a clipped value saturates; its own reach does not matter
        low, high = choose_range(seen.histograms[name], observer, _functions(graph, name))
        if _is_scarce(graph, name, seen):
            low, high = with_margin((low, high), seen.histograms[name].count)
        known = ranges.get(groups.root(name), (0.0, 0.0))
        ranges[groups.root(name)] = (min(low, known[0]), max(high, known[1]))
    calibrated = {
        name: _quant(ranges.get(groups.root(name))) for name in graph.tensors if name not in given
    }
    return Scheme(_rounded_once(graph, {**calibrated, **given}), absorbed)


def uncalibrated(graph: FloatGraph) -> tuple[str, ...]:
    """The values of a network whose quantization only calibration can say, in graph order.

    Args:
        graph: after the float passes.
    """
    known = {**_unread(graph), **given_quants(graph)}
    return tuple(name for name in graph.tensors if name not in known)


def demand_scales(graph: FloatGraph) -> None:
    """Refuse a network that has values whose quantization only calibration can say.

    Raises:
        UnsupportedModelError: names them.
    """
    missing = uncalibrated(graph)
    if not missing:
        return
    first = graph.producers.get(missing[0])
    shown = ", ".join(f"'{name}'" for name in missing[:_SHOWN])
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    violation = Violation(
        missing[0] if first is None else first.name,
        "Input" if first is None else type(first.op).__name__.removeprefix("Float"),
        "a value must have a scale: of its file, or of calibration inputs",
        f"the file quantizes other values, but not {shown}{more}",
        "Give calibration inputs with --calib, or quantize these values too.",
    )
    raise UnsupportedModelError((violation,))


def _unread(graph: FloatGraph) -> Given:
    """Inputs that nobody reads, as whole numbers."""
    return {
        port.tensor: _UNREAD[port.dtype]
        for port in graph.inputs
        if brings_scales(graph) and not graph.readers[port.tensor]
    }


def brings_scales(graph: FloatGraph) -> bool:
    """Whether the file quantizes at least one value."""
    return any(isinstance(node.op, FloatFakeQuant) for node in graph.nodes)


def _is_scarce(graph: FloatGraph, name: str, seen: Observations) -> bool:
    """Whether a value is made of few numbers without bounds: the scores of a classifier.

    A few dozen calibration inputs show few of them, and a score that is clamped is wrong at once.
    """
    node = graph.producers.get(name)
    scores = node is not None and isinstance(node.op, FloatDense) and node.op.activation == "none"
    return scores and seen.histograms[name].count < _MANY


def _functions(graph: FloatGraph, name: str) -> Sequence[Function]:
    """The functions that read a value, if all that reads it are functions that become tables."""
    if name in (port.tensor for port in graph.outputs):
        return ()
    functions = [reader.op for reader in graph.readers[name]]
    tables = [op for op in functions if isinstance(op, FloatUnary) and op.tabulated]
    return [partial(float_unary, op) for op in tables] if len(tables) == len(functions) else ()


def _tied(
    graph: FloatGraph, node: FloatNode, absorbed: Mapping[str, str], given: Given
) -> Iterator[str]:
    """The inputs that must have the quantization of the node's output, where none is given."""
    if node.output in given or (node.inputs[0] in given and not node.op.rescales):
        return
    if node.op.copies:
        yield from (name for name in graph.variable_inputs(node) if name not in given)
    elif isinstance(node.op, FloatClip) or node.output in absorbed:
        yield node.inputs[0]


def _rounded_once(graph: FloatGraph, of: Mapping[str, QParams]) -> dict[str, QParams]:
    """With what is only joined with others at another scale made at that one, where it can be."""
    found = dict(of)
    for node in reversed(graph.nodes):
        if node.op.copies:
            parts = graph.variable_inputs(node)
            found |= {x: found[node.output] for x in parts if _is_free(graph, x, of)}
    return found


def _is_free(graph: FloatGraph, name: str, of: Mapping[str, QParams]) -> bool:
    """Whether a value has its scale from an operator that has others, and one reader sees it."""
    maker = graph.producers.get(name)
    seen = {*graph.output_tensors, *(state.update for state in graph.states)}
    if maker is None or name in seen or len(graph.readers[name]) != 1:
        return False
    if isinstance(maker.op, FloatUnary | FloatSoftmax):
        return maker.op.only_quant == of[name]
    copied = maker.op.copies and not maker.op.rescales
    return copied and all(_is_free(graph, x, of) for x in graph.variable_inputs(maker))


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
