"""PadChannels: numpy against TFLM, C against numpy, files against ONNX Runtime, rows."""

from pathlib import Path

import numpy as np
import pytest

from mcucc.importer import ModelBytes, lower_network, read_network
from mcucc.ops import Int8Graph
from mcucc.ops.movement import FloatSlice
from mcucc.ops.padding import FloatPadChannels, PadChannels
from mcucc.quant.ptq import from_file
from mcucc.reference.interpreter import run
from mcucc.schedule import PlanOptions, Segment
from mcucc.targets.core import Core
from mcucc.twin import write_twin
from tests.graphs import GraphBuilder, quant, random_inputs
from tests.importer.float_cases import Model, check, kinds
from tests.importer.qdq_models import QdqModel, assert_near_onnx_runtime, lower
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.kernels.compiled import KERNEL_CORES, assert_c_agrees, core_name, generate
from tests.kernels.grid import CHANNELS, latin
from tests.operators.example import Example
from tests.ops.breaking import int8, with_op, with_type

Q = quant(0.05, -7)
PADS = ((0, 1), (3, 0), (2, 5), (0, 9), (17, 8))


def padded(b: GraphBuilder, x: str, pads: tuple[int, int]) -> str:
    return b.node(PadChannels(pads), (x,), b.tensors[x].q)


def _example(b: GraphBuilder, x: str) -> str:
    shape = b.tensors[x].shape
    return b.slice(padded(b, x, (2, 1)), (0, 0, 0, 1), shape)


EXAMPLE = Example(
    PadChannels,
    _example,
    (
        (with_op(PadChannels((-1, 4))), "must not be negative"),
        (with_op(PadChannels((2, 1), -129)), "must be made of an int8 number"),
        (with_type("padchannels0_out", int8(1, 6, 6, 5, q=quant(0.2))), "same scale"),
    ),
    lambda b, x: b.add(
        FloatSlice((0, 0, 0, 1), b.tensors[x].shape), b.add(FloatPadChannels((2, 1)), x)
    ),
)


@needs_tflm
def test_tflm_agrees() -> None:
    graphs: list[Int8Graph] = []
    for shape in ((1, 1), (1, 9), (1, 4, 3), (1, 5, 1, 7), (1, 3, 6, 2)):
        for pads in PADS:
            b = GraphBuilder(f"{pads} around {shape}", seed=len(graphs))
            padded(b, b.input(shape, quant(0.1, (-128, 127, 0)[len(graphs) % 3])), pads)
            graphs.append(b.build())
    assert_tflm_agrees(graphs)


@pytest.mark.cc
@pytest.mark.parametrize("core", KERNEL_CORES, ids=core_name)
def test_c_agrees(tmp_path: Path, core: Core | None) -> None:
    b, made = GraphBuilder("channels", seed=5), list[str]()
    for case in latin({"map": ((1, 1), (1, 9), (5, 7)), "c": CHANNELS, "pads": PADS}, 18, seed=5):
        made.append(padded(b, b.input((1, *case["map"], case["c"]), Q), case["pads"]))
    generated = generate(b.build(*made), tmp_path / "c", planned=False, core=core)
    assert {k.family.name for k in generated.kernels.values() if k is not None} == {"padc"}
    assert_c_agrees(generated, tmp_path)


@pytest.mark.cc
def test_it_stands_in_a_segment(tmp_path: Path) -> None:
    """The shortcut of a residual network that has fewer channels: no map is held."""
    b = GraphBuilder("segment", seed=6)
    x = b.conv(b.input((1, 12, 8, 2), Q), 3, (1, 1), q=Q)
    y = b.conv(x, 8, (3, 3), q=Q)
    b.conv(b.add(padded(b, x, (2, 3)), y, q=Q), 4, (3, 3), pads="valid")
    generated = generate(b.build(), tmp_path / "c", options=PlanOptions(mode="stream"))
    (step,) = generated.plan.schedule.steps
    assert isinstance(step, Segment)
    assert step.rows[x] < 4
    assert_c_agrees(generated, tmp_path, samples=4)


@pytest.mark.cc
def test_it_lies_over_a_map_that_dies(tmp_path: Path) -> None:
    b = GraphBuilder("chain", seed=7)
    x = b.conv(b.input((1, 9, 9, 1), Q), 8, (1, 1), q=Q)
    for pads in ((1, 1), (2, 0), (0, 2)):
        x = padded(b, x, pads)
    generated = generate(b.build(), tmp_path / "c", options=PlanOptions(objective="memory"))
    assert generated.network.arena_bytes < 2 * 9 * 9 * 8
    assert_c_agrees(generated, tmp_path)


@pytest.mark.parametrize(
    ("shape", "pads"),
    [
        ((1, 3, 6, 5), (0, 2, 0, 0, 0, 1, 0, 0)),
        ((1, 3, 6, 5), (0, 2, 1, 0, 0, 1, 3, 2)),
        ((1, 3, 9), (0, 2, 0, 0, 1, 0)),
        ((1, 3, 9), (0, 2, 4, 0, 1, 3)),
        ((1, 7), (0, 2, 0, 3)),
    ],
)
def test_float_files(tmp_path: Path, shape: tuple[int, ...], pads: tuple[int, ...]) -> None:
    """Wherever the channels are: behind a convolution nothing is transposed."""
    m = Model(shape)
    check(m, tmp_path, m.op("Sigmoid", m.op("Pad", "x0", m.ints(*pads))))
    if len(shape) > 2:
        m = Model(shape)
        x = m.op("Conv", "x0", m.weights(3, 3, *(1,) * (len(shape) - 2)))
        x = m.op("Pad", x, m.ints(*pads))
        graph = check(m, tmp_path, m.op("Conv", x, m.weights(2, 6, *(1,) * (len(shape) - 2))))
        assert "PadChannels" in kinds(graph)
        assert "Transpose" not in kinds(graph)


def test_of_many_axes(tmp_path: Path) -> None:
    m = Model((1, 8, 6, 4))
    x = m.op("Reshape", m.op("Relu", "x0"), m.ints(1, 2, 4, 6, 4))
    y = m.op("Pad", x, m.ints(0, 1, 0, 2, 3, 0, 0, 1, 0, 1))
    check(m, tmp_path, m.op("Reshape", y, m.ints(1, -1)))


@needs_tflm
def test_quantized_files(tmp_path: Path) -> None:
    """The border is the zero point."""
    m = QdqModel()
    x = m.op(
        "Pad", m.input("x", (1, 3, 6, 5), 0.05, 3), m.constant(np.array([0, 1, 1, 0, 0, 2, 0, 2]))
    )
    m.output(m.pair(x, "y", 0.05, 3))
    graph = lower(m, tmp_path)
    assert_near_onnx_runtime(m, graph, lsb=0)
    assert_tflm_agrees([graph])


def test_tflite_files() -> None:
    """Back from TensorFlow Lite's PAD: the same operator, the same numbers."""
    b = GraphBuilder("net", seed=8)
    padded(b, b.conv(b.input((1, 6, 4, 3), Q), 3, (1, 1), q=Q), (2, 1))
    graph = b.build()
    read = from_file(lower_network(read_network(ModelBytes(write_twin(graph))), "net"))
    assert [node.op for node in read.nodes] == [node.op for node in graph.nodes]
    inputs = random_inputs(graph, 3)
    found = run(read, {read.inputs[0].tensor: inputs[graph.inputs[0].tensor]})
    assert np.array_equal(
        found[read.outputs[0].tensor], run(graph, inputs)[graph.outputs[0].tensor]
    )
