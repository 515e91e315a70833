"""The text form of graphs: what it looks like, that it parses back, and how it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcucc.errors import UsageError
from mcucc.ir import Const, DType, Node, Port, QParams, TensorType, parse_graph, print_graph
from mcucc.ops import INT8_OPS, Int8Graph
from mcucc.ops.conv import Conv2D
from tests.graphs import every_operator_graph

TINY = """\
graph("tiny")
input("x", int8[1, 4, 4, 1], q(0.0625, -128), onnx=("image", "float32", (1, 1, 4, 4)), \
perm=(0, 2, 3, 1))
const("w", int8[2, 1, 1, 1], q((0.5, 0.25), 0, 0), [1, -2])
const("b", int32[2], [7, -8])
node("conv", Conv2D(stride=(2, 1), dilation=(1, 1), pads=(0, 0, 0, 0), activation="relu"), \
("x", "w", "b",), "y", int8[1, 2, 4, 2], q(0.1, 3), origin=("Conv_0", "Relu_1",))
output("y", onnx=("maps", "float32", (1, 2, 2, 4)))
"""


def assert_same_graph(left: Int8Graph, right: Int8Graph) -> None:
    assert (left.name, left.inputs, left.outputs) == (right.name, right.inputs, right.outputs)
    assert left.nodes == right.nodes
    assert left.tensors == right.tensors
    assert list(left.consts) == list(right.consts)
    for name, const in left.consts.items():
        assert const.type == right.consts[name].type
        assert np.array_equal(const.data, right.consts[name].data)


def test_the_text_reads_as_documented():
    graph = parse_graph(TINY, INT8_OPS)
    assert graph.nodes[0].op == Conv2D(stride=(2, 1), activation="relu")
    assert graph.nodes[0].origin == ("Conv_0", "Relu_1")
    assert graph.inputs[0].perm == (0, 2, 3, 1)
    assert graph.consts["w"].type.q == QParams((0.5, 0.25), 0, 0)
    assert graph.consts["b"].data.tolist() == [7, -8]
    assert graph.tensors["y"] == TensorType(DType.INT8, (1, 2, 4, 2), QParams((0.1,), 3))
    assert print_graph(graph) == TINY


def test_every_operator_survives_the_round_trip():
    graph = every_operator_graph()
    assert {type(node.op).__name__ for node in graph.nodes} == set(INT8_OPS)
    text = print_graph(graph)
    assert_same_graph(parse_graph(text, INT8_OPS), graph)
    assert print_graph(parse_graph(text, INT8_OPS)) == text


def test_small_constants_are_readable_and_large_ones_compressed():
    text = print_graph(every_operator_graph())
    lines = {line.split('"')[1]: line for line in text.splitlines() if line.startswith("const")}
    assert lines["b0"].endswith("])")
    assert lines["w0"].endswith("')")


def test_blank_lines_and_comments_are_ignored():
    assert_same_graph(
        parse_graph("# a comment\n\n" + TINY.replace("\n", "\n\n  # more\n"), INT8_OPS),
        parse_graph(TINY, INT8_OPS),
    )


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1),
    st.floats(2.0**-126, 2.0**100, width=32),
    st.integers(-128, 127),
)
def test_any_name_and_any_quantization_survive(name: str, scale: float, zero_point: int):
    kind = TensorType(DType.INT8, (1, 3), QParams((scale,), zero_point))
    port = Port(name, name, DType.FLOAT32, (1, 3))
    const = Const(name + "'c", TensorType(DType.FLOAT32, (1,)), np.array([scale], np.float32))
    graph = Int8Graph("g", (port,), (port,), (), {name: kind}, {const.name: const})
    assert_same_graph(parse_graph(print_graph(graph), INT8_OPS), graph)


@pytest.mark.parametrize("count", [1, 64, 65, 1000])
@pytest.mark.parametrize("dtype", list(DType))
def test_constants_of_every_type_and_size(count: int, dtype: DType):
    data = (np.arange(count) % 100).astype(dtype.value)
    const = Const("c", TensorType(dtype, (count,)), data)
    graph = Int8Graph("g", (), (), (), {}, {"c": const})
    assert_same_graph(parse_graph(print_graph(graph), INT8_OPS), graph)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("graf('x')", "'graf' starts no statement"),
        ("graph(", "was never closed"),
        ("'just text'", "a statement is a call"),
        ("const('w', int8[2], [1])", "reshape"),
        ("const('w', int9[2], [1, 2])", "int9"),
        ("const('w', 5, [1])", "a type looks like"),
        ("const('w', int8[1], scale(0.5, 0), [1])", "quantization looks like"),
        ("input('x', int8[1])", "onnx"),
        ("node('n', Conv3D(), ('x',), 'y', int8[1])", "Conv3D"),
        ("node('n', Conv2D(strides=2), ('x',), 'y', int8[1])", "strides"),
        ("node('n', Conv2D(stride=print()), ('x',), 'y', int8[1])", "malformed node"),
    ],
)
def test_a_bad_line_is_named(line: str, complaint: str):
    with pytest.raises(UsageError, match=complaint) as refusal:
        parse_graph("# first line\n" + line, INT8_OPS)
    assert "line 2" in str(refusal.value)


def test_nodes_of_a_parsed_graph_are_plain_nodes():
    assert isinstance(parse_graph(TINY, INT8_OPS).nodes[0], Node)
