"""Graphs whose names would break C if they were printed as they are."""

from dataclasses import replace

from mcucc.ops import Int8Graph
from tests.graphs import GraphBuilder, quant

HOSTILE_NAMES = (
    "*/ evil /*",
    "*\\ evil",
    '"; } int x; {',
    "line\nbreak\r\nand\ttab",
    "Gerät/Größe 模型 \U0001f600 \u2028",
    "??/\\",
    "\x00\x07\x1b[31m",
    "",
    "a/b",
    "a_b",
    "A.b",
    "a b 2",
    "int",
    "begin",
    "end",
    "rows",
    "arena",
    "bytes",
    "NULL",
    "trace",
    "run",
    "conv_s8_k3x3s1_fast",
    "mcucc_conv",
    "memcpy",
    "0",
    "%d {{ name }} {% raw %}",
    "_quantized",
    "x_quantized",
    "x",
    "long" * 60,
)
"""Names of nodes and of tensors; several become one and the same identifier."""


def hostile_graph(name: str = "hostile") -> Int8Graph:
    """A chain in which every node, value, constant, port and origin has a hostile name."""
    b = GraphBuilder(name, seed=31)
    x = b.input((1, 5, 4, 3), quant(0.05, -3))
    for i in range(len(HOSTILE_NAMES)):
        match i % 4:
            case 0:
                x = b.conv(x, 3)
            case 1:
                x = b.depthwise(x)
            case 2:
                x = b.requantize(x)
            case _:
                x = b.add(x, x)
    return renamed(b.build())


def renamed(graph: Int8Graph) -> Int8Graph:
    """The same network with the names of nodes, values, constants, ports and origins replaced."""
    values = dict(zip(graph.tensors, (*HOSTILE_NAMES, "last"), strict=True))
    consts = {old: f"{HOSTILE_NAMES[i % 7]}#{i}" for i, old in enumerate(graph.consts)}
    names = {**values, **consts}
    nodes = tuple(
        replace(
            node,
            inputs=tuple(names[each] for each in node.inputs),
            output=names[node.output],
            name=hostile,
            origin=(hostile, "*/"),
        )
        for node, hostile in zip(graph.nodes, HOSTILE_NAMES, strict=True)
    )
    return replace(
        graph,
        inputs=tuple(replace(p, tensor=names[p.tensor], name="*/ in") for p in graph.inputs),
        outputs=tuple(replace(p, tensor=names[p.tensor], name="out */\\") for p in graph.outputs),
        nodes=nodes,
        tensors={names[old]: kind for old, kind in graph.tensors.items()},
        consts={names[old]: replace(c, name=names[old]) for old, c in graph.consts.items()},
    )
