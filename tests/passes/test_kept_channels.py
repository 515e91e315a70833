"""Channels that do not depend on the input but stay, and why."""

from tests.passes.channel_text import (
    BORDER,
    DEPTHWISE,
    HEAD,
    READER,
    WINDOW,
    demand_unchanged,
    dropped,
)


def test_an_output_keeps_all_channels():
    output = 'output("c", onnx=("c", "int8", (1, 4, 4, 3)))\n'
    reasons = {"c": "it is an output of the network"}
    demand_unchanged(HEAD + READER.format("c") + output, reasons)


def test_an_input_keeps_all_channels():
    text = HEAD.replace("[3, 1, 0, 0, 4, -1]", "[3, 0, 5, 0, 4, 0]")
    graph, events = dropped(text + READER.format("c"))
    assert graph.tensors["x"].shape == (1, 4, 4, 2)
    assert events == {}


def test_padding_with_another_number():
    text = f"""{HEAD}{WINDOW}
node("y", Conv2D(pads=(1, 1, 1, 1)), ("c", "w3", "b3"), "y", int8[1, 4, 4, 1], q(9.0, 5))
output("y", onnx=("y", "int8", (1, 4, 4, 1)))
"""
    demand_unchanged(text, {"c": "'y' pads it with another number"})


def test_padding_below_and_on_the_right_alone():
    text = f"""{HEAD}{WINDOW}
node("y", Conv2D(pads=(0, 2, 0, 2)), ("c", "w3", "b3"), "y", int8[1, 4, 4, 1], q(9.0, 5))
output("y", onnx=("y", "int8", (1, 4, 4, 1)))
"""
    demand_unchanged(text, {"c": "'y' pads it with another number"})


def test_a_border_that_is_the_same_on_all_sides():
    """What differs is the inside alone."""
    text = f"""{HEAD}
const("wd", int8[1, 3, 3, 3], q(0.25, 0), [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, \
1, 2, 3, 1, 2, 3, 1, 2, 3])
const("bd", int32[3], [1, 2, 3])
node("d", DepthwiseConv2D(pads=(1, 1, 1, 1)), ("c", "wd", "bd"), "d", int8[1, 4, 4, 3], q(2.0, 5))
{READER.format("d")}"""
    demand_unchanged(text, {"c": BORDER.format("y"), "d": BORDER.format("y")})


def test_a_border_that_differs():
    text = HEAD + DEPTHWISE + READER.format("d")
    demand_unchanged(text, {"c": BORDER.format("y"), "d": BORDER.format("y")})


def test_a_sum_with_what_depends_on_the_input():
    text = f"""{HEAD}
const("we", int8[3, 1, 1, 2], q(0.25, 0), [1, 2, 3, 4, 5, 6])
const("be", int32[3], [1, 2, 3])
node("e", Conv2D(), ("x", "we", "be"), "e", int8[1, 4, 4, 3], q(2.0, 1))
node("add", Add(), ("c", "e"), "s", int8[1, 4, 4, 3], q(2.0, -9))
{READER.format("s")}"""
    demand_unchanged(text, {"c": "'add' mixes it with what depends on the input"})


def test_one_of_two_readers_that_cannot_take_it_up():
    text = f"""{HEAD}{WINDOW}
node("z", Conv2D(pads=(1, 1, 1, 1)), ("c", "w3", "b3"), "z", int8[1, 4, 4, 1], q(9.0, 5))
output("z", onnx=("z", "int8", (1, 4, 4, 1)))
{READER.format("c")}"""
    demand_unchanged(text, {"c": "'z' pads it with another number"})


def test_accumulators_that_may_overflow():
    text = HEAD.replace("[100, 200]", f"[100, {2**31 - 3000}]") + READER.format("c")
    demand_unchanged(text, {"c": "the accumulators of 'y' may overflow"})


def test_a_softmax_is_over_all_channels():
    text = f"""{HEAD}
node("y", Softmax(), ("c",), "y", int8[1, 4, 4, 3], q(0.00390625, -128))
output("y", onnx=("y", "int8", (1, 4, 4, 3)))
"""
    demand_unchanged(text, {"c": "'y' is over all channels"})


def test_a_grouped_convolution():
    text = f"""{HEAD}
const("wg", int8[3, 1, 1, 1], q(0.25, 0), [1, 2, 3])
const("bg", int32[3], [1, 2, 3])
node("g", Conv2D(), ("c", "wg", "bg"), "g", int8[1, 4, 4, 3], q(1.0, 5))
{READER.format("g")}"""
    demand_unchanged(text, {"c": "'g' works in groups", "g": "'g' works in groups"})


def test_a_transpose_of_channels():
    text = f"""{HEAD}
const("wt", int8[1, 1, 1, 4], q(0.25, 0), [1, 2, 3, 4])
const("bt", int32[1], [1])
node("t", Transpose(perm=(0, 3, 1, 2)), ("c",), "t", int8[1, 3, 4, 4], q(1.0, 5))
node("y", Conv2D(), ("t", "wt", "bt"), "y", int8[1, 3, 4, 1], q(9.0, 5))
output("y", onnx=("y", "int8", (1, 3, 4, 1)))
"""
    demand_unchanged(text, {"c": "'t' moves the channels elsewhere"})


def test_a_reshape_that_mixes_channels_and_pixels():
    text = f"""{HEAD}
const("wt", int8[1, 1, 1, 4], q(0.25, 0), [1, 2, 3, 4])
const("bt", int32[1], [1])
node("r", Reshape(shape=(1, 3, 4, 4)), ("c",), "r", int8[1, 3, 4, 4], q(1.0, 5))
node("y", Conv2D(), ("r", "wt", "bt"), "y", int8[1, 3, 4, 1], q(9.0, 5))
output("y", onnx=("y", "int8", (1, 3, 4, 1)))
"""
    demand_unchanged(text, {"c": "'r' mixes channels and pixels"})


def test_a_constant_that_is_a_weight_too_keeps_its_channels():
    """As an operand channel 1 could go, but the same bytes are the weights of y."""
    text = f"""{HEAD.replace("int8[2, 1, 1, 3]", "int8[1, 1, 1, 3]").replace(", -2, -20, 5]", "]")}
const("bo", int32[1], [9])
node("e", Mul(), ("c", "wy"), "e", int8[1, 4, 4, 3], q(2.0, 1))
node("y", Conv2D(), ("e", "wy", "bo"), "y", int8[1, 4, 4, 1], q(9.0, 5))
output("y", onnx=("y", "int8", (1, 4, 4, 1)))
""".replace('const("by", int32[2], [100, 200])\n', "")
    demand_unchanged(text, {"c": "it is a weight too", "e": "it is a weight too"})


def test_a_network_without_such_channels_is_left_alone():
    text = HEAD.replace("[3, 1, 0, 0, 4, -1]", "[3, 1, 5, 0, 4, -1]") + READER.format("c")
    demand_unchanged(text, {})
