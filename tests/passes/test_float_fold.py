"""Folding of batch normalization and per-channel arithmetic."""

import numpy as np
import pytest

from mcucc.passes import run_passes
from mcucc.passes.float_.affine_to_depthwise import AffineToDepthwise
from mcucc.passes.float_.fold_into_producer import FoldIntoProducer
from mcucc.passes.float_.fold_into_reader import FoldIntoReader
from tests.passes.float_text import CONV, MAP, VECTOR, declined, normal, out, parsed, run

BATCH_NORM = """
const("gain", float32[3], [2.0, -4.0, 1.0])
const("beta", float32[3], [1.0, 2.0, 3.0])
const("mean", float32[3], [0.5, 1.0, -1.0])
const("var", float32[3], [4.0, 1.0, 0.25])
"""
NORM = 'FloatBatchNorm(epsilon=0.0), ("c", "gain", "beta", "mean", "var")'
NORMED = f"""
{MAP}{CONV}{BATCH_NORM}
node("conv", FloatConv2D(), ("x", "w", "b"), "c", float32[1, 4, 4, 3], origin=("Conv_0",))
node("norm", {NORM}, "y", float32[1, 4, 4, 3], origin=("BN_1",))
{out("y", 1, 4, 4, 3)}"""


def binary(kind: str, operands: str, *, activation: str = "none", shape: str = "1, 4, 4, 3") -> str:
    op = f'FloatBinary(kind="{kind}", activation="{activation}")'
    return f'node("scale", {op}, ({operands}), "y", float32[{shape}])\n'


# Into the layer before


def test_a_batch_norm_is_folded_into_the_convolution_before():
    # scale: 2/2, -4/1, 1/0.5; shift: beta - mean * scale
    after = f"""
{MAP}
const("w", float32[3, 1, 1, 2], [1.0, 2.0, 12.0, -16.0, 10.0, -12.0])
const("b", float32[3], [1.5, 6.0, 3.0])
node("conv", FloatConv2D(), ("x", "w", "b"), "y", float32[1, 4, 4, 3], origin=("Conv_0", "BN_1"))
{out("y", 1, 4, 4, 3)}"""
    assert run(NORMED, FoldIntoProducer()) == normal(after)


@pytest.mark.parametrize(
    ("kind", "operands", "weights", "bias"),
    [
        ("mul", '"c", "k"', [2.0, 4.0, -12.0, 16.0, 40.0, -48.0], [2.0, 0.0, -8.0]),
        ("div", '"c", "k"', [0.5, 1.0, -0.75, 1.0, 0.625, -0.75], [0.5, 0.0, -0.125]),
        ("add", '"k", "c"', [1.0, 2.0, -3.0, 4.0, 5.0, -6.0], [3.0, 4.0, 7.0]),
        ("sub", '"c", "k"', [1.0, 2.0, -3.0, 4.0, 5.0, -6.0], [-1.0, -4.0, -9.0]),
        ("sub", '"k", "c"', [-1.0, -2.0, 3.0, -4.0, -5.0, 6.0], [1.0, 4.0, 9.0]),
    ],
)
def test_arithmetic_with_a_constant_per_channel_is_folded_back(
    kind: str, operands: str, weights: list[float], bias: list[float]
):
    before = f"""
{MAP}{CONV}
const("k", float32[1, 1, 3], [2.0, 4.0, 8.0])
node("conv", FloatConv2D(), ("x", "w", "b"), "c", float32[1, 4, 4, 3])
{binary(kind, operands, activation="relu")}{out("y", 1, 4, 4, 3)}"""
    after = f"""
{MAP}
const("w", float32[3, 1, 1, 2], {weights})
const("b", float32[3], {bias})
node("conv", FloatConv2D(activation="relu"), ("x", "w", "b"), "y", float32[1, 4, 4, 3])
{out("y", 1, 4, 4, 3)}"""
    assert run(before, FoldIntoProducer()) == normal(after)


def test_a_matmul_and_an_add_become_a_dense_layer():
    before = f"""
{VECTOR}
const("w", float32[2, 4], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
const("zero", float32[2], [0.0, 0.0])
const("k", float32[2], [0.5, -0.5])
node("matmul", FloatDense(), ("x", "w", "zero"), "c", float32[1, 2])
{binary("add", '"c", "k"', shape="1, 2")}{out("y", 1, 2)}"""
    text = run(before, FoldIntoProducer())
    assert 'const("zero", float32[2], [0.5, -0.5])' in text
    assert "FloatBinary" not in text


def test_a_number_is_folded_into_a_depthwise_convolution():
    before = f"""
{MAP}
const("w", float32[1, 2, 1, 4], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
const("b", float32[4], [1.0, 2.0, 3.0, 4.0])
const("k", float32[()], [2.0])
node("dw", FloatDepthwiseConv2D(pads=(1, 0, 0, 0)), ("x", "w", "b"), "c", float32[1, 4, 4, 4])
{binary("mul", '"k", "c"', shape="1, 4, 4, 4")}{out("y", 1, 4, 4, 4)}"""
    after = f"""
{MAP}
const("w", float32[1, 2, 1, 4], [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0])
const("b", float32[4], [2.0, 4.0, 6.0, 8.0])
node("dw", FloatDepthwiseConv2D(pads=(1, 0, 0, 0)), ("x", "w", "b"), "y", float32[1, 4, 4, 4])
{out("y", 1, 4, 4, 4)}"""
    assert run(before, FoldIntoProducer()) == normal(after)


def test_weights_that_another_layer_shares_are_left_to_it():
    before = f"""
{MAP}{CONV}
const("k", float32[3], [2.0, 4.0, 8.0])
node("conv", FloatConv2D(), ("x", "w", "b"), "c", float32[1, 4, 4, 3])
node("same", FloatConv2D(), ("x", "w", "b"), "z", float32[1, 4, 4, 3])
{binary("mul", '"c", "k"')}{out("y", 1, 4, 4, 3)}{out("z", 1, 4, 4, 3)}"""
    graph, _ = run_passes(parsed(before), [FoldIntoProducer()], interpret=True)
    conv, same = graph.nodes
    assert same.inputs == ("x", "w", "b")
    assert conv.inputs == ("x", "conv.weights", "conv.bias")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            'const("k", float32[1, 4, 1, 1], [1.0, 2.0, 3.0, 4.0])\n'
            'node("conv", FloatConv2D(), ("x", "w", "b"), "c", float32[1, 4, 4, 3])\n'
            + binary("mul", '"c", "k"'),
            "the constant [1, 4, 1, 1] is neither one number nor one per channel",
        ),
        (
            'const("k", float32[()], [3.0])\n'
            'node("conv", FloatConv2D(), ("x", "w", "b"), "c", float32[1, 4, 4, 3])\n'
            'node("pos", FloatUnary(kind="exp"), ("c",), "e", float32[1, 4, 4, 3])\n'
            + binary("div", '"k", "e"'),
            "it divides by its input",
        ),
        (
            'const("k", float32[3], [1.0, 2.0, 3.0])\n'
            'node("conv", FloatMaxPool2D(kernel=(1, 2)), ("x",), "p", float32[1, 4, 3, 2])\n'
            'node("mean", FloatMean(axes=(3,), keep_dims=True), ("p",), "c", float32[1, 4, 3, 1])\n'
            + binary("mul", '"c", "k"', shape="1, 4, 3, 3"),
            "it broadcasts its input to another shape",
        ),
        (
            'const("k", float32[2], [1.0, 2.0])\n' + binary("mul", '"x", "k"', shape="1, 4, 4, 2"),
            "'x' is not made by a convolution or dense layer",
        ),
        (
            'const("k", float32[3], [1.0, 2.0, 3.0])\n'
            'node("conv", FloatConv2D(activation="relu"), ("x", "w", "b"), "c", '
            "float32[1, 4, 4, 3])\n" + binary("mul", '"c", "k"'),
            "'conv' has an activation",
        ),
        (
            'const("k", float32[3], [1.0, 2.0, 3.0])\n'
            'node("conv", FloatConv2D(), ("x", "w", "b"), "c", float32[1, 4, 4, 3])\n'
            + binary("mul", '"c", "k"')
            + out("c", 1, 4, 4, 3),
            "'c' is read elsewhere",
        ),
    ],
)
def test_folding_back_is_declined(lines: str, reason: str):
    text = MAP + CONV + lines
    shape = parsed(text).tensors["y"].shape
    assert declined(text + out("y", *shape), FoldIntoProducer()) == [("scale", reason)]


# Into the layers after


def test_a_batch_norm_is_folded_into_every_layer_after():
    before = f"""
{MAP}
const("gain", float32[2], [2.0, -4.0])
const("beta", float32[2], [1.0, 2.0])
const("mean", float32[2], [0.5, 1.0])
const("var", float32[2], [4.0, 1.0])
const("wd", float32[1, 1, 1, 4], [1.0, 2.0, 3.0, 4.0])
const("bd", float32[4], [0.0, 0.0, 0.0, 1.0])
{CONV}
node("norm", FloatBatchNorm(epsilon=0.0), ("x", "gain", "beta", "mean", "var"), "n", \
float32[1, 4, 4, 2], origin=("BN_0",))
node("conv", FloatConv2D(), ("n", "w", "b"), "y", float32[1, 4, 4, 3], origin=("Conv_1",))
node("dw", FloatDepthwiseConv2D(), ("n", "wd", "bd"), "z", float32[1, 4, 4, 4])
{out("y", 1, 4, 4, 3)}{out("z", 1, 4, 4, 4)}"""
    # It scales the two channels by 1 and -4 and shifts them by 0.5 and 6.
    after = f"""
{MAP}
const("wd", float32[1, 1, 1, 4], [1.0, 2.0, -12.0, -16.0])
const("bd", float32[4], [0.5, 1.0, 18.0, 25.0])
const("w", float32[3, 1, 1, 2], [1.0, -8.0, -3.0, -16.0, 5.0, 24.0])
const("b", float32[3], [13.5, 22.5, -34.5])
node("conv", FloatConv2D(), ("x", "w", "b"), "y", float32[1, 4, 4, 3], origin=("BN_0", "Conv_1"))
node("dw", FloatDepthwiseConv2D(), ("x", "wd", "bd"), "z", float32[1, 4, 4, 4], origin=("BN_0",))
{out("y", 1, 4, 4, 3)}{out("z", 1, 4, 4, 4)}"""
    assert run(before, FoldIntoReader()) == normal(after)


def test_a_scale_is_folded_into_a_convolution_in_groups_that_pads():
    before = f"""
{MAP}
const("k", float32[2], [2.0, 3.0])
const("w", float32[4, 1, 2, 1], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
const("b", float32[4], [0.0, 0.0, 0.0, 1.0])
node("scale", FloatBinary(kind="mul"), ("x", "k"), "s", float32[1, 4, 4, 2])
node("conv", FloatConv2D(pads=(0, 0, 1, 0)), ("s", "w", "b"), "y", float32[1, 4, 4, 4])
{out("y", 1, 4, 4, 4)}"""
    text = run(before, FoldIntoReader())
    assert 'const("w", float32[4, 1, 2, 1], [2.0, 4.0, 6.0, 8.0, 15.0, 18.0, 21.0, 24.0])' in text
    assert "FloatBinary" not in text


def test_a_scale_and_a_shift_are_folded_into_a_dense_layer():
    before = f"""
{VECTOR}
const("k", float32[1, 4], [2.0, 0.5, 1.0, 0.0])
const("w", float32[2, 4], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
const("b", float32[2], [1.0, 0.0])
node("scale", FloatBinary(kind="mul"), ("x", "k"), "s", float32[1, 4])
node("shift", FloatBinary(kind="add"), ("s", "k"), "t", float32[1, 4])
node("dense", FloatDense(), ("t", "w", "b"), "y", float32[1, 2])
{out("y", 1, 2)}"""
    after = f"""
{VECTOR}
const("w", float32[2, 4], [2.0, 1.0, 3.0, 0.0, 10.0, 3.0, 7.0, 0.0])
const("b", float32[2], [7.0, 20.0])
node("dense", FloatDense(), ("x", "w", "b"), "y", float32[1, 2])
{out("y", 1, 2)}"""
    assert run(before, FoldIntoReader()) == normal(after)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            (
                'const("k", float32[4, 1, 1], [1.0, 2.0, 3.0, 4.0])\n'
                'node("scale", FloatBinary(kind="add"), ("x", "k"), "s", float32[1, 4, 4, 2])\n'
                'node("conv", FloatConv2D(), ("s", "w", "b"), "y", float32[1, 4, 4, 3])\n'
            ),
            "the constant [4, 1, 1] is neither one number nor one per channel",
        ),
        (
            (
                'const("k", float32[()], [3.0])\n'
                'node("scale", FloatBinary(kind="add", activation="relu"), ("x", "k"), "s", '
                "float32[1, 4, 4, 2])\n"
                'node("conv", FloatConv2D(), ("s", "w", "b"), "y", float32[1, 4, 4, 3])\n'
            ),
            "it has an activation",
        ),
        (
            'const("k", float32[()], [3.0])\n'
            'node("scale", FloatBinary(kind="add"), ("x", "k"), "s", float32[1, 4, 4, 2])\n'
            'node("conv", FloatConv2D(), ("s", "w", "b"), "y", float32[1, 4, 4, 3])\n'
            + out("s", 1, 4, 4, 2),
            "its result is an output",
        ),
        (
            'const("k", float32[()], [3.0])\n'
            'node("scale", FloatBinary(kind="add"), ("x", "k"), "s", float32[1, 4, 4, 2])\n'
            'node("conv", FloatConv2D(), ("s", "w", "b"), "y", float32[1, 4, 4, 3])\n'
            'node("soft", FloatSoftmax(), ("s",), "z", float32[1, 4, 4, 2])\n'
            + out("z", 1, 4, 4, 2),
            "'soft' is no convolution or dense layer",
        ),
        (
            (
                'const("k", float32[()], [3.0])\n'
                'node("scale", FloatBinary(kind="sub"), ("x", "k"), "s", float32[1, 4, 4, 2])\n'
                'node("conv", FloatConv2D(pads=(0, 0, 0, 1)), ("s", "w", "b"), "y", '
                "float32[1, 4, 5, 3])\n"
            ),
            "'conv' pads with zeros what is shifted",
        ),
    ],
)
def test_folding_ahead_is_declined(lines: str, reason: str):
    shape = parsed(MAP + CONV + lines).tensors["y"].shape
    text = MAP + CONV + lines + out("y", *shape)
    assert declined(text, FoldIntoReader()) == [("scale", reason)]


# Into a layer of its own


def test_what_is_left_becomes_one_depthwise_convolution():
    before = f"""
{MAP}
const("k", float32[2], [2.0, 4.0])
const("one", float32[()], [1.0])
node("first", FloatBinary(kind="add"), ("x", "one"), "a", float32[1, 4, 4, 2], origin=("Add_0",))
node("second", FloatBinary(kind="mul"), ("k", "a"), "m", float32[1, 4, 4, 2], origin=("Mul_1",))
node("third", FloatBinary(kind="sub", activation="relu6"), ("one", "m"), "y", \
float32[1, 4, 4, 2], origin=("Sub_2",))
{out("y", 1, 4, 4, 2)}"""
    after = f"""
{MAP}
const("first.weights", float32[1, 1, 1, 2], [-2.0, -4.0])
const("first.bias", float32[2], [-1.0, -3.0])
node("first", FloatDepthwiseConv2D(activation="relu6"), ("x", "first.weights", "first.bias"), \
"y", float32[1, 4, 4, 2], origin=("Add_0", "Mul_1", "Sub_2"))
{out("y", 1, 4, 4, 2)}"""
    assert run(before, AffineToDepthwise()) == normal(after)


def test_a_chain_ends_at_an_activation():
    before = f"""
{MAP}
const("k", float32[2], [2.0, 4.0])
node("first", FloatBinary(kind="mul", activation="relu"), ("x", "k"), "a", float32[1, 4, 4, 2])
node("second", FloatBinary(kind="add"), ("a", "k"), "y", float32[1, 4, 4, 2])
{out("y", 1, 4, 4, 2)}"""
    graph, _ = run_passes(parsed(before), [AffineToDepthwise()], interpret=True)
    assert [node.name for node in graph.nodes] == ["first", "second"]


@pytest.mark.parametrize(("shape", "view"), [((1, 2), (1, 1, 1, 2)), ((1, 5, 2), (1, 5, 1, 2))])
def test_vectors_and_sequences_are_viewed_as_maps(shape: tuple[int, ...], view: tuple[int, ...]):
    before = f"""
input("x", float32{list(shape)}, onnx=("x", "float32", {shape}))
const("k", float32[2], [2.0, 4.0])
node("scale", FloatBinary(kind="div"), ("x", "k"), "y", float32{list(shape)})
{out("y", *shape)}"""
    after = f"""
input("x", float32{list(shape)}, onnx=("x", "float32", {shape}))
const("scale.weights", float32[1, 1, 1, 2], [0.5, 0.25])
const("scale.bias", float32[2], [0.0, 0.0])
node("scale.map", FloatReshape(shape={view}), ("x",), "scale.map", float32{list(view)})
node("scale", FloatDepthwiseConv2D(), ("scale.map", "scale.weights", "scale.bias"), \
"scale.scaled", float32{list(view)})
node("scale.scaled", FloatReshape(shape={shape}), ("scale.scaled",), "y", float32{list(shape)})
{out("y", *shape)}"""
    assert run(before, AffineToDepthwise()) == normal(after)


def test_a_constant_of_the_shape_of_the_map_stays():
    data = np.arange(32, dtype=np.float32).tolist()
    text = f"""
{MAP}
const("k", float32[1, 4, 4, 2], {data})
node("scale", FloatBinary(kind="mul"), ("x", "k"), "y", float32[1, 4, 4, 2])
{out("y", 1, 4, 4, 2)}"""
    reason = "the constant [1, 4, 4, 2] is neither one number nor one per channel"
    assert declined(text, AffineToDepthwise()) == [("scale", reason)]


def test_a_tensor_with_more_axes_stays():
    text = """
input("x", float32[1, 2, 2, 2, 2], onnx=("x", "float32", (1, 2, 2, 2, 2)))
const("k", float32[2], [2.0, 4.0])
node("scale", FloatBinary(kind="mul"), ("x", "k"), "y", float32[1, 2, 2, 2, 2])
""" + out("y", 1, 2, 2, 2, 2)
    reason = "[1, 2, 2, 2, 2] is no map, sequence or vector"
    assert declined(text, AffineToDepthwise()) == [("scale", reason)]
