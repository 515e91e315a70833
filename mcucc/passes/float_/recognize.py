"""Activations that exporters spell out."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from mcucc.ir import Node
from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.elementwise import FloatBinary, FloatClip
from mcucc.ops.unary import FloatUnary
from mcucc.passes.base import FloatPass
from mcucc.passes.float_.scalars import Line, lines
from mcucc.passes.rewriting import substitute

_TOLERANCE = 1e-5
"""How far the constants may be off: exporters write 1/6 with 6 digits or more."""


@dataclass(frozen=True)
class _Ramp:
    """A value as min(max(line, 0), top)."""

    line: Line
    top: float

    def scaled(self, factor: float, through: tuple[FloatNode, ...]) -> "_Ramp":
        line = self.line
        nodes = (*through, *line.through)
        return _Ramp(
            Line(line.x, line.slope * factor, line.offset * factor, nodes), self.top * factor
        )


@dataclass(frozen=True)
class _Match:
    """An activation: its operator, its input, and the nodes that compute it, its root first."""

    op: FloatUnary
    x: str
    nodes: tuple[FloatNode, ...]


@dataclass(frozen=True)
class Recognize(FloatPass):
    """Finds hard_sigmoid, hard_swish, silu, gelu, mish and softsign in their spelled-out forms.

    Why: each is one table lookup in int8. Its parts would be up to four passes over the map, each
    with its own rounding.

    Known forms: clip(x + 3, 0, 6) / 6 and clip(a * x + 0.5, 0, 1) for hard_sigmoid; the product of
    x and the former, with the sixth multiplied or divided at any place, for hard_swish; the product
    of x and sigmoid(x) for silu, of x / 2 and erf(x / sqrt(2)) + 1 for gelu (the half anywhere), of
    x and tanh(softplus(x)) for mish, of x and the reciprocal of 1 + |x| for softsign.

    Declines when
        (1) a part of it is read elsewhere or is an output of the network.

    Before: a = FloatBinary("add", x, 3); c = FloatClip(a, 0, 6); m = FloatBinary("mul", x, c);
        y = FloatBinary("div", m, 6)
    After:  y = FloatUnary("hard_swish", x)
    """

    name: str = "recognize"
    effect: ClassVar[str] = "is recognized as the last part of one activation, a table lookup"

    def pattern(self, graph: FloatGraph) -> Iterator[FloatNode]:
        """The last nodes of spelled-out activations."""
        return (node for node in graph.nodes if _find(graph, node) is not None)

    def check(self, graph: FloatGraph, node: FloatNode) -> str | None:
        """Case 1."""
        found = _find(graph, node)
        part = None if found is None else _read_elsewhere(graph, found)
        return None if part is None else f"'{part}' is read elsewhere"

    def rewrite(self, graph: FloatGraph, node: FloatNode) -> FloatGraph:
        """One node in place of all."""
        found = _find(graph, node)
        if found is None:
            return graph
        names = {part.name for part in found.nodes}
        origin = tuple(o for part in graph.nodes if part.name in names for o in part.origin)
        unary: FloatNode = Node(found.op, (found.x,), node.output, node.name, origin)
        gone: dict[str, tuple[FloatNode, ...]] = dict.fromkeys(names, ())
        return substitute(graph, gone | {node.name: (unary,)})


def _find(graph: FloatGraph, root: FloatNode) -> _Match | None:
    """The activation that a node ends; one whose parts are not read elsewhere if there is any."""
    found = list(_matches(graph, root))
    free = [match for match in found if _read_elsewhere(graph, match) is None]
    # The match that reaches furthest up replaces most.
    return max(free or found, key=lambda match: len(match.nodes), default=None)


def _read_elsewhere(graph: FloatGraph, found: _Match) -> str | None:
    names = {node.name for node in found.nodes}
    for node in found.nodes[1:]:
        outside = any(reader.name not in names for reader in graph.readers[node.output])
        if outside or node.output in graph.output_tensors:
            return node.output
    return None


def _matches(graph: FloatGraph, root: FloatNode) -> Iterator[_Match]:
    for ramp in () if isinstance(root.op, FloatUnary) else _ramps(graph, root.output):
        if _close(ramp.top, 1.0) and _close(ramp.line.offset, 0.5) and ramp.line.slope != 0:
            op = FloatUnary("hard_sigmoid", alpha=ramp.line.slope, beta=0.5)
            yield _Match(op, ramp.line.x, ramp.line.through)
    for outer in lines(graph, root.output):
        product = graph.producers.get(outer.x)
        if outer.offset == 0 and product is not None and _is_product(graph, product):
            before = (*outer.through, product)
            for gated, gate in (product.inputs, product.inputs[::-1]):
                yield from _gates(graph, before, outer.slope, gated, gate)


def _gates(
    graph: FloatGraph, before: tuple[FloatNode, ...], factor: float, gated: str, gate: str
) -> Iterator[_Match]:
    """hard_swish, silu, gelu and mish as factor * gated * gate."""
    for line in lines(graph, gated):
        if line.offset != 0:
            continue
        total, nodes = factor * line.slope, (*before, *line.through)
        maker = graph.producers.get(gate)
        if (
            maker is not None
            and maker.op == FloatUnary("sigmoid")
            and maker.inputs[0] == line.x
            and _close(total, 1.0)
        ):
            yield _Match(FloatUnary("silu"), line.x, (*nodes, maker))
        yield from _smooth(graph, line.x, nodes, total, gate)
        for ramp in _ramps(graph, gate):
            numbers = (ramp.line.slope * 6, ramp.line.offset * 2, ramp.top)
            if ramp.line.x == line.x and all(_close(n * total, 1.0) for n in numbers):
                yield _Match(FloatUnary("hard_swish"), line.x, (*nodes, *ramp.line.through))


def _smooth(
    graph: FloatGraph, x: str, before: tuple[FloatNode, ...], total: float, gate: str
) -> Iterator[_Match]:
    """Gelu as total * x * (erf(x / sqrt(2)) + 1) / (2 * total), mish as x * tanh(softplus(x))."""
    for outer in lines(graph, gate):
        maker = graph.producers.get(outer.x)
        if maker is None or not isinstance(maker.op, FloatUnary):
            continue
        nodes = (*before, *outer.through, maker)
        half = _close(2 * total * outer.slope, 1.0) and _close(2 * total * outer.offset, 1.0)
        for inner in lines(graph, maker.inputs[0]) if maker.op.kind == "erf" and half else ():
            if inner.x == x and inner.offset == 0 and _close(inner.slope * math.sqrt(2), 1.0):
                yield _Match(FloatUnary("gelu"), x, (*nodes, *inner.through))
        yield from _softsigns(graph, x, nodes, total * outer.slope, maker)
        first = graph.producers.get(maker.inputs[0])
        if (
            maker.op.kind == "tanh"
            and outer.offset == 0
            and _close(total * outer.slope, 1.0)
            and first is not None
            and first.op == FloatUnary("softplus")
            and first.inputs[0] == x
        ):
            yield _Match(FloatUnary("mish"), x, (*nodes, first))


def _softsigns(
    graph: FloatGraph, x: str, before: tuple[FloatNode, ...], total: float, maker: FloatNode
) -> Iterator[_Match]:
    """Softsign as x times the reciprocal of 1 + |x|."""
    if maker.op != FloatUnary("reciprocal") or not _close(total, 1.0):
        return
    for line in lines(graph, maker.inputs[0]):
        size = graph.producers.get(line.x)
        if size is None or size.op != FloatUnary("abs") or size.inputs[0] != x:
            continue
        if _close(line.slope, 1.0) and _close(line.offset, 1.0):
            yield _Match(FloatUnary("softsign"), x, (*before, *line.through, size))


def _ramps(graph: FloatGraph, name: str) -> Iterator[_Ramp]:
    """All the ways to see a value as a ramp."""
    for outer in lines(graph, name):
        node = graph.producers.get(outer.x)
        if node is None or outer.offset != 0 or outer.slope <= 0:
            continue
        match node.op:
            case FloatUnary("hard_sigmoid", alpha, beta):
                inner = Line(node.inputs[0], alpha, beta, (node,))
                yield _Ramp(inner, 1.0).scaled(outer.slope, outer.through)
            case FloatClip(low, float() | int() as high) if low == 0:
                for line in lines(graph, node.inputs[0]):
                    inner = Line(line.x, line.slope, line.offset, (node, *line.through))
                    yield _Ramp(inner, high).scaled(outer.slope, outer.through)
            case _:
                pass


def _is_product(graph: FloatGraph, node: FloatNode) -> bool:
    return node.op == FloatBinary("mul") and len(graph.variable_inputs(node)) == 2


def _close(value: float, wanted: float) -> bool:
    return math.isclose(value, wanted, rel_tol=_TOLERANCE)
