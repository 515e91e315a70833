"""Each pass: IR text in, IR text out, and every reason for which it declines."""

import pytest

from mcucc.ir import parse_graph, print_graph
from mcucc.ops import INT8_OPS, Int8Graph
from mcucc.ops.verify import verify
from mcucc.passes import INT8, Int8Pass, PassEvent, run_passes
from mcucc.passes.int8_.drop_unread import DropUnread
from mcucc.passes.int8_.fold_pad import FoldPad

HEAD = """
graph("net")
input("x", int8[1, 4, 4, 2], q(0.5, -7), onnx=("x", "int8", (1, 4, 4, 2)))
"""
CONV_WEIGHTS = """
const("w", int8[1, 3, 3, 2], q(0.25, 0), [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3])
const("b", int32[1], [20])
"""
DEPTHWISE_WEIGHTS = """
const("wd", int8[1, 2, 2, 2], q(0.25, 0), [-1, 2, -3, 4, 5, 6, -7, 8])
const("bd", int32[2], [-40, 9])
"""
PAD = """
node("pad", Pad(pads=(1, 0, 2, 1)), ("x",), "p", int8[1, 5, 7, 2], q(0.5, -7), origin=("Pad_0",))
"""
Y_OUTPUT = """
output("y", onnx=("y", "int8", (1, 3, 5, 1)))
"""


def parsed(text: str) -> Int8Graph:
    graph = parse_graph(text, INT8_OPS)
    verify(graph)
    return graph


def run(text: str, *passes: Int8Pass) -> tuple[str, tuple[PassEvent, ...]]:
    """The text after the passes, each rewrite checked by the interpreter, and what they did."""
    graph, events = run_passes(parsed(text), passes, interpret=True)
    verify(graph)
    return print_graph(graph), events


def normal(text: str) -> str:
    """A text as `print_graph` writes it."""
    return print_graph(parsed(text))


# fold_pad


def test_a_pad_is_folded_into_a_convolution():
    before = f"""
{HEAD}{CONV_WEIGHTS}{PAD}
node("y", Conv2D(), ("p", "w", "b"), "y", int8[1, 3, 5, 1], q(9.0, 5), origin=("Conv_1",))
{Y_OUTPUT}"""
    after = f"""
{HEAD}{CONV_WEIGHTS}
node("y", Conv2D(pads=(1, 0, 2, 1)), ("x", "w", "b"), "y", int8[1, 3, 5, 1], q(9.0, 5), \
origin=("Pad_0", "Conv_1"))
{Y_OUTPUT}"""
    text, events = run(before, FoldPad())
    assert text == normal(after)
    assert events == (PassEvent("fold_pad", "pad", None),)


def test_a_pad_is_added_to_pads_stride_and_dilation_of_every_reader():
    ends = """
output("y", onnx=("y", "int8", (1, 3, 4, 1)))
output("z", onnx=("z", "int8", (1, 4, 5, 2)))
"""
    before = f"""
{HEAD}{CONV_WEIGHTS}{DEPTHWISE_WEIGHTS}{PAD}
node("y", Conv2D(stride=(2, 2), pads=(2, 1, 1, 1), activation="relu"), ("p", "w", "b"), "y", \
int8[1, 3, 4, 1], q(9.0, -20))
node("z", DepthwiseConv2D(dilation=(1, 2)), ("p", "wd", "bd"), "z", int8[1, 4, 5, 2], q(3.0, 2))
{ends}"""
    after = f"""
{HEAD}{CONV_WEIGHTS}{DEPTHWISE_WEIGHTS}
node("y", Conv2D(stride=(2, 2), pads=(3, 1, 3, 2), activation="relu"), ("x", "w", "b"), "y", \
int8[1, 3, 4, 1], q(9.0, -20), origin=("Pad_0",))
node("z", DepthwiseConv2D(dilation=(1, 2), pads=(1, 0, 2, 1)), ("x", "wd", "bd"), "z", \
int8[1, 4, 5, 2], q(3.0, 2), origin=("Pad_0",))
{ends}"""
    text, events = run(before, FoldPad())
    assert text == normal(after)
    assert events == (PassEvent("fold_pad", "pad", None),)


LOWEST = PAD.replace("pads=(1, 0, 2, 1)", "pads=(1, 0, 1, 1), value=-128").replace("7, 2]", "6, 2]")
POOL = 'node("y", MaxPool2D(kernel=({0})), ("{1}",), "y", int8[1, 4, 5, 2], q(0.5, -7){2})\n'
POOLED = """
output("y", onnx=("y", "int8", (1, 4, 5, 2)))
"""


def test_a_max_pool_takes_a_pad_with_the_lowest_integer():
    before = HEAD + LOWEST + POOL.format("2, 2", "p", "") + POOLED
    after = HEAD + POOL.replace("({0})", "(2, 2), pads=(1, 0, 1, 1)").format(
        "", "x", ', origin=("Pad_0",)'
    )
    text, events = run(before, FoldPad())
    assert text == normal(after + POOLED)
    assert events == (PassEvent("fold_pad", "pad", None),)


@pytest.mark.parametrize(
    ("pad", "reason"),
    [
        (LOWEST.replace("-128", "-127"), "the border may win over pixels in 'y'"),
        (LOWEST.replace(", value=-128", ""), "the border may win over pixels in 'y'"),
        (
            LOWEST.replace("(1, 0, 1, 1)", "(2, -1, 1, 1)"),
            "a window of 'y' may see the border alone",
        ),
    ],
)
def test_a_pad_of_a_max_pool_stays(pad: str, reason: str):
    graph = parse_graph(HEAD + pad + POOL.format("2, 2", "p", "") + POOLED, INT8_OPS)
    node = next(node for node in graph.nodes if node.name == "pad")
    assert FoldPad().check(graph, node) == reason


def test_two_pads_in_a_row_are_folded_the_last_first():
    before = f"""
{HEAD}{CONV_WEIGHTS}{PAD}
node("more", Pad(pads=(0, 1, 0, 0)), ("p",), "q", int8[1, 6, 7, 2], q(0.5, -7))
node("y", Conv2D(), ("q", "w", "b"), "y", int8[1, 4, 5, 1], q(9.0, 5))
output("y", onnx=("y", "int8", (1, 4, 5, 1)))
"""
    after = f"""
{HEAD}{CONV_WEIGHTS}
node("y", Conv2D(pads=(1, 1, 2, 1)), ("x", "w", "b"), "y", int8[1, 4, 5, 1], q(9.0, 5), \
origin=("Pad_0",))
output("y", onnx=("y", "int8", (1, 4, 5, 1)))
"""
    text, events = run(before, FoldPad())
    assert text == normal(after)
    assert [event.node for event in events] == ["more", "pad"]


def test_a_padded_map_that_is_an_output_stays():
    text = f"""
{HEAD}{CONV_WEIGHTS}{PAD}
node("y", Conv2D(), ("p", "w", "b"), "y", int8[1, 3, 5, 1], q(9.0, 5))
{Y_OUTPUT}
output("p", onnx=("p", "int8", (1, 5, 7, 2)))
"""
    after, events = run(text, FoldPad())
    assert after == normal(text)
    assert events == (PassEvent("fold_pad", "pad", "the padded map is an output"),)


def test_a_pad_with_a_reader_that_is_no_convolution_stays():
    text = f"""
{HEAD}{CONV_WEIGHTS}{PAD}
node("y", Conv2D(), ("p", "w", "b"), "y", int8[1, 3, 5, 1], q(9.0, 5))
node("mean", Mean(axes=(1, 2)), ("p",), "m", int8[1, 2], q(0.25, 5))
{Y_OUTPUT}
output("m", onnx=("m", "int8", (1, 2)))
"""
    after, events = run(text, FoldPad())
    assert after == normal(text)
    assert events == (PassEvent("fold_pad", "pad", "'mean' is no convolution"),)


# drop_unread


def test_dead_branches_are_dropped_with_their_weights():
    before = f"""
{HEAD}{CONV_WEIGHTS}{DEPTHWISE_WEIGHTS}
node("y", Conv2D(pads=(0, 1, 1, 1)), ("x", "w", "b"), "y", int8[1, 3, 4, 1], q(9.0, 5))
node("dead", DepthwiseConv2D(), ("x", "wd", "bd"), "d", int8[1, 3, 3, 2], q(3.0, 5))
node("deader", Requantize(), ("d",), "e", int8[1, 3, 3, 2], q(2.0, 5))
output("y", onnx=("y", "int8", (1, 3, 4, 1)))
"""
    after = f"""
{HEAD}{CONV_WEIGHTS}
node("y", Conv2D(pads=(0, 1, 1, 1)), ("x", "w", "b"), "y", int8[1, 3, 4, 1], q(9.0, 5))
output("y", onnx=("y", "int8", (1, 3, 4, 1)))
"""
    text, events = run(before, DropUnread())
    assert text == normal(after)
    assert [(event.node, event.declined) for event in events] == [("deader", None), ("dead", None)]


def test_outputs_and_what_is_read_are_not_dropped():
    text = f"""
{HEAD}{CONV_WEIGHTS}{PAD}
node("y", Conv2D(), ("p", "w", "b"), "y", int8[1, 3, 5, 1], q(9.0, 5))
{Y_OUTPUT}"""
    after, events = run(text, DropUnread())
    assert after == normal(text)
    assert events == ()


# The pipeline


def test_a_pad_that_a_dead_branch_reads_too_is_folded():
    before = f"""
{HEAD}{CONV_WEIGHTS}{PAD}
node("y", Conv2D(), ("p", "w", "b"), "y", int8[1, 3, 5, 1], q(9.0, 5))
node("dead", Mean(axes=(1, 2)), ("p",), "m", int8[1, 2], q(0.25, 5))
{Y_OUTPUT}"""
    text, events = run(before, *INT8)
    assert [(event.name, event.node, event.declined) for event in events] == [
        ("drop_unread", "dead", None),
        ("fold_pad", "pad", None),
    ]
    assert "Pad(" not in text


def test_the_passes_have_distinct_names():
    assert len({each.name for each in INT8}) == len(INT8)
