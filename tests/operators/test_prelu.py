"""PRelu: numpy against TFLM, C against numpy, ONNX against ONNX Runtime."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from mcucc.errors import UnsupportedModelError
from mcucc.importer import ModelBytes, lower_network, read_network, read_onnx
from mcucc.ir import DType, QParams, TensorType
from mcucc.ops import Int8Graph
from mcucc.ops.elementwise import FloatPRelu, PRelu
from mcucc.quant.ptq import from_file
from mcucc.reference.fixed_point import dequantize
from mcucc.reference.interpreter import run
from mcucc.targets.core import Core
from mcucc.twin import write_twin
from tests.graphs import GraphBuilder, all_values, quant, random_inputs
from tests.importer.float_cases import Model, check, kinds
from tests.importer.qdq_models import QdqModel, assert_near_onnx_runtime, lower
from tests.importer.tflite.drawn_file import File
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.kernels.compiled import KERNEL_CORES, assert_c_agrees, core_name, generate
from tests.kernels.grid import CHANNELS, MAPS, ZERO_POINTS, latin
from tests.operators.example import Example
from tests.ops.breaking import int8, with_output, with_type

SCALES = (1e-6, 0.003, 0.0234375, 0.5, 40.0)


def prelu(
    b: GraphBuilder, x: str, *, slopes: QParams | None = None, q: QParams | None = None
) -> str:
    kind = TensorType(DType.INT8, b.type(x).shape[-1:], slopes or quant(0.01))
    name = b.const(f"slopes{len(b.nodes)}", kind, None)
    return b.node(PRelu(), (x, name), q or b.any_quant(b.scale(x)))


def slopes_of(*shape: int, q: QParams) -> TensorType:
    return TensorType(DType.INT8, shape, q)


def drawn(f: File) -> bytes:
    shape = f.shape(4)
    f.value(shape)
    f.int8(f.random(1, 1, shape[3]), f.quant())
    return f.bytes("PRELU", shape, f.quant())


EXAMPLE = Example(
    PRelu,
    prelu,
    (
        (with_type("slopes0", slopes_of(1, q=quant(0.01))), "must be int8 \\[2\\]"),
        (with_type("slopes0", slopes_of(1, 2, q=quant(0.01))), "must be int8 \\[2\\]"),
        (
            with_type("slopes0", TensorType(DType.INT32, (2,), quant(0.01))),
            "must be int8 \\[2\\]",
        ),
        (with_type("slopes0", slopes_of(2, q=QParams((0.1, 0.2), 0, 0))), "must have one scale"),
        (with_type("slopes0", slopes_of(2, q=quant(2.0**18))), "below 2\\^14"),
        (with_output(int8(1, 6, 6, 2, q=quant(0.1 / 2**22))), "below 2\\^22"),
    ),
    lambda b, x: b.add(FloatPRelu(), x, b.const(b.tensors[x].shape[-1])),
    files={"PRELU": drawn},
)


@needs_tflm
def test_tflm_agrees() -> None:
    graphs: list[Int8Graph] = []
    for seed, (s_in, s_slope, s_out) in enumerate(itertools.product(SCALES, SCALES, SCALES)):
        if s_in >= 2**22 * s_out or s_in * s_slope >= 2**14 * s_out:
            continue
        zero_points = [ZERO_POINTS[(seed * k) % 5] for k in (1, 2, 3)]
        b = GraphBuilder(f"prelu {s_in} {s_slope} {s_out}", seed=seed)
        x = b.input((1, 3, 5, 7), quant(s_in, zero_points[0]))
        slopes = quant(s_slope, zero_points[1] if seed % 2 else 0)
        prelu(b, x, slopes=slopes, q=quant(s_out, zero_points[2]))
        graphs.append(b.build())
    assert len(graphs) > 90
    assert_tflm_agrees(graphs, samples=8)


@needs_tflm
@pytest.mark.parametrize("shape", [(1, 256), (1, 9, 4), (1, 1, 1, 3)])
def test_tflm_agrees_at_every_rank(shape: tuple[int, ...]) -> None:
    b = GraphBuilder(f"rank {len(shape)}", seed=3)
    prelu(b, b.input(shape))
    assert_tflm_agrees([b.build()], samples=8)


@needs_tflm
def test_all_inputs_beside_ties() -> None:
    """Factors (k + 1/2) / j, so that values lie on or beside a tie."""
    rng, graphs = np.random.default_rng(4), list[Int8Graph]()
    for number in range(200):
        ratio = (int(rng.integers(0, 120)) + 0.5) / int(rng.integers(3, 250))
        s_out, zero_point = float(rng.uniform(0.01, 30)), (-128, 127)[number % 2]
        b = GraphBuilder(f"tie {number}", seed=number)
        x = b.input((1, 256), quant(s_out * ratio, zero_point))
        prelu(b, x, slopes=quant((1.0, 0.5, 1 / 127)[number % 3]), q=quant(s_out))
        graphs.append(b.build())
    assert_tflm_agrees(graphs, inputs=[all_values(graph) for graph in graphs])


@pytest.mark.cc
@pytest.mark.parametrize("core", KERNEL_CORES, ids=core_name)
def test_c_agrees(tmp_path: Path, core: Core | None) -> None:
    b, made = GraphBuilder("prelu", seed=5), list[str]()
    factors = {
        "map": MAPS,
        "c": CHANNELS,
        "zero_point": ZERO_POINTS,
        "slopes": (quant(0.01), quant(1e-6, 7), quant(3.0, -128), quant(100.0, 127)),
        "ratio": (0.03, 0.5, 1.0, 7.0, 1e4),
    }
    for case in latin(factors, 27, seed=5):
        x = b.input((1, *case["map"], case["c"]), quant(0.05, case["zero_point"]))
        q = quant(0.05 * case["ratio"], -case["zero_point"] // 2)
        made.append(prelu(b, x, slopes=case["slopes"], q=q))
    generated = generate(b.build(*made), tmp_path / "c", planned=False, core=core)
    assert {k.family.name for k in generated.kernels.values() if k is not None} == {"prelu"}
    assert_c_agrees(generated, tmp_path)


@pytest.mark.cc
def test_it_runs_in_place(tmp_path: Path) -> None:
    """A chain of them takes the bytes of one map."""
    b = GraphBuilder("chain", seed=6)
    x = b.input((1, 6, 7, 5))
    for _ in range(3):
        x = prelu(b, x)
    generated = generate(b.build(), tmp_path / "c")
    assert generated.network.arena_bytes == 6 * 7 * 5
    assert_c_agrees(generated, tmp_path)


@pytest.mark.parametrize(
    ("shape", "slopes"),
    [
        ((1, 4, 6, 5), (4, 1, 1)),
        ((1, 4, 6, 5), (1, 4, 1, 1)),
        ((1, 4, 6, 5), (1,)),
        ((1, 4, 6, 5), ()),
        ((1, 4, 6, 5), (1, 1, 1)),
        ((1, 1, 6, 5), (1, 1, 1)),
        ((1, 3, 8), (3, 1)),
        ((1, 6), (6,)),
        ((1, 6), (1,)),
    ],
)
def test_float_files(tmp_path: Path, shape: tuple[int, ...], slopes: tuple[int, ...]) -> None:
    m = Model(shape)
    graph = check(m, tmp_path, m.op("PRelu", "x0", m.weights(*slopes)))
    assert kinds(graph) == ["PRelu"]


def test_between_convolutions_nothing_moves(tmp_path: Path) -> None:
    m = Model((1, 3, 9, 8))
    y = m.op("PRelu", m.op("Conv", "x0", m.weights(4, 3, 3, 3)), m.weights(4, 1, 1))
    graph = check(m, tmp_path, m.op("Conv", y, m.weights(2, 4, 1, 1)))
    assert kinds(graph) == ["Conv2D", "PRelu", "Conv2D"]


@pytest.mark.parametrize("slopes", [(5,), (6, 5), (4, 6, 5), (1, 4, 6, 1), (1, 1, 1, 1, 1)])
def test_other_slopes_are_refused(tmp_path: Path, slopes: tuple[int, ...]) -> None:
    m = Model((1, 4, 6, 5))
    path = m.save(tmp_path, m.op("PRelu", "x0", m.weights(*slopes)))
    with pytest.raises(UnsupportedModelError, match="one slope, or one per channel"):
        lower_network(read_onnx(path), "net")


def test_computed_slopes_are_refused(tmp_path: Path) -> None:
    m = Model((1, 4, 6, 5), (4, 1, 1))
    path = m.save(tmp_path, m.op("PRelu", "x0", m.op("Relu", "x1")))
    with pytest.raises(UnsupportedModelError):
        lower_network(read_onnx(path), "net")


@pytest.mark.parametrize("shape", [(1, 5, 6, 4), (1, 9)])
def test_tflite_files(shape: tuple[int, ...]) -> None:
    """Back from the file of TensorFlow Lite: the same slopes, the same bits."""
    b = GraphBuilder("net", seed=8)
    prelu(b, b.input(shape), slopes=quant(0.01, -7))
    graph = b.build()
    read = from_file(lower_network(read_network(ModelBytes(write_twin(graph))), "net"))
    (node,), (again,) = graph.nodes, read.nodes
    assert isinstance(again.op, PRelu)
    data = read.const(again.inputs[1]).data.ravel()
    assert np.array_equal(data, graph.const(node.inputs[1]).data)
    inputs = random_inputs(graph, 4)
    (port,) = read.inputs
    found = run(read, {port.tensor: inputs[node.inputs[0]]})[again.output]
    assert np.array_equal(found, run(graph, inputs)[node.output])


def qdq(slopes: str | None, *, pair: bool = True) -> QdqModel:
    """A PRelu in a quantized file; its slopes are int8 or uint8 there, or float (None)."""
    m = QdqModel()
    x = m.input("x", (1, 4, 5, 6))
    if slopes is None:
        factors = m.constant(m.rng.uniform(-0.3, 0.9, (4, 1, 1)).astype(np.float32))
    else:
        low = -128 if slopes == "int8" else 0
        data = m.rng.integers(low, low + 256, (4, 1, 1)).astype(slopes)
        scale = m.constant(np.array(2.0**-7, np.float32))
        point = m.constant(np.array(low + 100, slopes))
        factors = m.op("DequantizeLinear", m.constant(data), scale, point)
    y = m.op("PRelu", x, factors)
    m.output(m.pair(y, "y", 0.05, 7) if pair else y)
    return m


@pytest.mark.parametrize("slopes", ["int8", "uint8", None])
def test_quantized_files(tmp_path: Path, slopes: str | None) -> None:
    model = qdq(slopes)
    graph = lower(model, tmp_path)
    (node,) = graph.nodes
    assert isinstance(node.op, PRelu)
    assert graph.type_of(node.inputs[1]).q.zero_point == (0 if slopes is None else -28)
    assert_near_onnx_runtime(model, graph)
    if slopes is not None:
        assert_one_lsb_of_float64(graph)


def assert_one_lsb_of_float64(graph: Int8Graph) -> None:
    """Both sides are rounded once."""
    (node,), inputs = graph.nodes, random_inputs(graph, 4)
    x = dequantize(inputs[node.inputs[0]], graph.type_of(node.inputs[0]).q).astype(np.float64)
    exact = np.where(x < 0, x * graph.const(node.inputs[1]).reals(), x)
    q = graph.tensors[node.output].q
    expected = np.clip(exact / q.scale + q.zero_point, -128, 127)
    assert np.abs(run(graph, inputs)[node.output] - expected).max() <= 0.51
