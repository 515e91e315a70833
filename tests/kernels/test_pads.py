"""Borders and channels of any number: numpy against TFLM, C against numpy, files of ONNX."""

from pathlib import Path

import numpy as np
import pytest

from mcucc.importer import lower_network, read_onnx
from mcucc.ops import Int8Graph
from mcucc.ops.movement import Pad
from mcucc.ops.padding import PadChannels
from mcucc.ops.pool import FloatMaxPool2D
from mcucc.passes import FLOAT, run_passes
from mcucc.schedule import PlanOptions, Segment
from mcucc.targets.board import load_board
from tests.graphs import GraphBuilder, quant
from tests.importer.float_cases import Model, check, kinds
from tests.importer.qdq_models import QdqModel, assert_near_onnx_runtime, lower
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.kernels.compiled import assert_c_agrees, generate
from tests.kernels.grid import CHANNELS, MAPS, latin
from tests.kernels.on_core import assert_core_agrees

Q = quant(0.05, -7)
PADS = ((0, 0, 0, 0), (1, 2, 3, 4), (0, 1, 2, 0), (3, 0, 0, 0))
CHANNEL_PADS = ((0, 0), (1, 0), (0, 2), (5, 3))
VALUES = (None, -128, 0, 127)


def padded(
    b: GraphBuilder,
    x: str,
    pads: tuple[int, int, int, int],
    value: int | None = None,
    channels: tuple[int, int] = (0, 0),
) -> str:
    y = b.node(Pad(pads, value), (x,), b.tensors[x].q)
    return b.node(PadChannels(channels, value), (y,), b.tensors[x].q) if any(channels) else y


@needs_tflm
def test_tflm_agrees() -> None:
    graphs: list[Int8Graph] = []
    factors = {"map": MAPS, "pads": PADS, "channels": CHANNEL_PADS, "value": VALUES}
    for case in latin(factors, 32, seed=2):
        b = GraphBuilder(f"pad {len(graphs)}", seed=len(graphs))
        x = b.input((1, *case["map"], 1 + len(graphs) % 4), Q)
        padded(b, x, case["pads"], case["value"], case["channels"])
        graphs.append(b.build())
    assert_tflm_agrees(graphs)


@pytest.mark.cc
def test_c_agrees(tmp_path: Path) -> None:
    b, made = GraphBuilder("pads", seed=5), list[str]()
    factors = {
        "map": MAPS,
        "c": CHANNELS,
        "pads": PADS,
        "channels": CHANNEL_PADS,
        "value": VALUES,
    }
    for case in latin(factors, 36, seed=5):
        x = b.input((1, *case["map"], case["c"]), Q)
        made.append(padded(b, x, case["pads"], case["value"], case["channels"]))
    generated = generate(b.build(*made), tmp_path / "c", planned=False)
    found = {k.family.name for k in generated.kernels.values() if k is not None}
    assert found == {"pad", "padc"}
    assert_c_agrees(generated, tmp_path, clang=True)


@pytest.mark.qemu
@pytest.mark.parametrize("board", ["rpi-pico", "mps2-an386", "mps3-an547"])
def test_the_core_agrees(tmp_path: Path, board: str) -> None:
    found, b = load_board(board), GraphBuilder("pads", seed=7)
    graph = b.build(padded(b, b.input((1, 5, 4, 19), Q), (1, 0, 2, 1), 90, (3, 4)))
    assert_core_agrees(generate(graph, tmp_path / "c", core=found.core), found, tmp_path / "work")


@pytest.mark.cc
@pytest.mark.parametrize("streamed", [False, True])
def test_it_stands_in_a_segment(tmp_path: Path, streamed: bool) -> None:
    b = GraphBuilder("segment", seed=6)
    x = b.conv(b.input((1, 12, 8, 2), Q), 3, (1, 1), q=Q)
    y = padded(b, x, (2, 3, 1, 2), 40, (1, 2))
    b.conv(y, 4, (3, 3), pads="valid")
    options = PlanOptions(mode="stream", stream_input=streamed)
    generated = generate(b.build(), tmp_path / "c", options=options)
    (step,) = generated.plan.schedule.steps
    assert isinstance(step, Segment)
    assert (step.rows[x], step.rows[y]) == (1, 3)
    assert_c_agrees(generated, tmp_path, samples=4)


@pytest.mark.cc
def test_it_lies_over_a_map_that_dies(tmp_path: Path) -> None:
    """The smallest plan of a chain of them takes less than two of its maps."""
    b = GraphBuilder("chain", seed=7)
    x = b.conv(b.input((1, 9, 9, 1), Q), 8, (1, 1), q=Q)
    for value in (None, 5, -128):
        x = padded(b, x, (0, 1, 1, 0), value, (1, 1))
    generated = generate(b.build(), tmp_path / "c", options=PlanOptions(objective="memory"))
    assert generated.network.arena_bytes < 2 * 12 * 12 * 14
    assert_c_agrees(generated, tmp_path)


@pytest.mark.parametrize("value", [0.0, -1.5, 3.25])
@pytest.mark.parametrize(
    ("shape", "pads"),
    [
        ((1, 3, 6, 5), (0, 1, 1, 2, 0, 2, 3, 1)),
        ((1, 3, 6, 5), (0, 2, 0, 0, 0, 0, 0, 0)),
        ((1, 3, 6, 5), (0, 0, 0, 0, 0, 0, 3, 1)),
        ((1, 3, 9), (0, 1, 4, 0, 2, 1)),
        ((1, 7), (0, 2, 0, 1)),
    ],
)
def test_float_files(
    tmp_path: Path, shape: tuple[int, ...], pads: tuple[int, ...], value: float
) -> None:
    m = Model(shape)
    graph = check(m, tmp_path, m.op("Pad", "x0", m.ints(*pads), m.constant(value, np.float32)))
    assert {"Pad", "PadChannels"} & set(kinds(graph))


@pytest.mark.parametrize("value", [-np.inf, -3e38])
def test_a_max_pool_pads_with_what_is_below_all(tmp_path: Path, value: float) -> None:
    m = Model((1, 3, 6, 5))
    border = m.constant(value, np.float32)
    x = m.op("Pad", "x0", m.ints(0, 0, 1, 1, 0, 0, 1, 1), border)
    y = m.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2])
    path = m.save(tmp_path, y)
    graph, _ = run_passes(lower_network(read_onnx(path), "net"), FLOAT)
    assert [node.op for node in graph.nodes] == [FloatMaxPool2D((3, 3), (2, 2), (1, 1, 1, 1))]


@pytest.mark.parametrize("scale", [0.05, 0.11])
def test_quantized_files(tmp_path: Path, scale: float) -> None:
    """The map is brought to the scale of the output, which the border needs."""
    m = QdqModel()
    x = m.input("x", (1, 3, 6, 5), 0.05, 3)
    pads = m.constant(np.array((0, 1, 1, 2, 0, 0, 1, 0), np.int64))
    made = m.op("Pad", x, pads, m.constant(np.array(-9.0, np.float32)))
    m.output(m.pair(made, "y", scale, 3))
    graph = lower(m, tmp_path)
    found = [type(node.op).__name__ for node in graph.nodes]
    assert found == ["Requantize"] * (scale != 0.05) + ["Pad", "PadChannels"]
    assert_near_onnx_runtime(m, graph)
