"""Pruned and unpruned networks give the same bits: drawn ones, and trained ones."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mcucc.importer import read_onnx
from mcucc.ir import Const
from mcucc.ops import Int8Graph
from mcucc.ops.verify import total_macs, verify
from mcucc.passes import INT8, INT8_WHOLE, run_passes
from mcucc.passes.int8_.known_channels import known_channels
from mcucc.passes.int8_.narrow import narrow
from mcucc.passes.int8_.spare_channels import spare_channels
from mcucc.reference import interpreter
from tests.graphs import GraphBuilder, random_inputs
from tests.lowering import lower_quantized

OPERATORS = (
    *("conv", "conv", "conv", "depthwise", "add", "sub", "mul"),
    *("concat", "pool", "slice", "move", "resize", "others"),
)
TRAINED = (
    "vww_96_qdq",
    "vww_96_qdq_int8io",
    "vww_96_int8_tf2onnx",
    "kws_qdq",
    "resnet8_qdq",
    "ad01_qdq",
    "te_vww_qdq",
    "te_vww_tf2onnx",
    "ortq/kws_sm_ort_qoperator_u8s8",
    "ortq/vww_96_ort_qdq_default",
    "ortq/vww_96_ort_qdq_s8s8_perchannel",
    "wild/emx_micro_kws_qdq",
)


def demand_equal_outputs(before: Int8Graph, after: Int8Graph, count: int) -> None:
    """Every output has the same bits on random inputs, and on the two extreme ones."""
    inputs = random_inputs(before, count, seed=6)
    expected, found = interpreter.run(before, inputs), interpreter.run(after, inputs)
    for was, now in zip(before.outputs, after.outputs, strict=True):
        assert np.array_equal(found[now.tensor], expected[was.tensor]), was.name


@st.composite
def drawn_network(draw: st.DrawFn) -> Int8Graph:
    """A few operators on maps of few channels, many of whose weights are zero."""
    b = GraphBuilder(seed=draw(st.integers(0, 10**6)))
    b.input((1, draw(st.integers(1, 5)), draw(st.integers(1, 5)), draw(st.integers(1, 4))))
    for _ in range(draw(st.integers(2, 9))):
        maps = sorted(name for name, kind in b.tensors.items() if len(kind.shape) == 4)
        _draw_node(draw, b, draw(st.sampled_from(maps[-4:])))
    if draw(st.booleans()):
        last = b.flatten(b.nodes[-1].output)
        b.dense(b.mean(b.nodes[-2].output) if draw(st.booleans()) else last, 3)
    for node in b.nodes:
        if len(node.inputs) == 3 and draw(st.integers(0, 3)):
            _zero_some(draw, b, node.inputs[1], depthwise="depthwise" in node.name)
    more = draw(st.lists(st.sampled_from(sorted(b.tensors)), max_size=1))
    return b.build(*dict.fromkeys((b.nodes[-1].output, *more)))


@given(drawn_network())
@settings(max_examples=150)
def test_drawn_networks(graph: Int8Graph) -> None:
    after, _ = run_passes(graph, INT8)
    verify(after)
    demand_equal_outputs(graph, after, 16)
    again, events = run_passes(after, INT8)
    assert again is after
    assert all(event.declined for event in events)


@given(drawn_network())
@settings(max_examples=100)
def test_every_channel_of_drawn_networks(graph: Int8Graph) -> None:
    """Known channels are the same for all inputs; those that stay keep their bits."""
    known = known_channels(graph)
    spare = spare_channels(graph, known)
    inputs = random_inputs(graph, 16, seed=6)
    before = interpreter.run(graph, inputs)
    after = interpreter.run(narrow(graph, known, spare), inputs)
    for name, values in before.items():
        constant = values[..., known.masks[name]]
        assert np.array_equal(constant, np.broadcast_to(constant[:1], constant.shape)), name
        assert np.array_equal(after[name], values[..., spare.kept(name)]), name


def _draw_node(draw: st.DrawFn, b: GraphBuilder, x: str) -> None:
    match draw(st.sampled_from(OPERATORS)):
        case "conv":
            padding = draw(st.sampled_from(("same", (1, 0, 0, 1), (0, 1, 2, 1))))
            kernel = draw(st.sampled_from(((1, 1), (1, 1), (2, 2), (3, 2))))
            pads = "same" if kernel[0] > b.tensors[x].shape[1] else padding
            activation = draw(st.sampled_from(("none", "relu", "relu6")))
            b.conv(x, draw(st.integers(1, 6)), kernel, pads=pads, activation=activation)
        case "depthwise":
            b.depthwise(x, multiplier=draw(st.integers(1, 2)), activation="relu")
        case "add" | "sub" | "mul" | "concat" as kind:
            _draw_pair(draw, b, x, kind)
        case "pool":
            b.max_pool(x, (2, 2), pads=(1, 0, 1, 0))
            b.average_pool(x, (2, 2), pads=(0, 1, 0, 1))
        case "slice":
            shape = b.tensors[x].shape
            start = draw(st.integers(0, shape[-1] - 1))
            b.slice(x, (0, 0, 0, start), (*shape[:-1], shape[-1] - start))
        case "move":
            b.transpose(x, draw(st.sampled_from(((0, 2, 1, 3), (0, 3, 1, 2)))))
        case "resize":
            b.resize_nearest(x, (1, 2))
        case _:
            b.hard_swish(b.requantize(b.pad(x, (0, 1, 0, 0))))


def _draw_pair(draw: st.DrawFn, b: GraphBuilder, x: str, kind: str) -> None:
    """An operator on a map and another of its shape: its like, a sibling, a gate or a constant."""
    shape = b.tensors[x].shape
    alike = [name for name in sorted(b.tensors) if b.tensors[name].shape == shape]
    other = draw(st.sampled_from(alike))
    if kind == "concat":
        b.concat(x, x)
    elif kind == "mul":
        b.mul(x, b.logistic(b.mean(x, keep_dims=True)) if draw(st.booleans()) else other)
    else:
        other = b.constant(shape) if draw(st.booleans()) else other
        (b.add if kind == "add" else b.sub)(x, other)


def _zero_some(draw: st.DrawFn, b: GraphBuilder, name: str, *, depthwise: bool) -> None:
    """Set weights of zero in some outputs, in some inputs, and biases of zero with them."""
    const = b.consts[name]
    weights: NDArray[np.int8] = const.data.astype(np.int8)
    axis = weights.ndim - 1 if depthwise else 0
    outputs = draw(st.sets(st.integers(0, weights.shape[axis] - 1)))
    inputs = set[int]() if depthwise else draw(st.sets(st.integers(0, weights.shape[-1] - 1)))
    np.moveaxis(weights, axis, 0)[sorted(outputs)] = 0
    weights[..., sorted(inputs)] = 0
    b.consts[name] = Const(name, const.type, weights)
    bias = b.consts[name.replace("w", "b")]
    if draw(st.booleans()):
        sums = bias.data.astype(np.int32)
        sums[sorted(outputs)] = 0
        b.consts[bias.name] = Const(bias.name, bias.type, sums)


@pytest.mark.models
@pytest.mark.parametrize("name", TRAINED)
def test_trained_networks_on_64_random_inputs(name: str, models_dir: Path) -> None:
    imported = lower_quantized(read_onnx(models_dir / f"{name}.onnx"), "net")
    whole, _ = run_passes(imported, INT8_WHOLE)
    pruned, _ = run_passes(imported, INT8)
    demand_equal_outputs(whole, pruned, 64)


@pytest.mark.models
def test_half_of_visual_wake_words_is_dropped(models_dir: Path) -> None:
    """The figures that the design promises: half the MACs, a seventh of the weights."""
    imported = lower_quantized(read_onnx(models_dir / "vww_96_qdq.onnx"), "net")
    pruned, events = run_passes(imported, INT8)
    assert (total_macs(imported), total_macs(pruned)) == (7_489_664, 3_729_221)
    assert sum(const.type.nbytes for const in imported.consts.values()) == 219_064
    assert sum(const.type.nbytes for const in pruned.consts.values()) == 33_183
    assert [event.declined for event in events if event.name == "drop_channels"] == [None]
