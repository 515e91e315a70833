"""Maximum and Minimum: numpy against TFLM, C against numpy, ONNX against ONNX Runtime."""

from pathlib import Path

import numpy as np
import pytest

from mcucc.errors import UnsupportedModelError
from mcucc.importer import ModelBytes, lower_network, read_network, read_onnx
from mcucc.kernels.kernel import Unit
from mcucc.ops import Int8Graph
from mcucc.ops.elementwise import FloatMaximum, Maximum, Minimum
from mcucc.quant.ptq import from_file
from mcucc.reference.interpreter import run
from mcucc.schedule import PlanOptions
from mcucc.targets.board import load_board
from mcucc.targets.core import Core
from mcucc.twin import write_twin
from tests.graphs import GraphBuilder, quant, random_inputs
from tests.importer.float_cases import Model, check, kinds
from tests.importer.qdq_models import QdqModel, assert_near_onnx_runtime, lower
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.kernels.compiled import KERNEL_CORES, assert_c_agrees, core_name, generate
from tests.kernels.grid import CHANNELS, MAPS, ZERO_POINTS, latin
from tests.kernels.on_core import assert_core_agrees
from tests.operators.example import Example
from tests.ops.breaking import int8, with_output, with_type

BOTH = [Maximum(), Minimum()]
OPERATORS = ["Max", "Min"]


def extreme(b: GraphBuilder, op: Maximum | Minimum, x: str, y: str) -> str:
    return b.node(op, (x, y), b.type(x).q)


def of_clamped(b: GraphBuilder, op: Maximum | Minimum, x: str) -> str:
    return extreme(b, op, x, b.clamp(x, -60, 50))


EXAMPLE = Example(
    Maximum,
    lambda b, x: extreme(b, Maximum(), x, x),
    (
        (with_output(int8(1, 6, 6, 2, q=quant(0.11))), "the same scale and zero point"),
        (with_output(int8(1, 6, 6, 2, q=quant(0.1, 1))), "the same scale and zero point"),
        (
            lambda graph: with_type("c", int8(1, 6, 1, 2))(_with_constant(graph)),
            "must have the same shape",
        ),
    ),
    lambda b, x: b.add(FloatMaximum(), x, b.const(1, 1, 1, b.tensors[x].shape[-1])),
)


def _with_constant(graph: Int8Graph) -> Int8Graph:
    """The graph, its second operand a constant 'c'."""
    node = graph.nodes[0]
    return graph.with_nodes((type(node)(node.op, ("x0", "c"), node.output, node.name, ()),))


@needs_tflm
@pytest.mark.parametrize("op", BOTH, ids=repr)
def test_tflm_agrees(op: Maximum | Minimum) -> None:
    graphs: list[Int8Graph] = []
    for seed, shape in enumerate([(1, 7), (1, 9, 4), (1, 3, 5, 7), (1, 1, 1, 1), (1, 256)] * 5):
        q = quant((1e-6, 0.05, 40.0)[seed % 3], ZERO_POINTS[seed % 5])
        b = GraphBuilder(f"extreme {seed}", seed=seed)
        x, y = b.input(shape, q), b.input(shape, q)
        made = extreme(b, op, extreme(b, op, x, y), extreme(b, op, y, b.constant(shape, q)))
        graphs.append(b.build(made))
    assert_tflm_agrees(graphs, samples=6)


@pytest.mark.cc
@pytest.mark.parametrize("core", KERNEL_CORES, ids=core_name)
def test_c_agrees(tmp_path: Path, core: Core | None) -> None:
    b, made = GraphBuilder("extreme", seed=5), list[str]()
    levels = {"map": MAPS, "c": (*CHANNELS, 15, 16, 17, 33), "zero_point": ZERO_POINTS, "op": BOTH}
    for case in latin(levels, 20, seed=5):
        shape, q = (1, *case["map"], case["c"]), quant(0.05, case["zero_point"])
        x, y = b.input(shape, q), b.input(shape, q)
        made += [extreme(b, case["op"], x, y), extreme(b, case["op"], b.constant(shape, q), x)]
    generated = generate(b.build(*made), tmp_path / "c", planned=False, core=core)
    chosen = [k for k in generated.kernels.values() if k is not None]
    assert {k.family.name for k in chosen} == {"max", "min"}
    helium = core is not None and core.has_mve
    assert {k.unit for k in chosen} == {Unit.MVE if helium else Unit.PORTABLE}
    assert_c_agrees(generated, tmp_path, clang=core is None)


@pytest.mark.qemu
@pytest.mark.parametrize("board", ["rpi-pico", "mps2-an386", "mps3-an547"])
def test_the_core_agrees(tmp_path: Path, board: str) -> None:
    found, b = load_board(board), GraphBuilder("extreme", seed=7)
    q = quant(0.05, 3)
    x, y = b.input((1, 5, 4, 19), q), b.input((1, 5, 4, 19), q)
    made = [extreme(b, op, x, y) for op in BOTH]
    assert_core_agrees(
        generate(b.build(*made), tmp_path / "c", core=found.core), found, tmp_path / "work"
    )


@pytest.mark.cc
@pytest.mark.parametrize("op", BOTH, ids=repr)
def test_it_runs_in_place_and_in_segments(tmp_path: Path, op: Maximum | Minimum) -> None:
    b = GraphBuilder("chain", seed=6)
    x = b.input((1, 6, 7, 5))
    for _ in range(3):
        x = extreme(b, op, x, b.constant((1, 6, 7, 5), b.type(x).q))
    generated = generate(b.build(), tmp_path / "c")
    assert generated.network.arena_bytes == 6 * 7 * 5
    assert_c_agrees(generated, tmp_path)

    b = GraphBuilder("rows", seed=7)
    wide = b.conv(b.input((1, 24, 24, 1)), 8)
    b.conv(of_clamped(b, op, wide), 2, stride=(2, 2))
    rows = generate(b.build(), tmp_path / "rows", options=PlanOptions("memory"))
    assert rows.network.arena_bytes < 24 * 24 * 8
    assert_c_agrees(rows, tmp_path / "rows work")


OTHERS = [
    (1, 4, 6, 5),
    (1, 4, 1, 1),
    (1, 1, 6, 5),
    (1, 1, 1, 5),
    (1, 4, 6, 1),
    (6, 5),
    (1, 1, 1, 1),
]


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("constant", [False, True])
def test_float_files(tmp_path: Path, operator: str, other: tuple[int, ...], constant: bool) -> None:
    if not constant and len(other) < 4:
        other = (1,) * (4 - len(other)) + other
    m = Model((1, 4, 6, 5)) if constant else Model((1, 4, 6, 5), other)
    second = m.weights(*other) if constant else "x1"
    graph = check(m, tmp_path, m.op(operator, second, "x0"))
    alone = constant and other == (1, 1, 1, 1)
    assert ("Clip" if alone else f"{operator}imum") in kinds(graph)


@pytest.mark.parametrize("operator", OPERATORS)
def test_any_number_of_inputs(tmp_path: Path, operator: str) -> None:
    m = Model((1, 4, 6), (1, 4, 6), (1, 4, 1))
    check(m, tmp_path, m.op(operator, "x0", m.weights(4, 1), "x1", "x2", m.weights(1)))
    alone = Model((1, 4, 6))
    check(alone, tmp_path, alone.op("Relu", alone.op(operator, "x0")))


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_constant_of_all_is_refused(tmp_path: Path, operator: str) -> None:
    m = Model((1, 4, 6))
    path = m.save(tmp_path, m.op(operator, "x0", m.weights(5, 1)))
    with pytest.raises(UnsupportedModelError, match="must broadcast"):
        lower_network(read_onnx(path), "net")


def two(operator: str, other: tuple[int, ...], scales: tuple[float, float, float]) -> QdqModel:
    m = QdqModel()
    x, y = m.input("x", (1, 4, 6, 5), scales[0], 3), m.input("z", other, scales[1], -20)
    m.output(m.pair(m.op(operator, y, x), "y", scales[2], -5))
    return m


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("other", OTHERS[:5])
@pytest.mark.parametrize("scales", [(0.05, 0.05, 0.05), (0.05, 0.03, 0.07), (0.1, 0.2, 0.011)])
def test_quantized_files(
    tmp_path: Path, operator: str, other: tuple[int, ...], scales: tuple[float, float, float]
) -> None:
    """Each number is rounded once, to the scale of the output."""
    model = two(operator, other, scales)
    graph = lower(model, tmp_path)
    assert f"{operator}imum" in [type(node.op).__name__ for node in graph.nodes]
    assert_near_onnx_runtime(model, graph)


@pytest.mark.parametrize("operator", OPERATORS)
def test_integers_of_a_quantized_file(tmp_path: Path, operator: str) -> None:
    """Between a QuantizeLinear and a DequantizeLinear it compares the integers."""
    m = QdqModel()
    m.input("x", (1, 4, 6), 0.05, 3)
    m.input("z", (1, 4, 6), 0.05, 3)
    made = m.op(operator, "x_quantized", "z_quantized")
    scale, point = m.constant(np.array(0.05, np.float32)), m.constant(np.array(3, np.int8))
    m.output(m.op("DequantizeLinear", made, scale, point))
    graph = lower(m, tmp_path)
    assert [type(node.op).__name__ for node in graph.nodes] == [f"{operator}imum"]
    assert_near_onnx_runtime(m, graph, lsb=0)


@pytest.mark.parametrize("op", BOTH, ids=repr)
@pytest.mark.parametrize("shape", [(1, 5, 6, 4), (1, 9)])
def test_tflite_files(op: Maximum | Minimum, shape: tuple[int, ...]) -> None:
    """Back from the file of TensorFlow Lite: the same bits, of two values and with a constant."""
    b, q = GraphBuilder("net", seed=8), quant(0.05, -7)
    x, y = b.input(shape, q), b.input(shape, q)
    made = extreme(b, op, extreme(b, op, x, y), b.constant(shape, q))
    graph = b.build(made)
    read = from_file(lower_network(read_network(ModelBytes(write_twin(graph))), "net"))
    assert [node.op for node in read.nodes] == [op, op]
    inputs = random_inputs(graph, 4)
    given = {port.tensor: inputs[port.name] for port in read.inputs}
    found = run(read, given)[read.outputs[0].tensor]
    assert np.array_equal(found, run(graph, inputs)[made])


def test_tflite_files_of_unequal_scales_are_refused() -> None:
    b = GraphBuilder("net", seed=8)
    x, y = b.input((1, 9), quant(0.05)), b.input((1, 9), quant(0.05))
    extreme(b, Maximum(), x, y)
    graph = with_type(y, int8(1, 9, q=quant(0.06)))(b.build())
    with pytest.raises(UnsupportedModelError, match="one scale and zero point"):
        lower_network(read_network(ModelBytes(write_twin(graph))), "net")
