"""The quantizer: schemes, equalization, bias correction, refusals."""

import numpy as np
import pytest

from mcucc.errors import UnsupportedModelError
from mcucc.ops.conv import FloatConv2D
from mcucc.ops.elementwise import Clamp, Requantize
from mcucc.ops.unary import TANH_QUANT, Table
from mcucc.ops.verify import verify
from mcucc.quant.equalize import equalize
from mcucc.quant.observe import observe
from mcucc.quant.ptq import PtqOptions, quantize_network, signal_to_noise
from mcucc.quant.weights import quantize_weights
from mcucc.reference.fixed_point import dequantize
from mcucc.reference.float_interpreter import run_float
from mcucc.reference.interpreter import run
from tests.quant.networks import inputs, network, two_layers

PLAIN = PtqOptions("minmax", equalize=False, correct_bias=False)


def sqnr_of_output(options: PtqOptions, activation: str = "relu") -> float:
    quantized = quantize_network(two_layers(activation), inputs(), options)
    verify(quantized.graph)
    return signal_to_noise(quantized, quantized.graph, inputs(seed=1))["y"]


def test_equalization_changes_no_real_output() -> None:
    graph, samples = two_layers(), inputs()
    evened = equalize(graph, observe(graph, samples))
    before, after = run_float(graph, samples), run_float(evened, samples)
    assert np.abs(before["y"] - after["y"]).max() < 1e-4 * np.abs(before["y"]).max()
    assert not np.allclose(before["m"], after["m"])


def test_equalization_raises_the_ratio_of_uneven_channels() -> None:
    evened = sqnr_of_output(PtqOptions("minmax", equalize=True, correct_bias=False))
    assert evened > sqnr_of_output(PLAIN) + 3


def test_a_layer_with_two_readers_is_left_alone() -> None:
    """To scale its channels would take both readers."""
    random = np.random.default_rng(3)
    graph = network(
        """
node("first", FloatConv2D(), ("x", "w1", "b1"), "m", float32[1, 6, 6, 8])
node("second", FloatConv2D(), ("m", "w2", "b2"), "p", float32[1, 6, 6, 4])
node("third", FloatConv2D(), ("m", "w3", "b3"), "q", float32[1, 6, 6, 4])
node("sum", FloatBinary(kind="add"), ("p", "q"), "y", float32[1, 6, 6, 4])
""",
        "y",
        w1=random.standard_normal((8, 1, 1, 3)) * (10.0 ** np.arange(-4, 4))[:, None, None, None],
        b1=random.standard_normal(8),
        w2=random.standard_normal((4, 1, 1, 8)),
        b2=random.standard_normal(4),
        w3=random.standard_normal((4, 1, 1, 8)),
        b3=random.standard_normal(4),
    )
    assert equalize(graph, observe(graph, inputs())) == graph


def test_layers_that_clip_at_6_are_left_alone() -> None:
    graph = two_layers("relu6")
    assert equalize(graph, observe(graph, inputs())) == graph


def test_dead_channels_have_a_scale_and_a_bias() -> None:
    weights = np.zeros((2, 1, 1, 3), dtype=np.float32)
    q = quantize_weights(FloatConv2D(), weights, np.array([0.0, 5.0], np.float32), 0.02, None)
    real = q.bias * np.array(q.bias_quant.scales)
    assert np.allclose(real, [0.0, 5.0], rtol=1e-6)
    assert np.abs(q.bias).max() < 2**30


def test_concatenated_values_share_one_scale() -> None:
    graph = network(
        """
node("a", FloatClip(low=0.0), ("x",), "p", float32[1, 6, 6, 3])
node("b", FloatUnary(kind="tanh"), ("x",), "q", float32[1, 6, 6, 3])
node("c", FloatBinary(kind="add"), ("q", "x"), "z", float32[1, 6, 6, 3])
node("d", FloatConcat(), ("p", "q", "z"), "y", float32[1, 6, 6, 9])
""",
        "y",
    )
    quantized = quantize_network(graph, inputs(), PLAIN)
    verify(quantized.graph)
    types = quantized.graph.tensors
    assert types["p"].quant == types["y"].quant
    assert types["q"].quant == TANH_QUANT  # it is fixed, and is brought to the scale of the others
    (moved,) = (node for node in quantized.graph.nodes if isinstance(node.op, Requantize))
    assert moved.inputs == ("q",)
    assert types[moved.output].quant == types["y"].quant


@pytest.mark.parametrize("op", ['FloatUnary(kind="sigmoid")', "FloatSoftmax()"])
def test_what_is_only_joined_is_rounded_once(op: str) -> None:
    graph = network(
        f"""
node("a", FloatClip(low=0.0), ("x",), "p", float32[1, 6, 6, 3])
node("b", {op}, ("x",), "q", float32[1, 6, 6, 3])
node("c", FloatReshape(shape=(1, 6, 3, 6)), ("q",), "r", float32[1, 6, 3, 6])
node("d", FloatReshape(shape=(1, 6, 6, 3)), ("r",), "s", float32[1, 6, 6, 3])
node("e", FloatConcat(), ("p", "s"), "y", float32[1, 6, 6, 6])
""",
        "y",
    )
    quantized = quantize_network(graph, inputs(), PLAIN)
    verify(quantized.graph)
    types = quantized.graph.tensors
    assert {types[name].quant for name in "pqrsy"} == {types["y"].quant}
    assert not any(isinstance(node.op, Requantize) for node in quantized.graph.nodes)
    q = np.arange(-126, 126).astype(np.int8)[:216].reshape(2, 6, 6, 3)
    exact = run_float(graph, {"x": dequantize(q, types["x"].q)})["q"] / types["q"].q.scale
    made = run(quantized.graph, {"x": q})["q"].astype(np.float64) - types["q"].q.zero_point
    assert np.abs(made - exact).max() <= 0.5 + 0.01


def test_concatenated_values_of_different_reach_share_one_scale() -> None:
    graph = network(
        """
node("a", FloatBinary(kind="add"), ("x", "x"), "p", float32[1, 6, 6, 3])
node("b", FloatBinary(kind="mul"), ("p", "p"), "q", float32[1, 6, 6, 3])
node("c", FloatConcat(), ("p", "q"), "y", float32[1, 6, 6, 6])
""",
        "y",
    )
    quantized = quantize_network(graph, inputs(), PLAIN)
    types = quantized.graph.tensors
    assert types["p"].quant == types["q"].quant == types["y"].quant
    assert not any(isinstance(node.op, Requantize) for node in quantized.graph.nodes)


def test_a_clip_narrows_its_producer_and_vanishes() -> None:
    graph = network(
        """
node("sum", FloatBinary(kind="add"), ("x", "x"), "s", float32[1, 6, 6, 3])
node("clip", FloatClip(low=-0.5, high=0.25), ("s",), "y", float32[1, 6, 6, 3])
""",
        "y",
    )
    quantized = quantize_network(graph, inputs(), PLAIN)
    assert [node.name for node in quantized.graph.nodes] == ["sum"]
    quant = quantized.graph.tensors["s"].q
    assert (127 - quant.zero_point) * quant.scale == pytest.approx(0.25, abs=0.01)


def test_a_clip_stays_where_its_input_has_other_readers() -> None:
    """They want the value whole."""
    graph = network(
        """
node("sum", FloatBinary(kind="add"), ("x", "x"), "s", float32[1, 6, 6, 3])
node("clip", FloatClip(low=-0.5, high=0.25), ("s",), "c", float32[1, 6, 6, 3])
node("other", FloatBinary(kind="add"), ("s", "c"), "y", float32[1, 6, 6, 3])
""",
        "y",
    )
    quantized = quantize_network(graph, inputs(), PLAIN)
    assert [node.name for node in quantized.graph.nodes] == ["sum", "clip", "other"]
    quant = quantized.graph.tensors["s"].q
    assert (127 - quant.zero_point) * quant.scale > 4
    assert signal_to_noise(quantized, quantized.graph, inputs(seed=1))["y"] > 30


def test_a_clip_of_an_input_stays() -> None:
    graph = network(
        'node("clip", FloatClip(low=0.0, high=1.0), ("x",), "y", float32[1, 6, 6, 3])', "y"
    )
    (node,) = quantize_network(graph, inputs(), PLAIN).graph.nodes
    assert isinstance(node.op, Clamp)


@pytest.mark.parametrize("clips", [1, 2])
def test_a_network_of_clips_alone_has_a_step(clips: int) -> None:
    """However little there is to clip, input and output are two values."""
    body = 'node("a", FloatClip(low=0.0), ("x",), "y", float32[1, 6, 6, 3])'
    if clips == 2:
        body = body.replace('"y"', '"m"')
        body += '\nnode("b", FloatClip(low=-1.0), ("m",), "y", float32[1, 6, 6, 3])'
    samples = {"x": np.abs(inputs()["x"])}
    quantized = quantize_network(network(body, "y"), samples, PLAIN)
    (node,) = quantized.graph.nodes
    assert (node.inputs, node.output) == (("x",), "y")
    assert quantized.graph.tensors["x"].quant == quantized.graph.tensors["y"].quant


def test_functions_without_an_operator_become_tables() -> None:
    graph = network('node("s", FloatUnary(kind="silu"), ("x",), "y", float32[1, 6, 6, 3])', "y")
    quantized = quantize_network(graph, inputs(), PLAIN)
    assert isinstance(quantized.graph.nodes[0].op, Table)
    assert signal_to_noise(quantized, quantized.graph, inputs(seed=1))["y"] > 30


def test_what_has_no_int8_form_is_refused_at_once() -> None:
    graph = network(
        """
node("d", FloatBinary(kind="div"), ("x", "x"), "q", float32[1, 6, 6, 3])
node("s", FloatMean(axes=(3,), keep_dims=True), ("q",), "y", float32[1, 6, 6, 1])
""",
        "y",
    )
    with pytest.raises(UnsupportedModelError) as refusal:
        quantize_network(graph, inputs(), PLAIN)
    assert [v.node for v in refusal.value.violations] == ["d", "s"]


def test_same_input_same_graph() -> None:
    first = quantize_network(two_layers(), inputs(), PtqOptions())
    second = quantize_network(two_layers(), inputs(), PtqOptions())
    for name, const in first.graph.consts.items():
        assert np.array_equal(const.data, second.graph.consts[name].data)
    assert first.graph.tensors == second.graph.tensors
