"""Running whole graphs in numpy."""

import numpy as np
import pytest

from mcucc.errors import UsageError
from mcucc.ops import INT8_OPS
from mcucc.reference.interpreter import run
from mcucc.reference.movement import held_shape
from tests.graphs import GraphBuilder, every_operator_graph, quant, random_inputs
from tests.judging import assert_tflm_agrees, needs_tflm


@needs_tflm
def test_a_graph_with_every_operator_agrees_with_tflm():
    assert_tflm_agrees([every_operator_graph()], samples=8)


def test_the_graph_with_every_operator_has_every_operator():
    used = {type(node.op).__name__ for node in every_operator_graph().nodes}
    assert used == set(INT8_OPS)


def test_every_value_is_returned_with_its_samples():
    graph = every_operator_graph()
    values = run(graph, random_inputs(graph, 5))
    assert set(values) == set(graph.tensors)
    for name, value in values.items():
        assert value.shape == (5, *held_shape(graph.tensors[name])[1:])
        assert value.dtype == np.int8


def test_samples_do_not_meet():
    graph = every_operator_graph()
    inputs = random_inputs(graph, 5)
    together = run(graph, inputs)
    alone = run(graph, {name: x[3:4] for name, x in inputs.items()})
    assert all(np.array_equal(together[name][3:4], alone[name]) for name in alone)


def test_a_convolution_by_hand():
    b = GraphBuilder()
    x = b.input((1, 1, 2, 1), quant(1.0, 10))
    b.conv(x, 1, (1, 2), pads=(0, 0, 0, 1), weight_scales=[0.5], bias=[3], q=quant(0.5, -1))
    graph = b.build()
    w0, w1 = graph.consts["w0"].data.ravel().tolist()
    values = run(graph, {"x0": np.array([[[[11], [12]]]], dtype=np.int8)})
    expected = np.clip([w0 + 2 * w1 + 3 - 1, 2 * w0 + 3 - 1], -128, 127)
    assert values[graph.outputs[0].tensor].ravel().tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "the inputs must be"),
        ({"other": np.zeros((1, 4), np.int8)}, "the inputs must be"),
        ({"x0": np.zeros((1, 5), np.int8)}, "must be int8 \\[N, 4\\], got int8 \\[1, 5\\]"),
        ({"x0": np.zeros((1, 4), np.float32)}, "got float32"),
    ],
)
def test_wrong_inputs_are_refused(inputs: dict[str, np.ndarray], message: str):
    b = GraphBuilder()
    b.dense(b.input((1, 4)), 2)
    with pytest.raises(UsageError, match=message):
        run(b.build(), inputs)


def test_inputs_with_different_numbers_of_samples_are_refused():
    b = GraphBuilder()
    b.add(b.input((1, 4)), b.input((1, 4)))
    inputs = {"x0": np.zeros((2, 4), np.int8), "x1": np.zeros((3, 4), np.int8)}
    with pytest.raises(UsageError, match="same number of samples"):
        run(b.build(), inputs)
