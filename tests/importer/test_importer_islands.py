"""Every shape of island becomes the operators it should, with the numbers ONNX Runtime gives."""

from pathlib import Path

import numpy as np
import pytest

from mcucc.ir import print_graph
from mcucc.reference.interpreter import run
from tests.graphs import random_inputs
from tests.importer import island_builders as build
from tests.importer.more_islands import MORE_ISLANDS
from tests.importer.qdq_models import QdqModel, assert_near_onnx_runtime, lower, node_text
from tests.judging import assert_tflm_agrees, needs_tflm

EXPECTED = Path(__file__).with_name("islands.txt")

ISLANDS = build.ISLANDS | MORE_ISLANDS

NOT_IN_ONNX_RUNTIME = {"conv dilation SAME_UPPER"}


def test_every_island_becomes_the_expected_int8_operators(tmp_path: Path):
    text = "# The int8 nodes of each model of ISLANDS, as node_text writes them.\n"
    for name, model in ISLANDS.items():
        graph = lower(model(), tmp_path)
        text += f"\n{name}\n" + "".join(f"    {node_text(graph, n)}\n" for n in graph.nodes)
    assert text.splitlines() == EXPECTED.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", [name for name in ISLANDS if name not in NOT_IN_ONNX_RUNTIME])
def test_an_island_is_within_one_lsb_of_onnx_runtime(name: str, tmp_path: Path):
    model = ISLANDS[name]
    assert_near_onnx_runtime(model(), lower(model(), tmp_path))


@needs_tflm
def test_every_island_has_its_twins_bits(tmp_path: Path):
    assert_tflm_agrees([lower(model(), tmp_path) for model in ISLANDS.values()])


def test_the_whole_text_of_a_small_network(tmp_path: Path):
    m = QdqModel()
    x = m.input("x", ("N", 1, 1, 2), 0.5, -1)
    weights = m.weights((1, 1, 1, 1), axis=None, data=np.array([[[[7]]]], np.int8))
    m.op("Relu", m.op("Conv", x, weights, name="conv"), name="relu")
    m.output(m.pair("relu", "y", 0.25, -128))
    assert print_graph(lower(m, tmp_path)).splitlines() == [
        'graph("net")',
        (
            'input("x_quantized", int8[1, 1, 2, 1], q(0.5, -1), '
            'onnx=("x_float", "float32", (1, 1, 1, 2)), perm=(0, 2, 3, 1))'
        ),
        'const("conv.weights", int8[1, 1, 1, 1], q(0.0078125, 0), [7])',
        'const("conv.bias", int32[1], q(0.00390625, 0), [0])',
        (
            'node("y", Conv2D(stride=(1, 1), dilation=(1, 1), pads=(0, 0, 0, 0), '
            'activation="relu"), ("x_quantized", "conv.weights", "conv.bias",), "y_quantized", '
            'int8[1, 1, 2, 1], q(0.25, -128), origin=("conv", "relu",))'
        ),
        'output("y_quantized", onnx=("y", "float32", (1, 1, 1, 2)), perm=(0, 2, 3, 1))',
    ]


def test_int8_ports_keep_their_type(tmp_path: Path):
    graph = lower(build.int8_ports(), tmp_path)
    ports = [(p.name, p.tensor, p.dtype.value) for p in (*graph.inputs, *graph.outputs)]
    assert ports == [("x", "x", "int8"), ("y", "y", "int8")]


def test_ports_are_in_the_order_of_the_file(tmp_path: Path):
    graph = lower(build.several_ports(), tmp_path)
    assert [(port.name, port.tensor) for port in graph.inputs] == [
        ("a_float", "a_quantized"),
        ("b_float", "b_quantized"),
    ]
    assert [(port.name, port.tensor) for port in graph.outputs] == [
        ("left", "left_quantized"),
        ("right", "right_quantized"),
        ("a", "a_quantized"),
    ]


def test_a_missing_bias_is_zero_at_the_scale_of_the_products(tmp_path: Path):
    bias = lower(build.conv((3, 3), bias=False)(), tmp_path).consts["conv.bias"]
    assert not bias.data.any()
    assert bias.type.q.scales == (2**-11, 2**-12, 2**-11, 2**-12)


def test_equal_names_of_nodes_do_not_mix_up_weights(tmp_path: Path):
    model = build.two_convolutions()
    expected = lower(model, tmp_path)
    for node in model.nodes:
        node.name = "same"
    graph = lower(model, tmp_path)
    inputs = random_inputs(graph, 3)
    assert np.array_equal(run(graph, inputs)["y_quantized"], run(expected, inputs)["y_quantized"])


def test_a_constant_makes_way_for_a_value_of_its_name(tmp_path: Path):
    m = QdqModel()
    m.op("Conv", m.input("x", (1, 2, 3, 4)), m.weights((2, 2, 1, 1)), name="conv")
    m.dequantize(m.quantize("conv", "conv.weights", 0.25, 0), "y", 0.25, 0)
    m.output("y")
    graph = lower(m, tmp_path)
    assert graph.nodes[0].inputs == ("x_quantized", "conv.weights_2", "conv.bias")


def test_a_dead_branch_is_not_lowered(tmp_path: Path):
    m = build.added()
    m.pair(m.op("GlobalAveragePool", "a"), "unused")
    assert [node.name for node in lower(m, tmp_path).nodes] == ["y"]
