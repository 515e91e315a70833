"""What tests of float passes share: from IR text to IR text, each rewrite checked by numpy."""

from mcucc.ir import parse_graph, print_graph
from mcucc.ops import FLOAT_OPS, FloatGraph
from mcucc.ops.float_verify import verify_float
from mcucc.passes import FloatPass, run_passes

MAP = 'input("x", float32[1, 4, 4, 2], onnx=("x", "float32", (1, 4, 4, 2)))\n'
VECTOR = 'input("x", float32[1, 4], onnx=("x", "float32", (1, 4)))\n'
CONV = """
const("w", float32[3, 1, 1, 2], [1.0, 2.0, -3.0, 4.0, 5.0, -6.0])
const("b", float32[3], [1.0, 0.0, -1.0])
"""
"""Weights and bias of a convolution of a map by one pixel, to 3 channels."""


def parsed(text: str) -> FloatGraph:
    """A graph from the lines after `graph(...)`."""
    graph = parse_graph(f'graph("net")\n{text}', FLOAT_OPS)
    verify_float(graph)
    return graph


def normal(text: str) -> str:
    """A text as `print_graph` writes it."""
    return print_graph(parsed(text))


def run(text: str, *passes: FloatPass) -> str:
    """The text after the passes."""
    graph, _ = run_passes(parsed(text), passes, interpret=True)
    return print_graph(graph)


def declined(text: str, *passes: FloatPass) -> list[tuple[str, str | None]]:
    """Node and reason of each candidate that the passes decline; none may be rewritten."""
    before = parsed(text)
    graph, events = run_passes(before, passes, interpret=True)
    assert graph == before
    return [(event.node, event.declined) for event in events]


def out(name: str, *shape: int, perm: tuple[int, ...] | None = None) -> str:
    """An output port of the same name as its value; the shape is ONNX's."""
    suffix = "" if perm is None else f", perm={perm}"
    return f'output("{name}", onnx=("{name}", "float32", {shape}){suffix})\n'
