"""What passes did and declined reaches the report, and what was declined is true.

Each pass has a network in which it declines a node and one that differs in the rule alone, in which
it takes the same node.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcucc.ir import Const
from mcucc.ops import Int8Graph
from mcucc.passes import FLOAT, INT8, Pass
from mcucc.passes.float_.together import Together
from mcucc.report import Report
from mcucc.report.model import Gain, Reason
from tests.graphs import GraphBuilder, quant
from tests.importer.float_cases import Model
from tests.report.reasoned import (
    Build,
    declined,
    did,
    float_report,
    int8_reasons,
    text_reasons,
)

MAP = (1, 4, 6, 6)
CHANNELS = 4


@dataclass(frozen=True)
class Case:
    """A pass with two networks.

    Attributes:
        rule: name of the pass.
        node: that it declines, and takes.
        why: what it says where it declines.
        declines: a network in which it does.
        takes: the same network but for what the rule asks.
    """

    rule: str
    node: str
    why: str
    declines: Build
    takes: Build


@dataclass(frozen=True)
class TextCase:
    """The same in IR text: in ONNX files the importer takes most of these movements up itself."""

    rule: str
    node: str
    why: str
    declines: str
    takes: str


def conv(m: Model, x: str, pads: int = 0) -> str:
    return m.op("Conv", x, m.weights(CHANNELS, CHANNELS, 3, 3), pads=[pads] * 4)


def batch_norm(m: Model, x: str) -> str:
    rest = [m.weights(CHANNELS) for _ in range(2)]
    return m.op("BatchNormalization", x, m.positive(CHANNELS), *rest, m.positive(CHANNELS))


def conv_relu(*, also: bool) -> Build:
    """A convolution and a Relu; the convolution's output may be one of the network too."""

    def build(m: Model) -> tuple[str, ...]:
        c = conv(m, "x0")
        y = m.op("Relu", c)
        return (y, c) if also else (y,)

    return build


def conv_norm(*, also: bool) -> Build:
    def build(m: Model) -> tuple[str, ...]:
        c = conv(m, "x0")
        y = batch_norm(m, c)
        return (y, c) if also else (y,)

    return build


def norm_conv(pads: int) -> Build:
    return lambda m: (conv(m, batch_norm(m, "x0"), pads),)


def padded(*, pooled: bool) -> Build:
    def build(m: Model) -> tuple[str, ...]:
        p = m.op("Pad", m.op("MaxPool", "x0", kernel_shape=[2, 2]), m.ints(0, 0, 1, 1, 0, 0, 1, 1))
        return (m.op("AveragePool", p, kernel_shape=[2, 2]) if pooled else conv(m, p),)

    return build


def silu(*, also: bool) -> Build:
    def build(m: Model) -> tuple[str, ...]:
        gate = m.op("Sigmoid", "x0")
        y = m.op("Mul", "x0", gate)
        return (y, gate) if also else (y,)

    return build


def times_one(*, inside: bool) -> Build:
    """A product with 1, which between an input and an output makes the output's name."""

    def build(m: Model) -> tuple[str, ...]:
        y = m.op("Mul", "x0", m.constant(1.0, np.float32))
        return (conv(m, y),) if inside else (y,)

    return build


CASES = (
    Case("fuse_activation", "Relu_v1", "'v0' is read elsewhere",
         conv_relu(also=True), conv_relu(also=False)),
    Case("fold_into_producer", "BatchNormalization_v1", "'v0' is read elsewhere",
         conv_norm(also=True), conv_norm(also=False)),
    Case("fold_into_reader", "BatchNormalization_v0", "'Conv_v1' pads with zeros what is shifted",
         norm_conv(1), norm_conv(0)),
    Case("fold_pad", "Pad_v1", "'AveragePool_v2' is no convolution",
         padded(pooled=True), padded(pooled=False)),
    Case("recognize", "Mul_v1", "'v0' is read elsewhere", silu(also=True), silu(also=False)),
    Case("drop_identity", "Mul_v0", "it stands between an input and an output",
         times_one(inside=False), times_one(inside=True)),
)  # fmt: skip

MAP_TEXT = 'input("x", float32[1, 4, 5, 2], onnx=("x", "float32", (1, 4, 5, 2)))\n'
SOFT = 'node("s", FloatSoftmax(), ("x",), "s", float32[1, 4, 5, 2], origin=("S",))\n'
TURNED = 'node("t", FloatTranspose(perm=(0, 3, 1, 2)), ("{}",), "t", float32[1, 2, 4, 5])\n'
INNER = MAP_TEXT + SOFT + TURNED.format("s")
LAST = """node("y", {}, ("{}",), "y", float32{}, origin=("Y",))
output("y", onnx=("y", "float32", {}))
"""


def last(op: str, x: str, *shape: int) -> str:
    """The last operator of a network."""
    return LAST.format(op, x, list(shape), shape)


SOFTMAX_OF_T = INNER + last("FloatSoftmax()", "t", 1, 2, 4, 5)
TWICE_TURNED = """
node("a", FloatTranspose(perm=(0, 3, 1, 2)), ("s",), "a", float32[1, 2, 4, 5])
node("t", FloatTranspose(perm=(0, 2, 3, 1)), ("a",), "t", float32[1, 4, 5, 2])
"""
RESHAPED = """input("x", float32[1, 9, 16], onnx=("x", "float32", (1, 9, 16)))
node("r", FloatReshape(shape=(1, {0})), ("x",), "r", float32[1, {0}])
node("t", FloatTranspose(perm=(0, 2, 3, 1)), ("r",), "t", float32[1, {1}], origin=("T",))
"""
FLAT = MAP_TEXT + 'node("r", FloatReshape(shape=(1, 40)), ("x",), "r", float32[1, 40])\n'
CONV_TEXT = """const("w", float32[2, 1, 1, 2], [1.0, 2.0, 3.0, 4.0])
const("b", float32[2], [0.0, 1.0])
node("c", FloatConv2D(), ("x", "w", "b"), "c", float32[1, 4, 5, 2], origin=("C",))
"""
BLOCKS = 'node("d", FloatDepthToSpace(block=(2, 1)), ("{}",), "d", float32[1, 8, 5, 1])\n'

TEXT_CASES = (
    TextCase("sink_blocks", "d", "'x' is not made by a convolution or dense layer",
             MAP_TEXT + BLOCKS.format("x") + last("FloatClip(low=0.0)", "d", 1, 8, 5, 1),
             MAP_TEXT + CONV_TEXT + BLOCKS.format("c")
             + last("FloatClip(low=0.0)", "d", 1, 8, 5, 1)),
    TextCase("compose_transposes", "t", "it moves elements, and 's' is not transposed",
             SOFTMAX_OF_T,
             MAP_TEXT + SOFT + TWICE_TURNED + last("FloatSoftmax()", "t", 1, 4, 5, 2)),
    TextCase("sink_transposes", "t", "'y' does not work element by element",
             SOFTMAX_OF_T, INNER + last("FloatClip(low=0.0)", "t", 1, 2, 4, 5)),
    TextCase("absorb_transposes", "t", "it is neither at an input nor at an output",
             SOFTMAX_OF_T,
             MAP_TEXT + TURNED.format("x") + last("FloatSoftmax()", "t", 1, 2, 4, 5)),
    TextCase("hoist_transposes", "t", "'r' splits or merges axes",
             RESHAPED.format("3, 3, 16", "3, 16, 3") + last("FloatSoftmax()", "t", 1, 3, 16, 3),
             RESHAPED.format("9, 16, 1", "16, 1, 9") + last("FloatSoftmax()", "t", 1, 16, 1, 9)),
    TextCase("sink_reshapes", "r", "'y' works neither by element nor by channel",
             FLAT + last("FloatSoftmax()", "r", 1, 40),
             FLAT + last("FloatClip(low=0.0)", "r", 1, 40)),
)  # fmt: skip


def demand_both(refused: tuple[Reason, ...], taken: tuple[Reason, ...], case: Case | TextCase):
    """In one network the pass declines the node, in the other it takes it."""
    assert [r.node for r in declined(refused, case.rule) if r.declined == case.why] == [case.node]
    assert case.node not in [reason.node for reason in did(refused, case.rule)]
    assert case.node in [reason.node for reason in did(taken, case.rule)]
    assert case.node not in [reason.node for reason in declined(taken, case.rule)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_pass_says_why_it_declines_and_takes_the_node_if_the_rule_holds(
    case: Case, tmp_path: Path
):
    refused = float_report(tmp_path, case.declines, MAP)
    taken = float_report(tmp_path, case.takes, MAP)
    demand_both(refused.reasons, taken.reasons, case)
    demand_places(refused)
    demand_places(taken)


@pytest.mark.parametrize("case", TEXT_CASES, ids=lambda case: case.rule)
def test_a_pass_that_moves_says_why_it_declines(case: TextCase):
    demand_both(text_reasons(case.declines), text_reasons(case.takes), case)


def demand_places(report: Report) -> None:
    """Every reason is about a layer that is there, or a node that is in none."""
    origins = {name for layer in report.layers for name in layer.origin}
    for reason in report.reasons:
        if reason.layer is None:
            assert reason.node not in origins
        else:
            layer = report.layers[reason.layer]
            assert reason.node in (layer.name, *layer.origin)


def scaled(m: Model) -> tuple[str, ...]:
    """A map times a constant of each channel, which nothing takes up."""
    return (m.op("MaxPool", m.op("Mul", "x0", m.positive(4, 1, 1)), kernel_shape=[2, 2]),)


def test_a_scale_that_nothing_takes_up_says_who_declined_it(tmp_path: Path):
    """What `affine_to_depthwise` declines is refused: there is no other way to compute it."""
    report = float_report(tmp_path, scaled, MAP)
    assert [(r.rule, r.declined) for r in report.reasons if r.stage == "pass"] == [
        ("affine_to_depthwise", None),
        ("fold_into_producer", "'x0' is not made by a convolution or dense layer"),
        ("fold_into_reader", "'MaxPool_v1' is no convolution or dense layer"),
    ]
    assert report.layers[0].op == "DepthwiseConv2D"


def test_what_a_fused_activation_saves_is_the_map_that_is_not_written(tmp_path: Path):
    (reason,) = did(float_report(tmp_path, conv_relu(also=False), MAP).reasons, "fuse_activation")
    assert reason.gain == Gain(4 * 4 * CHANNELS, "bytes written")


# int8 passes


def dead_channel(*, read_by_softmax: bool) -> Int8Graph:
    """A convolution with a channel of zeros, read by another or by a Softmax over all channels."""
    b = GraphBuilder("dead", seed=3)
    x = b.conv(b.input((1, 4, 4, 2), quant(0.05)), 4, (1, 1))
    weights = b.consts[b.nodes[-1].inputs[1]]
    data = weights.data.copy()
    data[2] = 0
    b.consts[weights.name] = Const(weights.name, weights.type, data)
    return b.build(b.softmax(x) if read_by_softmax else b.conv(x, 3, (1, 1)))


def test_a_constant_channel_that_stays_says_why():
    (reason,) = declined(int8_reasons(dead_channel(read_by_softmax=True)), "drop_channels")
    assert reason.declined == "'softmax1' is over all channels"
    assert reason.gain == Gain(1, "channels")


def test_layers_that_lost_channels_say_how_many_and_what_that_saves():
    reasons = int8_reasons(dead_channel(read_by_softmax=False))
    first, second = did(reasons, "drop_channels")
    because = ": the others do not depend on the input, or are not needed"
    assert (first.did, second.did) == (
        f"makes 3 of 4 channels{because}",
        f"reads 3 of 4 channels{because}",
    )
    assert (first.gain, second.gain) == (Gain(4 * 4 * 2, "MACs"), Gain(4 * 4 * 3, "MACs"))
    assert declined(reasons, "drop_channels") == []


def pad_reader(*, pooled: bool) -> Int8Graph:
    b = GraphBuilder("padded", seed=4)
    p = b.pad(b.input((1, 4, 4, 3), quant(0.05)), (1, 1, 1, 1))
    return b.build(b.average_pool(p, (2, 2)) if pooled else b.conv(p, 3, (3, 3), pads="valid"))


def test_an_int8_pad_is_folded_unless_a_pool_reads_it():
    (reason,) = declined(int8_reasons(pad_reader(pooled=True)), "fold_pad")
    assert reason.declined == "'averagepool2d1' is no convolution"
    (taken,) = did(int8_reasons(pad_reader(pooled=False)), "fold_pad")
    assert (taken.layer, taken.gain) == (0, Gain(6 * 6 * 3, "bytes written"))


def test_a_node_that_nobody_reads_is_said_to_be_gone():
    b = GraphBuilder("unread", seed=5)
    x = b.input((1, 4, 4, 3), quant(0.05))
    b.softmax(x)
    (reason,) = did(int8_reasons(b.build(b.conv(x, 2))), "drop_unread")
    assert (reason.layer, reason.node) == (None, "softmax0")


# all passes


def flat(passes: tuple[Pass[Any], ...]) -> dict[str, Pass[Any]]:
    """Passes by name, those that run together one by one."""
    found: dict[str, Pass[Any]] = {}
    for each in passes:
        inner = each.passes if isinstance(each, Together) else (each,)
        found |= {one.name: one for one in inner}
    return found


def test_every_pass_is_in_a_case_and_says_what_it_does():
    passes = flat((*FLOAT, *INT8))
    here = {case.rule for case in (*CASES, *TEXT_CASES)}
    assert set(passes) == here | {
        "affine_to_depthwise",
        "copy_states",
        "drop_channels",
        "drop_unread",
    }
    assert all(type(each).effect != Pass.effect for each in passes.values())
