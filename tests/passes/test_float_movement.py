"""Transposes and Reshapes."""

import pytest

from mcucc.passes import FLOAT, run_passes
from mcucc.passes.float_.absorb_transposes import AbsorbTransposes
from mcucc.passes.float_.compose_transposes import ComposeTransposes
from mcucc.passes.float_.hoist_transposes import HoistTransposes
from mcucc.passes.float_.sink_reshapes import SinkReshapes
from mcucc.passes.float_.sink_transposes import SinkTransposes
from mcucc.passes.float_.together import Together
from tests.passes.float_text import declined, normal, out, parsed, run

X = 'input("x", float32[1, 4, 5, 2], onnx=("x", "float32", (1, 4, 5, 2)))\n'
CLIPPED = 'node("clip", FloatClip(), ("x",), "c", float32[1, 4, 5, 2])\n'
TO_NCHW = "FloatTranspose(perm=(0, 3, 1, 2))"
TO_NHWC = "FloatTranspose(perm=(0, 2, 3, 1))"
T = f'node("t", {TO_NCHW}, ("c",), "t", float32[1, 2, 4, 5], origin=("T_1",))\n'
X_T = f'node("t", {TO_NCHW}, ("x",), "t", float32[1, 2, 4, 5])\n'
SOFT = 'node("soft", FloatSoftmax(), ("t",), "y", float32[1, 2, 4, 5])\n'

# compose_transposes


def test_transposes_that_undo_each_other_vanish():
    before = f"""
{X}{CLIPPED}{T}
node("back", {TO_NHWC}, ("t",), "u", float32[1, 4, 5, 2])
node("soft", FloatSoftmax(), ("u",), "y", float32[1, 4, 5, 2])
{out("y", 1, 4, 5, 2)}"""
    after = f"""
{X}{CLIPPED}
node("soft", FloatSoftmax(), ("c",), "y", float32[1, 4, 5, 2])
{out("y", 1, 4, 5, 2)}"""
    assert run(before, ComposeTransposes()) == normal(after)


def test_transposes_in_a_row_become_one_and_others_keep_the_first():
    before = f"""
{X}{CLIPPED}{T}
node("more", FloatTranspose(perm=(0, 2, 1, 3)), ("t",), "u", float32[1, 4, 2, 5], origin=("T_2",))
node("soft", FloatSoftmax(), ("u",), "y", float32[1, 4, 2, 5])
node("other", FloatSoftmax(), ("t",), "z", float32[1, 2, 4, 5])
{out("y", 1, 4, 2, 5)}{out("z", 1, 2, 4, 5)}"""
    after = f"""
{X}{CLIPPED}{T}
node("more", FloatTranspose(perm=(0, 1, 3, 2)), ("c",), "u", float32[1, 4, 2, 5], \
origin=("T_1", "T_2"))
node("soft", FloatSoftmax(), ("u",), "y", float32[1, 4, 2, 5])
node("other", FloatSoftmax(), ("t",), "z", float32[1, 2, 4, 5])
{out("y", 1, 4, 2, 5)}{out("z", 1, 2, 4, 5)}"""
    _, events = run_passes(parsed(before), [ComposeTransposes()], interpret=True)
    assert run(before, ComposeTransposes()) == normal(after)
    assert [(e.node, e.declined) for e in events if e.declined] == [
        ("t", "it moves elements, and 'c' is not transposed"),
        ("more", "it moves elements, and 'c' is not transposed"),
    ]


def test_a_transpose_that_moves_axes_of_one_element_is_a_reshape():
    before = f"""
input("x", float32[1, 1, 1, 8], onnx=("x", "float32", (1, 1, 1, 8)))
node("t", {TO_NCHW}, ("x",), "t", float32[1, 8, 1, 1])
node("clip", FloatClip(), ("t",), "y", float32[1, 8, 1, 1])
{out("y", 1, 8, 1, 1)}"""
    assert run(before, ComposeTransposes()) == normal(
        before.replace(TO_NCHW, "FloatReshape(shape=(1, 8, 1, 1))")
    )


def test_an_identity_between_input_and_output_stays():
    text = f"""
{X}
node("t", FloatTranspose(perm=(0, 1, 2, 3)), ("x",), "y", float32[1, 4, 5, 2])
{out("y", 1, 4, 5, 2)}"""
    reason = "it stands between an input and an output"
    assert declined(text, ComposeTransposes()) == [("t", reason)]


def test_an_identity_between_two_outputs_stays():
    text = f"""
{X}{CLIPPED}
node("t", FloatTranspose(perm=(0, 1, 2, 3)), ("c",), "y", float32[1, 4, 5, 2])
{out("y", 1, 4, 5, 2)}{out("c", 1, 4, 5, 2)}"""
    assert declined(text, ComposeTransposes()) == [("t", "'c' is an output too")]


# absorb_transposes


def test_an_input_takes_the_layout_in_which_it_is_read():
    before = f"""
{X}{X_T}
node("same", {TO_NCHW}, ("x",), "u", float32[1, 2, 4, 5])
node("add", FloatBinary(kind="add"), ("t", "u"), "y", float32[1, 2, 4, 5])
{out("y", 1, 2, 4, 5)}"""
    after = f"""
input("x", float32[1, 2, 4, 5], onnx=("x", "float32", (1, 4, 5, 2)), perm=(0, 3, 1, 2))
node("add", FloatBinary(kind="add"), ("x", "x"), "y", float32[1, 2, 4, 5])
{out("y", 1, 2, 4, 5)}"""
    assert run(before, AbsorbTransposes()) == normal(after)


def test_the_order_of_a_port_that_has_one_is_composed():
    before = f"""
input("x", float32[1, 4, 5, 2], onnx=("x", "float32", (1, 2, 4, 5)), perm=(0, 2, 3, 1))
{X_T}{SOFT}{out("y", 1, 2, 4, 5)}"""
    after = f"""
input("x", float32[1, 2, 4, 5], onnx=("x", "float32", (1, 2, 4, 5)))
{SOFT.replace('"t"', '"x"')}{out("y", 1, 2, 4, 5)}"""
    assert run(before, AbsorbTransposes()) == normal(after)


@pytest.mark.parametrize(("perm", "after"), [(None, (0, 2, 3, 1)), ((0, 3, 1, 2), None)])
def test_an_output_takes_the_layout_in_which_it_is_made(
    perm: tuple[int, ...] | None, after: tuple[int, ...] | None
):
    shape = (1, 2, 4, 5) if perm is None else (1, 4, 5, 2)
    before = X + CLIPPED + T + out("t", *shape, perm=perm)
    suffix = "" if after is None else f", perm={after}"
    port = f'output("c", onnx=("t", "float32", {shape}){suffix})\n'
    assert run(before, AbsorbTransposes()) == normal(X + CLIPPED + port)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (X + CLIPPED + T + SOFT, "it is neither at an input nor at an output"),
        (
            X + X_T + SOFT + 'node("c", FloatClip(), ("x",), "z", float32[1, 4, 5, 2])\n'
            + out("z", 1, 4, 5, 2),
            "'c' reads 'x' in another layout",
        ),
        (X + X_T + SOFT + out("t", 1, 2, 4, 5), "it stands between an input and an output"),
        (X + CLIPPED + T + SOFT + out("t", 1, 2, 4, 5), "'t' is read inside the network too"),
        (
            X + CLIPPED + T + SOFT.replace('"t"', '"c"').replace("2, 4, 5", "4, 5, 2")
            + out("t", 1, 2, 4, 5) + out("c", 1, 4, 5, 2),
            "'c' is an output too",
        ),
        (
            X + X_T.replace("(0, 3, 1, 2)", "(1, 0, 2, 3)").replace("1, 2, 4, 5]", "4, 1, 5, 2]")
            + SOFT.replace("1, 2, 4, 5]", "4, 1, 5, 2]"),
            "it moves the batch",
        ),
    ],
)  # fmt: skip
def test_a_transpose_stays_at_a_port(text: str, reason: str):
    shape = parsed(text).tensors["y"].shape
    before = parsed(text + out("y", *shape))
    node = next(node for node in before.nodes if node.name == "t")
    assert AbsorbTransposes().check(before, node) == reason


# hoist_transposes


def test_a_transpose_moves_above_a_reshape_that_adds_an_axis():
    before = f"""
input("x", float32[1, 9, 16], onnx=("x", "float32", (1, 9, 16)))
node("r", FloatReshape(shape=(1, 9, 16, 1)), ("x",), "r", float32[1, 9, 16, 1], origin=("R",))
node("t", {TO_NHWC}, ("r",), "t", float32[1, 16, 1, 9], origin=("T",))
node("soft", FloatSoftmax(), ("t",), "y", float32[1, 16, 1, 9])
{out("y", 1, 16, 1, 9)}"""
    after = f"""
input("x", float32[1, 9, 16], onnx=("x", "float32", (1, 9, 16)))
node("x.transposed", FloatTranspose(perm=(0, 2, 1)), ("x",), "x.transposed", \
float32[1, 16, 9], origin=("T",))
node("t", FloatReshape(shape=(1, 16, 1, 9)), ("x.transposed",), "t", float32[1, 16, 1, 9], \
origin=("R", "T"))
node("soft", FloatSoftmax(), ("t",), "y", float32[1, 16, 1, 9])
{out("y", 1, 16, 1, 9)}"""
    assert run(before, HoistTransposes()) == normal(after)
    assert "perm=(0, 2, 1))" in run(before, HoistTransposes(), AbsorbTransposes())


RESHAPED = 'node("r", FloatReshape(shape=(1, 8, 5)), ("{0}",), "r", float32[1, 8, 5])\n'
WIDER = 'node("r", FloatReshape(shape=(1, 4, 1, 5, 2)), ("{0}",), "r", float32[1, 4, 1, 5, 2])\n'
SWAPPED = """
node("t", FloatTranspose(perm=(0, 2, 1)), ("r",), "t", float32[1, 5, 8])
node("soft", FloatSoftmax(), ("t",), "y", float32[1, 5, 8])
"""
SWAPPED_WIDER = """
node("t", FloatTranspose(perm=(0, 3, 2, 1, 4)), ("r",), "t", float32[1, 5, 1, 4, 2])
node("soft", FloatSoftmax(), ("t",), "y", float32[1, 5, 1, 4, 2])
"""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (X + CLIPPED + T + SOFT, "'c' is not reshaped"),
        (X + RESHAPED.format("x") + SWAPPED, "'r' splits or merges axes"),
        (
            X + CLIPPED + WIDER.format("c") + SWAPPED_WIDER,
            "'c' is neither an input nor transposed",
        ),
        (X + WIDER.format("x") + SWAPPED_WIDER + out("r", 1, 4, 1, 5, 2), "'r' is read elsewhere"),
    ],
)
def test_a_transpose_stays_below_a_reshape(text: str, reason: str):
    text += out("y", *parsed(text).tensors["y"].shape)
    assert declined(text, HoistTransposes()) == [("t", reason)]


# sink_transposes


def test_a_transpose_sinks_below_elementwise_operators_with_their_constants():
    before = f"""
{X}{X_T}
const("k", float32[2, 1, 1], [2.0, 3.0])
node("relu", FloatClip(), ("t",), "r", float32[1, 2, 4, 5], origin=("Relu",))
node("mul", FloatBinary(kind="mul"), ("k", "r"), "y", float32[1, 2, 4, 5])
{out("y", 1, 2, 4, 5)}"""
    after = f"""
{X}
const("k.inner", float32[1, 1, 1, 2], [2.0, 3.0])
node("relu", FloatClip(), ("x",), "r.inner", float32[1, 4, 5, 2], origin=("Relu",))
node("mul", FloatBinary(kind="mul"), ("k.inner", "r.inner"), "y.inner", float32[1, 4, 5, 2])
node("t", {TO_NCHW}, ("y.inner",), "y", float32[1, 2, 4, 5])
{out("y", 1, 2, 4, 5)}"""
    assert run(before, SinkTransposes()) == normal(after)


def test_two_operands_that_are_transposed_alike_are_transposed_once_below():
    before = f"""
{X}{CLIPPED}{X_T}
node("mean", FloatMean(axes=(1, 2), keep_dims=True), ("c",), "m", float32[1, 1, 1, 2])
node("u", {TO_NCHW}, ("m",), "u", float32[1, 2, 1, 1])
node("add", FloatBinary(kind="add"), ("t", "u"), "y", float32[1, 2, 4, 5])
{out("y", 1, 2, 4, 5)}"""
    graph, _ = run_passes(parsed(before), [SinkTransposes()], interpret=True)
    assert [node.name for node in graph.nodes] == ["clip", "mean", "add", "t"]
    assert graph.nodes[2].inputs == ("x", "m")


@pytest.mark.parametrize("undone", [False, True])
def test_a_transpose_at_an_input_is_absorbed_or_undone(undone: bool):
    end = (
        f'node("back", {TO_NHWC}, ("y",), "z", float32[1, 4, 5, 2])\n' + out("z", 1, 4, 5, 2)
        if undone
        else 'node("soft", FloatSoftmax(), ("y",), "z", float32[1, 2, 4, 5])\n'
        + out("z", 1, 2, 4, 5)
    )
    relu = 'node("tanh", FloatUnary(kind="tanh"), ("t",), "y", float32[1, 2, 4, 5])\n'
    graph, _ = run_passes(parsed(X + X_T + relu + end), FLOAT, interpret=True)
    assert [node.name for node in graph.nodes] == (["tanh"] if undone else ["tanh", "soft"])
    assert graph.inputs[0].perm == (None if undone else (0, 3, 1, 2))


def test_a_residual_network_in_the_other_layout_loses_all_transposes():
    before = f"""
{X}
const("w", float32[2, 1, 1, 2], [1.0, 2.0, -3.0, 0.5])
const("b", float32[2], [1.0, 0.0])
{X_T}
node("t1", {TO_NHWC}, ("t",), "u1", float32[1, 4, 5, 2])
node("c1", FloatConv2D(), ("u1", "w", "b"), "v1", float32[1, 4, 5, 2])
node("s1", {TO_NCHW}, ("v1",), "w1", float32[1, 2, 4, 5])
node("a1", FloatBinary(kind="add"), ("t", "w1"), "z1", float32[1, 2, 4, 5])
node("r1", FloatClip(), ("z1",), "q1", float32[1, 2, 4, 5])
node("t2", {TO_NHWC}, ("q1",), "u2", float32[1, 4, 5, 2])
node("c2", FloatConv2D(), ("u2", "w", "b"), "v2", float32[1, 4, 5, 2])
node("s2", {TO_NCHW}, ("v2",), "w2", float32[1, 2, 4, 5])
node("a2", FloatBinary(kind="add"), ("w2", "q1"), "z2", float32[1, 2, 4, 5])
node("end", {TO_NHWC}, ("z2",), "y", float32[1, 4, 5, 2])
{out("y", 1, 4, 5, 2)}"""
    graph, _ = run_passes(parsed(before), FLOAT, interpret=True)
    assert [node.name for node in graph.nodes] == ["c1", "a1", "c2", "a2"]
    assert all(port.perm is None for port in (*graph.inputs, *graph.outputs))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (X + X_T + out("t", 1, 2, 4, 5), "its result is an output"),
        (
            X
            + X_T
            + 'node("tanh", FloatUnary(kind="tanh"), ("t",), "u", float32[1, 2, 4, 5])\n'
            + SOFT.replace('"t"', '"u"'),
            "it stands at an input",
        ),
        (X + X_T + SOFT, "'soft' does not work element by element"),
        (
            X + X_T + SOFT + SOFT.replace("soft", "more").replace("y", "z") + out("z", 1, 2, 4, 5),
            "2 nodes other than Transposes read it",
        ),
        (
            X
            + 'input("b", float32[1, 2, 1, 1], onnx=("b", "float32", (1, 2, 1, 1)))\n'
            + X_T
            + 'node("mul", FloatBinary(kind="mul"), ("t", "b"), "y", float32[1, 2, 4, 5])\n',
            "the other operand 'b' is not transposed alike",
        ),
        (
            X
            + 'const("k", float32[1, 1, 1, 1, 1], [2.0])\n'
            + X_T
            + 'node("mul", FloatBinary(kind="mul"), ("t", "k"), "y", float32[1, 1, 2, 4, 5])\n',
            "the constant operand has more axes",
        ),
    ],
)
def test_a_transpose_stays_above(text: str, reason: str):
    tensors = parsed(text).tensors
    text += out("y", *tensors["y"].shape) if "y" in tensors else ""
    assert declined(text, SinkTransposes()) == [("t", reason)]


# sink_reshapes

R = 'node("r", FloatReshape(shape=(1, 20, 2)), ("x",), "r", float32[1, 20, 2])\n'


def test_a_reshape_sinks_below_operators_on_elements_and_channels():
    before = f"""
{X}{R}
const("k", float32[1, 2], [2.0, 3.0])
node("mul", FloatBinary(kind="mul"), ("r", "k"), "m", float32[1, 20, 2])
node("relu", FloatClip(), ("m",), "y", float32[1, 20, 2])
{out("y", 1, 20, 2)}"""
    after = f"""
{X}
const("k", float32[1, 2], [2.0, 3.0])
node("mul", FloatBinary(kind="mul"), ("x", "k"), "m.inner", float32[1, 4, 5, 2])
node("relu", FloatClip(), ("m.inner",), "y.inner", float32[1, 4, 5, 2])
node("r", FloatReshape(shape=(1, 20, 2)), ("y.inner",), "y", float32[1, 20, 2])
{out("y", 1, 20, 2)}"""
    assert run(before, SinkReshapes()) == normal(after)


FLAT = 'node("r", FloatReshape(shape=(1, 40)), ("x",), "r", float32[1, 40])\n'
OTHER = 'input("b", float32[{0}], onnx=("b", "float32", ({0})))\n'
BOTH = 'node("add", FloatBinary(kind="add"), ("r", "{0}"), "y", float32[1, {1}])\n'
HALVES = "".join(f'const("{name}", float32[1], [0.5])\n' for name in "pqst")
ONE_CHANNEL = """node("r", FloatReshape(shape=(1, 40, 1)), ("x",), "r", float32[1, 40, 1])
node("norm", FloatBatchNorm(), ("r", "p", "q", "s", "t"), "y", float32[1, 40, 1])
"""
WIDE = f'const("k", float32[40], {[float(i) for i in range(40)]})\n'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (X + R + out("r", 1, 20, 2), "its result is an output"),
        (
            X + R + 'node("soft", FloatSoftmax(), ("r",), "y", float32[1, 20, 2])\n',
            "'soft' works neither by element nor by channel",
        ),
        (
            X
            + R
            + 'node("clip", FloatClip(), ("r",), "y", float32[1, 20, 2])\n'
            + 'node("more", FloatClip(), ("r",), "z", float32[1, 20, 2])\n'
            + out("z", 1, 20, 2),
            "2 nodes other than Reshapes read it",
        ),
        (X + FLAT + WIDE + BOTH.format("k", 40), "constant 'k' does not fit the shape before"),
        (X + HALVES + ONE_CHANNEL, "constant 'p' does not fit the shape before"),
        (
            X + OTHER.format("1, 40") + FLAT + BOTH.format("b", 40),
            "the other operand 'b' is not reshaped alike",
        ),
        (
            X
            + OTHER.format("1, 2, 20")
            + FLAT.replace('"r"', '"s"').replace('"x"', '"b"')
            + FLAT
            + BOTH.format("s", 40),
            "the other operand 's' had another shape",
        ),
        (
            X
            + 'const("k", float32[3, 1, 1], [1.0, 2.0, 3.0])\n'
            + R
            + 'node("add", FloatBinary(kind="add"), ("r", "k"), "y", float32[3, 20, 2])\n',
            "'add' broadcasts it",
        ),
    ],
)
def test_a_reshape_stays_above(text: str, reason: str):
    tensors = parsed(text).tensors
    text += out("y", *tensors["y"].shape) if "y" in tensors else ""
    graph = parsed(text)
    node = next(node for node in graph.nodes if node.name == "r")
    assert SinkReshapes().check(graph, node) == reason


# together


def test_a_group_declines_with_the_reasons_of_all():
    group = Together("group", (ComposeTransposes(), SinkTransposes()))
    text = X + X_T + SOFT + out("y", 1, 2, 4, 5)
    assert declined(text, group) == [
        ("t", "it moves elements, and 'x' is not transposed"),
        ("t", "'soft' does not work element by element"),
    ]
