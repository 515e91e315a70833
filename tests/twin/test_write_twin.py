"""What a twin holds, read back from its bytes."""

import sys
from dataclasses import replace

import pytest
import tflite
from flatbuffers import Builder

from mcucc.ops import Int8Graph
from mcucc.twin import (
    TWIN_PREFIX,
    keep_operators,
    read_operators,
    read_tensors,
    same_pads,
    write_twin,
)
from tests.graphs import GraphBuilder, Padding, every_operator_graph, quant
from tests.twin.tables import tables


def operators(graph: Int8Graph) -> list[str]:
    return [operator.name for operator in read_operators(write_twin(graph))]


def convolution(pads: Padding, stride: tuple[int, int] = (2, 2)) -> Int8Graph:
    b = GraphBuilder()
    b.conv(b.input((1, 8, 8, 2), quant(0.1, 5)), 3, stride=stride, pads=pads)
    return b.build()


def test_every_value_has_its_tensor():
    graph = every_operator_graph()
    tensors = {tensor.name: tensor for tensor in read_tensors(write_twin(graph))}
    for name, kind in graph.tensors.items():
        assert tensors[name].shape == kind.shape
        assert not tensors[name].constant
    for name, const in graph.consts.items():
        assert tensors[name].constant
        assert tensors[name].shape == const.type.shape
    extra = set(tensors) - set(graph.tensors) - set(graph.consts)
    assert extra
    assert all(name.startswith(TWIN_PREFIX) for name in extra)


def test_one_operator_per_node_and_more_where_tflite_needs_them():
    assert operators(every_operator_graph(more=())) == [
        "CONV_2D",
        "PAD",
        "DEPTHWISE_CONV_2D",
        "CONV_2D",
        "ADD",
        "QUANTIZE",
        "AVERAGE_POOL_2D",
        "PAD",
        "CONV_2D",
        "LEAKY_RELU",
        "MEAN",
        "LOGISTIC",
        "MUL",
        "HARD_SWISH",
        "TANH",
        "SUB",
        "CAST",
        "ADD",
        "GATHER",
        "MINIMUM",
        "MAXIMUM",
        "MAX_POOL_2D",
        "RESIZE_NEAREST_NEIGHBOR",
        "TRANSPOSE",
        "SLICE",
        "CONCATENATION",
        "MEAN",
        "RESHAPE",
        "ADD",
        "RESHAPE",
        "FULLY_CONNECTED",
        "SOFTMAX",
    ]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-5, 9, ["MINIMUM", "MAXIMUM"]),
        (-128, 9, ["MINIMUM"]),
        (-5, 127, ["MAXIMUM"]),
        (-128, 127, ["MAXIMUM"]),
    ],
)
def test_a_clamp_leaves_out_what_does_nothing(low: int, high: int, expected: list[str]):
    b = GraphBuilder()
    b.clamp(b.input((1, 4)), low, high)
    assert operators(b.build()) == expected


@pytest.mark.parametrize(
    ("pads", "expected"),
    [
        ("valid", ["MAX_POOL_2D"]),
        ((0, 1, 0, 1), ["MAX_POOL_2D"]),
        ((1, 1, 1, 1), ["PADV2", "MAX_POOL_2D"]),
        ((1, 0, 1, 0), ["PADV2", "MAX_POOL_2D"]),
    ],
)
def test_only_padding_other_than_same_needs_a_padv2(pads: Padding, expected: list[str]):
    b = GraphBuilder()
    b.max_pool(b.input((1, 8, 8, 2), quant(0.1, 5)), (3, 3), stride=(2, 2), pads=pads)
    assert operators(b.build()) == expected


@pytest.mark.parametrize(
    ("parts", "joins"), [(1, []), (10, []), (11, [55]), (19, [55]), (20, [55, 190])]
)
def test_tflm_joins_ten_at_a_time(parts: int, joins: list[int]):
    b = GraphBuilder()
    b.concat(*(b.input((1, 2, 2, 1 + k), quant(0.1, 5)) for k in range(parts)))
    graph = b.build()
    assert operators(graph) == ["CONCATENATION"] * (len(joins) + 1)
    extra = [t.shape for t in read_tensors(write_twin(graph)) if t.name.startswith(TWIN_PREFIX)]
    assert extra == [(1, 2, 2, channels) for channels in joins]


def test_a_table_that_two_nodes_share_is_written_once():
    b = GraphBuilder()
    x = b.input((1, 4))
    first, second = b.table(x), b.table(x)
    b.nodes[1] = replace(b.nodes[1], inputs=b.nodes[0].inputs)
    del b.consts["table1"]
    tensors = read_tensors(write_twin(b.build(first, second)))
    assert sum(tensor.shape == (256,) for tensor in tensors) == 1


@pytest.mark.parametrize(
    ("pads", "expected"),
    [
        ("valid", ["CONV_2D"]),
        ((0, 1, 0, 1), ["CONV_2D"]),
        ((1, 1, 1, 1), ["PAD", "CONV_2D"]),
        ((1, 0, 1, 0), ["PAD", "CONV_2D"]),
    ],
)
def test_only_padding_other_than_same_needs_a_pad(pads: Padding, expected: list[str]):
    assert operators(convolution(pads)) == expected


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "dilation", "expected"),
    [
        (8, 3, 1, 1, (1, 1)),
        (8, 3, 2, 1, (0, 1)),
        (9, 3, 2, 1, (1, 1)),
        (8, 4, 1, 1, (1, 2)),
        (8, 3, 1, 2, (2, 2)),
        (7, 1, 3, 1, (0, 0)),
        (9, 10, 2, 1, (4, 5)),
    ],
)
def test_same_padding(
    size: int, kernel: int, stride: int, dilation: int, expected: tuple[int, int]
):
    pads = same_pads((1, size, 5, 1), (kernel, 1), (stride, 1), (dilation, 1))
    assert pads == (*expected, 0, 0)


def test_inputs_and_outputs_keep_the_order_of_the_ports():
    b = GraphBuilder()
    second, first = b.input((1, 4), name="second"), b.input((1, 4), name="first")
    total = b.add(first, second)
    graph = b.build(total, second)
    twin = write_twin(graph)
    names = [tensor.name for tensor in read_tensors(twin)]
    subgraph = tflite.Model.GetRootAs(twin).Subgraphs(0)
    assert [names[subgraph.Inputs(k)] for k in range(2)] == ["second", "first"]
    assert [names[subgraph.Outputs(k)] for k in range(2)] == [total, "second"]


def test_names_of_the_twin_alone_avoid_those_of_the_graph():
    b = GraphBuilder()
    taken = "P:padded:conv2d0_out"
    b.conv(b.input((1, 8, 8, 2), name=taken), 3, stride=(2, 2), pads=(1, 1, 1, 1))
    names = [tensor.name for tensor in read_tensors(write_twin(b.build()))]
    assert len(set(names)) == len(names)
    assert f"P:{taken}" in names


def test_quantization_of_weights_and_bias():
    b = GraphBuilder()
    b.depthwise(b.input((1, 4, 4, 2), quant(0.5, 7)), weight_scales=[0.25, 0.125])
    twin = write_twin(b.build())
    subgraph = tflite.Model.GetRootAs(twin).Subgraphs(0)
    found = {}
    for tensor in read_tensors(twin):
        q = subgraph.Tensors(tensor.index).Quantization()
        assert q is not None
        scales = [q.Scale(k) for k in range(q.ScaleLength())]
        points = {q.ZeroPoint(k) for k in range(q.ZeroPointLength())}
        found[tensor.name] = (scales, points, q.QuantizedDimension())
    assert found["x0"] == ([0.5], {7}, 0)
    assert found["w0"] == ([0.25, 0.125], {0}, 3)
    assert found["b0"] == ([0.125, 0.0625], {0}, 0)


def test_a_bias_that_layers_share_is_written_once_for_each_scale():
    b = GraphBuilder()
    x = b.input((1, 4), quant(0.5, 7))
    b.dense(x, 4, weight_scales=[0.5], q=quant(0.25))
    b.dense(x, 4, weight_scales=[0.125], q=quant(0.25))
    b.dense(x, 4, weight_scales=[0.5], q=quant(0.25))
    shared = [n if i == 0 else b.nodes[0].inputs[2] for i, n in enumerate(["b0", "", ""])]
    b.nodes = [
        type(node)(node.op, (*node.inputs[:2], bias), node.output, node.name)
        for node, bias in zip(b.nodes, shared, strict=True)
    ]
    b.consts = {name: const for name, const in b.consts.items() if name not in ("b1", "b2")}
    names = [t.name for t in read_tensors(write_twin(b.build(*(n.output for n in b.nodes))))]
    assert [name for name in names if "b" in name.split(":")[0] or "bias" in name] == [
        "b0",
        "P:bias:fullyconnected1_out",
    ]


def test_constants_are_aligned():
    twin = write_twin(every_operator_graph())
    for name, const in every_operator_graph().consts.items():
        if const.type.nbytes >= 16:
            assert twin.index(const.data.tobytes()) % 16 == 0, name


def test_same_graph_same_bytes():
    assert write_twin(every_operator_graph()) == write_twin(every_operator_graph())
    assert write_twin(every_operator_graph())[4:8] == b"TFL3"


def test_keeping_the_first_operators():
    twin = write_twin(every_operator_graph())
    short = keep_operators(twin, 3)
    assert read_operators(short) == read_operators(twin)[:3]
    subgraph = tflite.Model.GetRootAs(short).Subgraphs(0)
    assert subgraph.OutputsLength() == 1
    assert read_tensors(short)[subgraph.Outputs(0)].name == "depthwiseconv2d1_out"


class _OtherBuilder(Builder):
    """Lays out the same tables otherwise, as another version does: defaults are written too."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.ForceDefaults(True)


def test_twins_are_compared_by_their_tables(monkeypatch: pytest.MonkeyPatch):
    """Bytes differ with the version of flatbuffers, what the tables say does not."""
    graph = every_operator_graph()
    twin = write_twin(graph)
    monkeypatch.setattr(sys.modules["mcucc.twin.serialize"], "Builder", _OtherBuilder)
    other = write_twin(graph)
    assert other != twin
    assert tables(other) == tables(twin)


def test_tables_hold_weights_scales_and_options():
    b = GraphBuilder(seed=1)
    b.conv(b.input((1, 8, 8, 2), quant(0.1, 5)), 3, stride=(2, 1))
    held = tables(write_twin(b.build()))
    (graph,) = held["Subgraphs"]
    options = graph["Operators"][0]["BuiltinOptions"]
    assert (options["StrideH"], options["StrideW"]) == (2, 1)
    assert graph["Tensors"][graph["Inputs"][0]]["Quantization"]["ZeroPoint"] == [5]
    assert max(len(buffer["Data"]) for buffer in held["Buffers"]) >= 3 * 2


@pytest.mark.parametrize("place", [0.25, 0.5, 0.75])
def test_a_changed_weight_changes_the_tables(place: float):
    twin = bytearray(write_twin(every_operator_graph()))
    before = tables(bytes(twin))
    data = max((buffer["Data"] for buffer in before["Buffers"]), key=len)
    start = bytes(twin).index(bytes(data))
    twin[start + int(place * len(data))] ^= 1
    assert tables(bytes(twin)) != before
