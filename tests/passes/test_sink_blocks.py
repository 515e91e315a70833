"""Blocks of pixels below what works channel by channel."""

from pathlib import Path
from typing import Any

import pytest

from mcucc.ops.conv import FloatConv2D
from mcucc.ops.movement import FloatDepthToSpace, FloatSlice
from mcucc.passes import FLOAT, run_passes
from mcucc.passes.float_.sink_blocks import SinkBlocks
from tests.importer.float_cases import Model, check
from tests.passes.float_text import declined, normal, out, run

X = 'input("x", float32[1, 4, 5, 2], onnx=("x", "float32", (1, 4, 5, 2)))\n'
CONV = """const("w", float32[4, 1, 1, 2], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
const("b", float32[4], [0.5, 0.25, 0.75, 1.0])
node("conv", FloatConv2D(), ("x", "w", "b"), "c", float32[1, 4, 5, 4])
"""
MODE = {"DCR": "", "CRD": ', mode="CRD"'}


def blocks(source: str, mode: str = "DCR") -> str:
    op = f"FloatDepthToSpace(block=(2, 1){MODE[mode]})"
    return f'node("d", {op}, ("{source}",), "d", float32[1, 8, 5, 2])\n'


@pytest.mark.parametrize(
    ("mode", "tiled"), [("DCR", [2.0, 3.0, 2.0, 3.0]), ("CRD", [2.0, 2.0, 3.0, 3.0])]
)
def test_constants_of_channels_are_put_in_the_order_of_the_blocks(
    mode: str, tiled: list[float]
) -> None:
    before = f"""
{X}{CONV}{blocks("c", mode)}
const("k", float32[2], [2.0, 3.0])
node("mul", FloatBinary(kind="mul"), ("d", "k"), "y", float32[1, 8, 5, 2])
{out("y", 1, 8, 5, 2)}"""
    op = f"FloatDepthToSpace(block=(2, 1){MODE[mode]})"
    after = f"""
{X}{CONV}
const("k.blocks", float32[4], {tiled})
node("mul", FloatBinary(kind="mul"), ("c", "k.blocks"), "y.inner", float32[1, 4, 5, 4])
node("d", {op}, ("y.inner",), "y", float32[1, 8, 5, 2])
{out("y", 1, 8, 5, 2)}"""
    assert run(before, SinkBlocks()) == normal(after)


RELU = 'node("relu", FloatClip(), ("d",), "y", float32[1, 8, 5, 2])\n'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            X + CONV + blocks("c") + RELU + out("y", 1, 8, 5, 2) + out("d", 1, 8, 5, 2),
            "not exactly one node reads its result",
        ),
        (
            X
            + CONV
            + blocks("c")
            + 'node("soft", FloatSoftmax(), ("d",), "y", float32[1, 8, 5, 2])\n'
            + out("y", 1, 8, 5, 2),
            "'soft' works not by channel alone",
        ),
        (
            X + CONV + blocks("c") + RELU + out("y", 1, 8, 5, 2) + out("c", 1, 4, 5, 4),
            "'c' is read elsewhere",
        ),
        (
            X.replace("5, 2", "5, 4") + blocks("x") + RELU + out("y", 1, 8, 5, 2),
            "'x' is not made by a convolution or dense layer",
        ),
    ],
)
def test_blocks_stay_above(text: str, reason: str) -> None:
    assert declined(text, SinkBlocks()) == [("d", reason)]


@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize("pads", [0, 1])
def test_a_transposed_convolution_takes_up_what_comes_behind_it(
    tmp_path: Path, stride: int, pads: int
) -> None:
    """A batch normalization and a Relu, across blocks and what is cut off."""
    m = Model((1, 3, 4, 5))
    attributes: dict[str, Any] = {"strides": [stride, stride], "pads": [pads] * 4}
    y = m.op("ConvTranspose", "x0", m.weights(3, 2, 3, 3), m.weights(2), **attributes)
    y = m.op("BatchNormalization", y, *(m.weights(2) for _ in range(3)), m.positive(2))
    graph = check(m, tmp_path, m.op("Relu", y))
    folded, _ = run_passes(graph, FLOAT, interpret=True)
    conv, *others = (node.op for node in folded.nodes)
    assert isinstance(conv, FloatConv2D)
    assert conv.activation == "relu"
    assert {type(op) for op in others} <= {FloatDepthToSpace, FloatSlice}
