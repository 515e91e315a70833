"""Chains of arithmetic with one number, as exporters spell out activations with."""

from collections.abc import Iterator
from dataclasses import dataclass

from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.elementwise import FloatBinary


@dataclass(frozen=True)
class Line:
    """A value as slope * x + offset.

    Attributes:
        x: name of the value it is computed from.
        slope: of the line.
        offset: of the line.
        through: the nodes that compute it, the last first.
    """

    x: str
    slope: float
    offset: float
    through: tuple[FloatNode, ...] = ()


def lines(graph: FloatGraph, name: str) -> Iterator[Line]:
    """A value as a line in itself, then in each value further up a chain of such arithmetic."""
    line = Line(name, 1.0, 0.0)
    yield line
    while (step := _step(graph, graph.producers.get(line.x))) is not None:
        line = Line(
            step.x,
            line.slope * step.slope,
            line.slope * step.offset + line.offset,
            (*line.through, *step.through),
        )
        yield line


def _step(graph: FloatGraph, node: FloatNode | None) -> Line | None:
    """One node of such arithmetic as a line in its input."""
    if node is None or not isinstance(node.op, FloatBinary) or node.op.activation != "none":
        return None
    c, variables = _number(graph, node), graph.variable_inputs(node)
    if c is None or graph.tensors[variables[0]].shape != graph.tensors[node.output].shape:
        return None
    x, constant_first = variables[0], node.inputs[0] in graph.consts
    match node.op.kind, constant_first:
        case "add", _:
            return Line(x, 1.0, c, (node,))
        case "sub", False:
            return Line(x, 1.0, -c, (node,))
        case "sub", True:
            return Line(x, -1.0, c, (node,))
        case "mul", _:
            return Line(x, c, 0.0, (node,))
        case _:
            return Line(x, 1.0 / c, 0.0, (node,)) if c != 0 and not constant_first else None


def _number(graph: FloatGraph, node: FloatNode) -> float | None:
    """The one number of arithmetic with a constant, None if there is another or none."""
    constants = [name for name in node.inputs if name in graph.consts]
    if len(constants) != 1:
        return None
    const = graph.const(constants[0])
    data = const.data
    if const.type.quant is not None:
        return None  # arithmetic on given integers
    return float(data.flat[0]) if data.size and (data == data.flat[0]).all() else None
