"""Dropping what does nothing, pads into operators, clips as activations."""

import pytest

from mcucc.passes.float_.drop_identity import DropIdentity
from mcucc.passes.float_.fold_pad import FoldPad
from mcucc.passes.float_.fuse_activation import FuseActivation
from tests.passes.float_text import CONV, MAP, declined, normal, out, parsed, run

TYPE = "float32[1, 4, 4, 2]"
TANH = f'node("tanh", FloatUnary(kind="tanh"), ("x",), "t", {TYPE})\n'
SOFT = f'node("soft", FloatSoftmax(), ("{{0}}",), "y", {TYPE})\n'
Y = out("y", 1, 4, 4, 2)
ONE = 'const("k", float32[2], [1.0, 1.0])\n'
ZERO = 'const("k", float32[()], [0.0])\n'

# drop_identity


@pytest.mark.parametrize(
    "idle",
    [
        'node("i", FloatReshape(shape=(1, 4, 4, 2)), ("t",), "i", {type})',
        ONE + 'node("i", FloatBinary(kind="mul"), ("k", "t"), "i", {type})',
        ONE + 'node("i", FloatBinary(kind="div"), ("t", "k"), "i", {type})',
        ZERO + 'node("i", FloatBinary(kind="add"), ("k", "t"), "i", {type})',
        ZERO + 'node("i", FloatBinary(kind="sub"), ("t", "k"), "i", {type})',
        'node("i", FloatClip(low=None, high=None), ("t",), "i", {type})',
        'node("i", FloatMaxPool2D(kernel=(1, 1)), ("t",), "i", {type})',
        'node("i", FloatAveragePool2D(kernel=(1, 1)), ("t",), "i", {type})',
        'node("i", FloatPad(pads=(0, 0, 0, 0), value=3.0), ("t",), "i", {type})',
        'node("i", FloatResizeNearest(factor=(1, 1)), ("t",), "i", {type})',
        'node("i", FloatSlice(starts=(0, 0, 0, 0), sizes=(1, 4, 4, 2)), ("t",), "i", {type})',
        'node("i", FloatConcat(), ("t",), "i", {type})',
    ],
)
def test_what_does_nothing_is_dropped_within_and_at_the_end(idle: str):
    line = idle.replace("{type}", TYPE) + "\n"
    kept = MAP + TANH + SOFT.format("t") + Y
    assert run(MAP + TANH + line + SOFT.format("i") + Y, DropIdentity()) == normal(kept)
    end = 'output("{0}", onnx=("out", "float32", (1, 4, 4, 2)))\n'
    before = MAP + TANH + line + end.format("i")
    assert run(before, DropIdentity()) == normal(MAP + TANH + end.format("t"))


def test_a_mean_of_single_elements_is_dropped():
    text = """
input("x", float32[1, 1, 4, 2], onnx=("x", "float32", (1, 1, 4, 2)))
node("mean", FloatMean(axes=(1,), keep_dims=True), ("x",), "m", float32[1, 1, 4, 2])
node("soft", FloatSoftmax(), ("m",), "y", float32[1, 1, 4, 2])
""" + out("y", 1, 1, 4, 2)
    kept = "\n".join(line for line in text.splitlines() if "FloatMean" not in line)
    assert run(text, DropIdentity()) == normal(kept.replace('"m"', '"x"'))


@pytest.mark.parametrize(
    "line",
    [
        ONE + 'node("i", FloatBinary(kind="div"), ("k", "t"), "i", {type})',
        ZERO + 'node("i", FloatBinary(kind="sub"), ("k", "t"), "i", {type})',
        ZERO + 'node("i", FloatBinary(kind="add", activation="relu"), ("k", "t"), "i", {type})',
        ZERO + 'node("i", FloatBinary(kind="mul"), ("k", "t"), "i", {type})',
        'node("i", FloatClip(low=None, high=3.0), ("t",), "i", {type})',
        'node("i", FloatMaxPool2D(kernel=(3, 3), pads=(1, 1, 1, 1)), ("t",), "i", {type})',
    ],
)
def test_what_does_something_is_no_candidate(line: str):
    text = MAP + TANH.replace("tanh", "exp") + line.replace("{type}", TYPE) + "\n"
    assert declined(text + SOFT.format("i") + Y, DropIdentity()) == []


@pytest.mark.parametrize(
    ("first", "second", "dropped"),
    [
        ("low=0.0, high=6.0", "low=0.0, high=None", True),
        ("low=0.0, high=6.0", "low=-1.0, high=6.0", True),
        ("low=0.0, high=None", "low=0.0, high=6.0", False),
        ("low=-1.0, high=6.0", "low=0.0, high=None", False),
    ],
)
def test_a_clip_to_wider_bounds_is_dropped(first: str, second: str, dropped: bool):
    inner = f'node("c", FloatClip({first}), ("x",), "c", {TYPE})\n'
    outer = f'node("d", FloatClip({second}), ("c",), "d", {TYPE})\n'
    text = run(MAP + inner + outer + SOFT.format("d") + Y, DropIdentity())
    assert (text == normal(MAP + inner + SOFT.format("c") + Y)) is dropped


def test_dead_branches_are_dropped_with_their_weights():
    dead = f"""{CONV}
node("conv", FloatConv2D(), ("t", "w", "b"), "c", float32[1, 4, 4, 3])
node("relu", FloatClip(), ("c",), "d", float32[1, 4, 4, 3])
"""
    kept = MAP + TANH + SOFT.format("t") + Y
    assert run(MAP + TANH + dead + SOFT.format("t") + Y, DropIdentity()) == normal(kept)


def test_the_last_of_several_reshapes_is_kept():
    before = f"""
{MAP}
node("a", FloatReshape(shape=(1, 8, 4)), ("x",), "a", float32[1, 8, 4], origin=("A",))
node("b", FloatReshape(shape=(1, 32)), ("a",), "b", float32[1, 32], origin=("B",))
node("soft", FloatSoftmax(), ("b",), "y", float32[1, 32])
{out("y", 1, 32)}"""
    after = f"""
{MAP}
node("b", FloatReshape(shape=(1, 32)), ("x",), "b", float32[1, 32], origin=("A", "B"))
node("soft", FloatSoftmax(), ("b",), "y", float32[1, 32])
{out("y", 1, 32)}"""
    assert run(before, DropIdentity()) == normal(after)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            MAP + f'node("i", FloatClip(low=None), ("x",), "y", {TYPE})\n' + Y,
            "it stands between an input and an output",
        ),
        (
            MAP
            + TANH
            + f'node("i", FloatClip(low=None), ("t",), "y", {TYPE})\n'
            + Y
            + out("t", 1, 4, 4, 2),
            "'t' is an output too",
        ),
    ],
)
def test_what_does_nothing_stays_where_two_names_are_needed(text: str, reason: str):
    assert declined(text, DropIdentity()) == [("i", reason)]


# fold_pad

PAD = (
    'node("pad", FloatPad(pads=(1, 0, 2, 1)), ("{0}",), "p", float32[1, 5, 7, 2], origin=("P",))\n'
)
POOL = 'node("pool", FloatMaxPool2D(kernel=({0})), ("p",), "y", float32[{1}])\n'
RELU = f'node("relu", FloatClip(), ("x",), "r", {TYPE})\n'


def test_a_pad_is_added_to_the_pads_of_every_reader():
    text = f"""
{MAP}{CONV}
const("wd", float32[1, 1, 1, 2], [1.0, 2.0])
const("bd", float32[2], [1.0, 2.0])
{{0}}
node("conv", FloatConv2D(pads=({{1}})), ("{{2}}", "w", "b"), "y", float32[1, 6, 7, 3]{{3}})
node("dw", FloatDepthwiseConv2D(stride=(1, 2){{4}}), ("{{2}}", "wd", "bd"), "z", \
float32[1, 5, 4, 2]{{3}})
{out("y", 1, 6, 7, 3)}{out("z", 1, 5, 4, 2)}"""
    before = text.format(PAD.format("x"), "0, 1, 0, 0", "p", "", "")
    after = text.format("", "1, 1, 2, 1", "x", ', origin=("P",)', ", pads=(1, 0, 2, 1)")
    assert run(before, FoldPad()) == normal(after)


def test_a_max_pool_takes_a_pad_over_where_nothing_is_negative():
    before = MAP + RELU + PAD.format("r") + POOL.format("2, 3", "1, 4, 5, 2")
    after = MAP + RELU + (
        'node("pool", FloatMaxPool2D(kernel=(2, 3), pads=(1, 0, 2, 1)), ("r",), "y", '
        'float32[1, 4, 5, 2], origin=("P",))\n'
    )  # fmt: skip
    end = out("y", 1, 4, 5, 2)
    assert run(before + end, FoldPad()) == normal(after + end)


CONV_OF_PAD = 'node("conv", FloatConv2D(), ("p", "w", "b"), "y", float32[1, 5, 7, 3])\n'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            MAP + CONV + PAD.format("x").replace("pads", "value=1.0, pads") + CONV_OF_PAD,
            "the border is not zero",
        ),
        (
            MAP
            + CONV
            + 'node("pad", FloatPad(pads=(2, -1, 2, 1)), ("x",), "p", float32[1, 5, 7, 2])\n'
            + CONV_OF_PAD,
            "it cuts the map",
        ),
        (
            MAP + CONV + PAD.format("x") + CONV_OF_PAD + out("p", 1, 5, 7, 2),
            "the padded map is an output",
        ),
        (
            MAP
            + PAD.format("x")
            + 'node("pool", FloatAveragePool2D(kernel=(5, 7)), ("p",), "y", float32[1, 1, 1, 2])\n',
            "'pool' is neither a convolution nor a max pool",
        ),
        (
            MAP + PAD.format("x") + POOL.format("2, 3", "1, 4, 5, 2"),
            "zeros may win over negative pixels in 'pool'",
        ),
        (
            MAP + RELU + PAD.format("r") + POOL.format("2, 2", "1, 4, 6, 2"),
            "a window of 'pool' may see the border alone",
        ),
    ],
)
def test_a_pad_stays(text: str, reason: str):
    text += out("y", *parsed(text).tensors["y"].shape)
    graph = parsed(text)
    node = next(node for node in graph.nodes if node.name == "pad")
    assert FoldPad().check(graph, node) == reason


# fuse_activation

ADD = 'node("op", FloatBinary(kind="add"{0}), ("x", "x"), "o", float32[1, 4, 4, 2])\n'
CLIPPED = 'node("clip", FloatClip({0}), ("o",), "y", float32[1, 4, 4, 2])\n'


@pytest.mark.parametrize(
    ("before", "clip", "after"),
    [
        ("none", "low=0.0, high=None", "relu"),
        ("none", "low=0.0, high=6.0", "relu6"),
        ("relu", "low=0.0, high=6.0", "relu6"),
        ("relu", "low=None, high=6.0", "relu6"),
        ("relu6", "low=-1.0, high=7.0", "relu6"),
    ],
)
def test_a_clip_becomes_an_activation(before: str, clip: str, after: str):
    text = MAP + ADD.format(f', activation="{before}"') + CLIPPED.format(clip) + Y
    fused = ADD.format(f', activation="{after}"').replace('"o"', '"y"')
    assert run(text, FuseActivation()) == normal(MAP + fused + Y)


@pytest.mark.parametrize(
    ("op", "weights", "shape"),
    [
        ("FloatConv2D", "float32[2, 1, 1, 2], [1.0, 2.0, 3.0, 4.0]", "1, 4, 4, 2"),
        ("FloatDepthwiseConv2D", "float32[1, 1, 1, 2], [1.0, 2.0]", "1, 4, 4, 2"),
        ("FloatDense", "float32[2, 2], [1.0, 2.0, 3.0, 4.0]", "1, 2"),
    ],
)
def test_layers_take_an_activation(op: str, weights: str, shape: str):
    before = f"""
input("x", float32[{shape}], onnx=("x", "float32", ({shape})))
const("w", {weights})
const("b", float32[2], [1.0, 0.0])
node("op", {op}(), ("x", "w", "b"), "o", float32[{shape}], origin=("A",))
node("clip", FloatClip(), ("o",), "y", float32[{shape}], origin=("B",))
output("y", onnx=("y", "float32", ({shape})))
"""
    after = f"""
input("x", float32[{shape}], onnx=("x", "float32", ({shape})))
const("w", {weights})
const("b", float32[2], [1.0, 0.0])
node("op", {op}(activation="relu"), ("x", "w", "b"), "y", float32[{shape}], origin=("A", "B"))
output("y", onnx=("y", "float32", ({shape})))
"""
    assert run(before, FuseActivation()) == normal(after)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            MAP + TANH.replace('"t"', '"o"') + CLIPPED.format(""),
            "what makes 'o' has no activation",
        ),
        (MAP + CLIPPED.format("").replace('"o"', '"x"'), "what makes 'x' has no activation"),
        (
            MAP + ADD.format("") + CLIPPED.format("low=0.0, high=1.0"),
            "the bounds are no Relu and no Relu6",
        ),
        (
            MAP + ADD.format("") + CLIPPED.format("low=-1.0, high=6.0"),
            "the bounds are no Relu and no Relu6",
        ),
        (MAP + ADD.format("") + CLIPPED.format("") + out("o", 1, 4, 4, 2), "'o' is read elsewhere"),
    ],
)
def test_a_clip_stays(text: str, reason: str):
    assert declined(text + Y, FuseActivation()) == [("clip", reason)]
