"""ConcatRows: numpy against TFLM, C against numpy, files, rows in segments."""

from pathlib import Path

import numpy as np
import pytest

from mcucc.importer import ModelBytes, lower_network, read_network
from mcucc.ops import Int8Graph
from mcucc.ops.movement import FloatConcat, FloatSlice, Transpose
from mcucc.ops.stack import ConcatRows
from mcucc.quant.ptq import from_file
from mcucc.reference.interpreter import run
from mcucc.schedule import PlanOptions, Segment
from mcucc.schedule.proof.replay import replay
from mcucc.targets.core import Core
from mcucc.twin import write_twin
from tests.graphs import GraphBuilder, quant, random_inputs
from tests.importer.qdq_models import QdqModel, assert_near_onnx_runtime, lower
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.kernels.compiled import KERNEL_CORES, assert_c_agrees, core_name, generate
from tests.kernels.grid import CHANNELS, latin
from tests.operators.example import Example
from tests.ops.breaking import int8, with_type

Q = quant(0.05, -7)


def stacked(b: GraphBuilder, *parts: str) -> str:
    return b.node(ConcatRows(), parts, b.tensors[parts[0]].q)


def _example(b: GraphBuilder, x: str) -> str:
    shape = b.tensors[x].shape
    rest = b.slice(x, (0, 1, 0, 0), (1, shape[1] - 1, *shape[2:]))
    return b.slice(stacked(b, x, rest), (0, 1, 0, 0), shape)


EXAMPLE = Example(
    ConcatRows,
    _example,
    (
        (with_type("concatrows1_out", int8(1, 11, 6, 2, q=quant(0.2))), "same scale"),
        (with_type("slice0_out", int8(1, 5, 5, 2, q=quant(0.1))), "one below the other"),
    ),
    lambda b, x: b.add(
        FloatSlice((0, 1, 0, 0), b.tensors[x].shape), b.add(FloatConcat(rows=True), x, x)
    ),
)

HEIGHTS = ((1, 1), (3, 5), (1, 7, 2), (2,) * 12)


@needs_tflm
def test_tflm_agrees() -> None:
    """However many: TFLM's CONCATENATION takes ten."""
    graphs: list[Int8Graph] = []
    for heights in HEIGHTS:
        b = GraphBuilder(f"{heights}", seed=len(graphs))
        stacked(b, *(b.input((1, n, 4, 3), Q) for n in heights))
        graphs.append(b.build())
    assert_tflm_agrees(graphs)


@pytest.mark.cc
@pytest.mark.parametrize("core", KERNEL_CORES, ids=core_name)
def test_c_agrees(tmp_path: Path, core: Core | None) -> None:
    b, made = GraphBuilder("stack", seed=5), list[str]()
    for case in latin({"w": (1, 2, 9), "c": CHANNELS, "heights": HEIGHTS[:3]}, 15, seed=5):
        parts = [b.input((1, n, case["w"], case["c"]), Q) for n in case["heights"]]
        made.append(stacked(b, *parts))
    generated = generate(b.build(*made), tmp_path / "c", planned=False, core=core)
    assert {k.family.name for k in generated.kernels.values() if k is not None} == {"stack"}
    assert_c_agrees(generated, tmp_path)


@pytest.mark.cc
@pytest.mark.parametrize("window", [1, 3])
def test_rows_come_from_one_after_the_other(tmp_path: Path, window: int) -> None:
    """Two branches of one map are held in part: the second begins where the first has ended."""
    b = GraphBuilder("segment", seed=6)
    x = b.input((1, 12, 8, 2), Q)
    parts = [b.conv(x, 3, (n, n), q=Q) for n in (1, 3)]
    y = stacked(b, *parts)
    b.conv(y, 4, (window, window), pads="valid")
    generated = generate(b.build(), tmp_path / "c", options=PlanOptions(mode="stream"))
    (step,) = generated.plan.schedule.steps
    assert isinstance(step, Segment)
    assert [step.rows[part] for part in parts] == [1, 1]
    assert step.rows[y] == window
    assert not replay(generated.plan, keep_input=False).faults
    assert_c_agrees(generated, tmp_path, samples=4)


@pytest.mark.cc
def test_it_lies_over_a_map_that_dies(tmp_path: Path) -> None:
    b = GraphBuilder("dying", seed=7)
    x = b.conv(b.input((1, 4, 4, 1), Q), 16, (1, 1), q=Q)
    y = b.conv(b.input((1, 4, 4, 1), Q), 16, (1, 1), q=Q)
    b.table(stacked(b, x, y))
    generated = generate(b.build(), tmp_path / "c", options=PlanOptions(objective="memory"))
    assert generated.network.arena_bytes < 4 * 4 * 4 * 16
    assert not replay(generated.plan, keep_input=False).faults
    assert_c_agrees(generated, tmp_path)


@needs_tflm
@pytest.mark.cc
def test_quantized_files(tmp_path: Path) -> None:
    """Nothing is transposed; constants are rows as well."""
    m = QdqModel()
    x = m.input("x", (1, 3, 12, 8), 0.05, 3)
    border = m.constant(m.rng.normal(size=(1, 4, 2, 8)).astype(np.float32))
    parts = [
        m.pair(m.op("Conv", x, m.weights((4, 3, n, n)), pads=[n // 2] * 4), f"part{n}", 0.1, -5)
        for n in (1, 3)
    ]
    y = m.pair(m.op("Concat", parts[0], border, parts[1], axis=2), "joined", 0.1, -5)
    m.output(m.pair(m.op("Conv", y, m.weights((2, 4, 3, 3))), "y", 0.3, 4))
    graph = lower(m, tmp_path)
    assert not any(isinstance(node.op, Transpose) for node in graph.nodes)
    assert any(isinstance(node.op, ConcatRows) for node in graph.nodes)
    assert_near_onnx_runtime(m, graph)
    assert_tflm_agrees([graph])
    for mode in ("layer", "stream"):
        generated = generate(graph, tmp_path / mode, options=PlanOptions(mode=mode))
        assert_c_agrees(generated, tmp_path, samples=3)


def test_tflite_files() -> None:
    b = GraphBuilder("net", seed=8)
    x = b.conv(b.input((1, 6, 4, 3), Q), 3, (1, 1), q=Q)
    stacked(b, x, b.conv(x, 3, (3, 3), q=Q))
    graph = b.build()
    read = from_file(lower_network(read_network(ModelBytes(write_twin(graph))), "net"))
    assert any(isinstance(node.op, ConcatRows) for node in read.nodes)
    inputs = random_inputs(graph, 3)
    found = run(read, {read.inputs[0].tensor: inputs[graph.inputs[0].tensor]})
    wanted = run(graph, inputs)[graph.outputs[0].tensor]
    assert np.array_equal(found[read.outputs[0].tensor].ravel(), wanted.ravel())
