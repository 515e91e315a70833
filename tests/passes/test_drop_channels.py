"""Channels that do not depend on the input, or that nobody needs, are dropped."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.ir import parse_graph, print_graph
from mcucc.ops import INT8_OPS
from mcucc.ops.verify import total_macs
from mcucc.passes import run_passes
from mcucc.passes.int8_.drop_channels import DropChannels
from tests.graphs import GraphBuilder, quant
from tests.passes.channel_text import (
    AT_ZERO_POINT,
    DEPTHWISE,
    HEAD,
    READER,
    WINDOW,
    channels,
    data,
    dropped,
)


def test_a_constant_channel_goes_into_the_bias_of_its_reader():
    after = """
graph("net")
input("x", int8[1, 4, 4, 2], q(0.5, -7), onnx=("x", "int8", (1, 4, 4, 2)))
const("wc", int8[2, 1, 1, 2], q((0.25, 0.125), 0, 0), [3, 1, 4, -1])
const("bc", int32[2], [20, -9])
const("wy", int8[2, 1, 1, 2], q(0.25, 0), [1, 3, -2, 5])
const("by", int32[2], [120, 160])
node("c", Conv2D(), ("x", "wc", "bc"), "c", int8[1, 4, 4, 2], q(1.0, 5))
node("y", Conv2D(), ("c", "wy", "by"), "y", int8[1, 4, 4, 2], q(9.0, 5))
output("y", onnx=("y", "int8", (1, 4, 4, 2)))
"""
    graph, events = dropped(HEAD + READER.format("c"))
    assert print_graph(graph) == print_graph(parse_graph(after, INT8_OPS))
    assert events == {"c": None}


def test_what_is_made_of_constant_channels_alone_is_constant():
    text = f"""{HEAD}
const("wm", int8[3, 1, 1, 3], q(0.25, 0), [1, 2, 3, 0, 4, 0, 5, 6, 7])
const("bm", int32[3], [1, 2, 3])
node("m", Conv2D(), ("c", "wm", "bm"), "m", int8[1, 4, 4, 3], q(2.0, 1))
{READER.format("m")}"""
    graph, _ = dropped(text)
    assert channels(graph) == {"c": 2, "m": 2, "y": 2}


def test_weights_too_small_to_matter_are_as_good_as_zeros():
    text = HEAD.replace(
        "0.5, 0.125), 0, 0), [3, 1, 0, 0,", "1e-12, 0.125), 0, 0), [3, 1, 99, -127,"
    )
    graph, _ = dropped(text + READER.format("c"))
    assert channels(graph) == {"c": 2, "y": 2}


def test_a_channel_that_is_always_clamped_is_constant():
    text = HEAD.replace("[20, 8, -9]", "[20, -99999, -9]")
    graph, _ = dropped(text + READER.format("c"))
    assert channels(graph) == {"c": 2, "y": 2}


def test_a_shift_that_leaves_32_bits_makes_no_constant():
    """Channel 1 sums up to 1,000 .. 65,770 and is shifted by 16 bits: both ends are positive then,
    and saturate, but what lies between 2^15 and 2^16 is negative."""
    text = HEAD.replace("0.25, 0.5,", "0.25, 129761.28,").replace("[20, 8,", "[20, 31734,")
    text = text.replace("[3, 1, 0, 0,", "[3, 1, 127, 127,")
    graph, _ = dropped(text + READER.format("c"))
    assert channels(graph) == {"c": 3, "y": 2}


def test_a_window_without_padding_takes_the_sum_of_its_taps():
    text = f"""{HEAD}{WINDOW}
node("y", Conv2D(), ("c", "w3", "b3"), "y", int8[1, 2, 2, 1], q(9.0, 5))
output("y", onnx=("y", "int8", (1, 2, 2, 1)))
"""
    graph, _ = dropped(text)
    assert (channels(graph)["c"], data(graph, "b3")) == (2, [1000 + 2 * 45])


def test_padding_that_no_window_reaches_does_not_matter():
    text = f"""{HEAD}{WINDOW}
node("y", Conv2D(stride=(3, 3), pads=(0, 1, 0, 1)), ("c", "w3", "b3"), "y", \
int8[1, 1, 1, 1], q(9.0, 5))
output("y", onnx=("y", "int8", (1, 1, 1, 1)))
"""
    assert channels(dropped(text)[0])["c"] == 2


def test_padding_with_the_same_number_does_not_matter():
    text = f"""{AT_ZERO_POINT}{WINDOW}
node("y", Conv2D(pads=(1, 1, 1, 1)), ("c", "w3", "b3"), "y", int8[1, 4, 4, 1], q(9.0, 5))
output("y", onnx=("y", "int8", (1, 4, 4, 1)))
"""
    graph, _ = dropped(text)
    assert (channels(graph)["c"], data(graph, "b3")) == (2, [1000])


def test_a_depthwise_layer_passes_a_zero_point_on():
    graph, _ = dropped(AT_ZERO_POINT + DEPTHWISE + READER.format("d"))
    assert channels(graph) == {"c": 2, "d": 2, "y": 2}
    assert data(graph, "wd") == [1, 3, 4, 6, 7, 9, 1, 3]
    assert data(graph, "bd") == [1, 3]


def test_a_depthwise_layer_whose_border_rounds_to_the_same_number():
    text = HEAD + DEPTHWISE.replace("q(2.0, 5)", "q(99.0, 5)") + READER.format("d")
    assert channels(dropped(text)[0]) == {"c": 2, "d": 2, "y": 2}


def test_a_depthwise_layer_with_several_outputs_for_each_input():
    text = f"""{HEAD}
const("wd", int8[1, 1, 1, 6], q(0.25, 0), [1, 2, 3, 4, 5, 6])
const("bd", int32[6], [1, 2, 3, 4, 5, 6])
const("w6", int8[1, 1, 1, 6], q(0.25, 0), [1, 2, 3, 4, 5, 6])
const("b6", int32[1], [50])
node("d", DepthwiseConv2D(), ("c", "wd", "bd"), "d", int8[1, 4, 4, 6], q(2.0, 5))
node("y", Conv2D(), ("d", "w6", "b6"), "y", int8[1, 4, 4, 1], q(9.0, 5))
output("y", onnx=("y", "int8", (1, 4, 4, 1)))
"""
    graph, _ = dropped(text)
    assert channels(graph) == {"c": 2, "d": 4, "y": 1}
    assert data(graph, "wd") == [1, 2, 5, 6]


def test_a_mean_evens_the_border_out():
    text = f"""{HEAD}{DEPTHWISE}
const("wf", int8[1, 3], q(0.25, 0), [1, 10, 3])
const("bf", int32[1], [50])
node("m", Mean(axes=(1, 2)), ("d",), "m", int8[1, 3], q(0.25, 5))
node("y", FullyConnected(), ("m", "wf", "bf"), "y", int8[1, 1], q(9.0, 5))
output("y", onnx=("y", "int8", (1, 1)))
"""
    assert channels(dropped(text)[0]) == {"c": 2, "d": 2, "m": 2, "y": 1}


def test_a_flattened_map_loses_the_channel_at_every_pixel():
    weights = list(range(1, 49))
    text = f"""{HEAD}
const("wf", int8[1, 48], q(0.25, 0), {weights})
const("bf", int32[1], [50])
node("f", Reshape(shape=(1, 48)), ("c",), "f", int8[1, 48], q(1.0, 5))
node("y", FullyConnected(), ("f", "wf", "bf"), "y", int8[1, 1], q(9.0, 5))
output("y", onnx=("y", "int8", (1, 1)))
"""
    graph, _ = dropped(text)
    assert channels(graph) == {"c": 2, "f": 32, "y": 1}
    assert data(graph, "wf") == [w for w in weights if w % 3 != 2]
    assert data(graph, "bf") == [50 + 2 * sum(w for w in weights if w % 3 == 2)]


@pytest.mark.parametrize(
    "node",
    [
        'Requantize(), ("c",), "e", int8[1, 4, 4, 3], q(0.5, 1)',
        'Clamp(low=-9, high=6), ("c",), "e", int8[1, 4, 4, 3], q(1.0, 5)',
        'Tanh(), ("c",), "e", int8[1, 4, 4, 3], q(0.0078125, 0)',
        'Add(), ("c", "c"), "e", int8[1, 4, 4, 3], q(2.0, 1)',
        'Mul(), ("c", "gate"), "e", int8[1, 4, 4, 3], q(2.0, 1)',
        'Sub(), ("map", "c"), "e", int8[1, 4, 4, 3], q(2.0, 1)',
        'MaxPool2D(kernel=(2, 2), pads=(1, 0, 1, 0)), ("c",), "e", int8[1, 4, 4, 3], q(1.0, 5)',
        'AveragePool2D(kernel=(2, 2), pads=(1, 0, 1, 0)), ("c",), "e", int8[1, 4, 4, 3], q(1.0, 5)',
        'Transpose(perm=(0, 2, 1, 3)), ("c",), "e", int8[1, 4, 4, 3], q(1.0, 5)',
        'Slice(starts=(0, 0, 0, 0), sizes=(1, 4, 4, 3)), ("c",), "e", int8[1, 4, 4, 3], q(1.0, 5)',
    ],
    ids=lambda text: text.partition("(")[0],
)
def test_operators_that_work_channel_by_channel_pass_it_on(node: str):
    constants = {
        "gate": 'const("gate", int8[1, 1, 1, 3], q(0.5, 1), [4, 5, 6])',
        "map": f'const("map", int8[1, 4, 4, 3], q(0.5, 1), {[1, 7, 9] * 16})',
    }
    used = "\n".join(const for name, const in constants.items() if f'"{name}"' in node)
    text = f'{HEAD}{used}\nnode("e", {node})\n{READER.format("e")}'
    graph, _ = dropped(text)
    assert channels(graph) == {"c": 2, "e": 2, "y": 2}


def test_both_sides_of_a_residual_sum_lose_what_is_constant_in_both():
    text = f"""{HEAD}
const("we", int8[3, 1, 1, 2], q(0.25, 0), [1, 2, 0, 0, 3, 4])
const("be", int32[3], [1, 2, 3])
node("e", Conv2D(), ("x", "we", "be"), "e", int8[1, 4, 4, 3], q(2.0, 1))
node("add", Add(activation="relu"), ("c", "e"), "s", int8[1, 4, 4, 3], q(2.0, -9))
{READER.format("s")}"""
    assert channels(dropped(text)[0]) == {"c": 2, "e": 2, "s": 2, "y": 2}


def test_a_concatenation_loses_the_channels_of_its_parts():
    text = f"""{HEAD}
const("w6", int8[1, 1, 1, 6], q(0.25, 0), [1, 2, 3, 4, 5, 6])
const("b6", int32[1], [50])
node("k", Concat(), ("c", "c"), "k", int8[1, 4, 4, 6], q(1.0, 5))
node("y", Conv2D(), ("k", "w6", "b6"), "y", int8[1, 4, 4, 1], q(9.0, 5))
output("y", onnx=("y", "int8", (1, 4, 4, 1)))
"""
    graph, _ = dropped(text)
    assert channels(graph) == {"c": 2, "k": 4, "y": 1}
    assert data(graph, "w6") == [1, 3, 4, 6]
    assert data(graph, "b6") == [50 + 2 * (2 + 5)]


def test_a_concatenation_of_unlike_parts():
    text = f"""{HEAD}
const("w5", int8[1, 1, 1, 5], q(0.25, 0), [1, 2, 3, 4, 5])
const("b5", int32[1], [50])
const("we", int8[2, 1, 1, 2], q(0.25, 0), [1, 2, 3, 4])
const("be", int32[2], [1, 2])
node("e", Conv2D(), ("x", "we", "be"), "e", int8[1, 4, 4, 2], q(1.0, 5))
node("k", Concat(), ("c", "e"), "k", int8[1, 4, 4, 5], q(1.0, 5))
node("y", Conv2D(), ("k", "w5", "b5"), "y", int8[1, 4, 4, 1], q(9.0, 5))
output("y", onnx=("y", "int8", (1, 4, 4, 1)))
"""
    graph, _ = dropped(text)
    assert channels(graph) == {"c": 2, "e": 2, "k": 4, "y": 1}
    assert data(graph, "w5") == [1, 3, 4, 5]
    assert data(graph, "b5") == [50 + 2 * 2]


def test_channels_outside_of_every_block_are_not_made():
    """A Slice of channels 1 and 2: channel 0 depends on the input, and nobody reads it."""
    text = f"""{HEAD}
const("w2", int8[1, 1, 1, 2], q(0.25, 0), [1, 2])
const("b2", int32[1], [50])
node("s", Slice(starts=(0, 1, 0, 1), sizes=(1, 2, 4, 2)), ("c",), "s", int8[1, 2, 4, 2], q(1.0, 5))
node("y", Conv2D(), ("s", "w2", "b2"), "y", int8[1, 2, 4, 1], q(9.0, 5))
output("y", onnx=("y", "int8", (1, 2, 4, 1)))
"""
    graph, _ = dropped(text)
    assert channels(graph) == {"c": 1, "s": 1, "y": 1}
    assert "Slice(starts=(0, 1, 0, 0), sizes=(1, 2, 4, 1))" in print_graph(graph)


def test_channels_that_every_reader_multiplies_by_zero_are_not_made():
    text = HEAD.replace("[1, 10, 3, -2, -20, 5]", "[0, 10, 3, 0, -20, 5]")
    graph, _ = dropped(
        text + DEPTHWISE.replace("(1, 0, 1, 0)", "(0, 1, 0, 1)") + READER.format("d")
    )
    assert channels(graph) == {"c": 2, "d": 2, "y": 2}
    assert data(graph, "wc") == [0, 0, 4, -1]


def test_weights_that_two_layers_share_become_two():
    text = f"""{HEAD}
const("wn", int8[3, 1, 1, 2], q(0.25, 0), [1, 2, 3, 4, 5, 6])
const("bn", int32[3], [1, 2, 3])
node("n", Conv2D(), ("x", "wn", "bn"), "n", int8[1, 4, 4, 3], q(1.0, 5))
node("z", Conv2D(), ("n", "wy", "by"), "z", int8[1, 4, 4, 2], q(9.0, 5))
output("z", onnx=("z", "int8", (1, 4, 4, 2)))
{READER.format("c")}"""
    graph, _ = dropped(text)
    assert channels(graph) == {"c": 2, "n": 3, "z": 2, "y": 2}
    assert data(graph, "wy") == [1, 10, 3, -2, -20, 5]
    assert data(graph, graph.producers["y"].inputs[1]) == [1, 3, -2, 5]


def test_a_map_keeps_one_channel():
    text = HEAD.replace("[3, 1, 0, 0, 4, -1]", "[0, 0, 0, 0, 0, 0]") + READER.format("c")
    graph, events = dropped(text)
    assert channels(graph) == {"c": 1, "y": 2}
    assert events["c"] == "a map without channels would be no map"


# Several together


def zeroed(builder: GraphBuilder, node: int, rows: list[int]) -> None:
    """Set the weights of some output channels of a convolution to zero."""
    const = builder.consts[f"w{node}"]
    weights: NDArray[np.int8] = const.data.astype(np.int8)
    weights[rows] = 0
    builder.consts[f"w{node}"] = type(const)(const.name, const.type, weights)


def test_dead_channels_at_both_ends_of_a_block():
    """Expansion, depthwise, projection, sum: constants forwards and unread channels backwards."""
    b = GraphBuilder(seed=3)
    x = b.conv(b.input((1, 6, 6, 3)), 4, q=quant(0.2))
    wide = b.conv(x, 8, (1, 1), activation="relu", bias=[-5] * 8)
    zeroed(b, 1, [1, 4, 6])
    narrow = b.conv(b.depthwise(wide), 4, (1, 1))
    b.conv(b.add(x, narrow), 2, (1, 1))
    graph = b.build()
    after, events = run_passes(graph, [DropChannels()], interpret=True)
    assert [event.declined for event in events] == [None]
    assert channels(after)[wide] == 5
    assert channels(after)[narrow] == 4
    assert total_macs(after) == total_macs(graph) - 36 * 3 * (4 + 9 + 4)
