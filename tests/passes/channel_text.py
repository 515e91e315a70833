"""Small networks with a constant channel, as IR text, and what the pass makes of them."""

from mcucc.ir import parse_graph, print_graph
from mcucc.ops import INT8_OPS, Int8Graph
from mcucc.ops.verify import verify
from mcucc.passes import run_passes
from mcucc.passes.int8_.drop_channels import DropChannels

# Channel 1 of c is 7 in every pixel, 2 above the zero point: 5 + 8 * 0.5 * 0.5.
HEAD = """
graph("net")
input("x", int8[1, 4, 4, 2], q(0.5, -7), onnx=("x", "int8", (1, 4, 4, 2)))
const("wc", int8[3, 1, 1, 2], q((0.25, 0.5, 0.125), 0, 0), [3, 1, 0, 0, 4, -1])
const("bc", int32[3], [20, 8, -9])
const("wy", int8[2, 1, 1, 3], q(0.25, 0), [1, 10, 3, -2, -20, 5])
const("by", int32[2], [100, 200])
node("c", Conv2D(), ("x", "wc", "bc"), "c", int8[1, 4, 4, 3], q(1.0, 5))
"""
AT_ZERO_POINT = HEAD.replace("[20, 8, -9]", "[20, 0, -9]")
READER = """
node("y", Conv2D(), ("{}", "wy", "by"), "y", int8[1, 4, 4, 2], q(9.0, 5))
output("y", onnx=("y", "int8", (1, 4, 4, 2)))
"""
WINDOW = """
const("w3", int8[1, 3, 3, 3], q(0.25, 0), [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, \
7, 7, 7, 8, 8, 8, 9, 9, 9])
const("b3", int32[1], [1000])
"""
DEPTHWISE = """
const("wd", int8[1, 2, 2, 3], q(0.25, 0), [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3])
const("bd", int32[3], [1, 2, 3])
node("d", DepthwiseConv2D(pads=(1, 0, 1, 0)), ("c", "wd", "bd"), "d", int8[1, 4, 4, 3], q(2.0, 5))
"""
BORDER = "at the border it differs, and '{}' has one bias"


def dropped(text: str) -> tuple[Int8Graph, dict[str, str | None]]:
    """The graph after the pass, and by node what the last event said."""
    graph = parse_graph(text, INT8_OPS)
    verify(graph)
    graph, events = run_passes(graph, [DropChannels()], interpret=True)
    return graph, {event.node: event.declined for event in events}


def channels(graph: Int8Graph) -> dict[str, int]:
    return {node.output: graph.tensors[node.output].shape[-1] for node in graph.nodes}


def data(graph: Int8Graph, name: str) -> list[int]:
    return graph.const(name).data.ravel().tolist()


def demand_unchanged(text: str, reasons: dict[str, str]) -> None:
    """Nothing is dropped, and these nodes say why."""
    graph, events = dropped(text)
    assert print_graph(graph) == print_graph(parse_graph(text, INT8_OPS))
    assert events == reasons
