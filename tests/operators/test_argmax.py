"""ArgMax, ArgMin: numpy against TFLM, C against numpy, ONNX against ONNX Runtime, all commands."""

import json
from pathlib import Path

import numpy as np
import pytest

import mcucc
from mcucc.api.options import IoChoice
from mcucc.errors import UnsupportedModelError
from mcucc.importer import ModelBytes, lower_network, read_network, read_onnx
from mcucc.ir import DType, TensorType
from mcucc.ops import Int8Graph
from mcucc.ops.index import INDEX_QUANT, ArgMax, FloatArgMax
from mcucc.ops.verify import node_faults
from mcucc.quant.ptq import from_file
from mcucc.reference.index import as_bytes, from_bytes
from mcucc.reference.interpreter import run
from mcucc.schedule import PlanOptions
from mcucc.targets.board import load_board
from mcucc.targets.core import Core
from mcucc.twin import write_twin
from tests.graphs import GraphBuilder, quant, random_inputs
from tests.importer.float_cases import Model, check, kinds, runtime
from tests.importer.qdq_models import QdqModel, lower
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.kernels.compiled import KERNEL_CORES, assert_c_agrees, core_name, generate
from tests.kernels.grid import CHANNELS, MAPS, ZERO_POINTS, latin
from tests.kernels.on_core import assert_core_agrees
from tests.operators.example import Example
from tests.ops.breaking import with_output

ALL = [ArgMax(largest, last) for largest in (True, False) for last in (True, False)]


def arg(b: GraphBuilder, op: ArgMax, x: str) -> str:
    return b.node(op, (x,), INDEX_QUANT)


EXAMPLE = Example(
    ArgMax,
    lambda b, x: arg(b, ArgMax(), x),
    (
        (
            with_output(TensorType(DType.INT32, (1, 6, 6, 1), quant(0.1))),
            "must have scale 1 and zero point 0",
        ),
        (
            with_output(TensorType(DType.INT8, (1, 6, 6, 1), INDEX_QUANT)),
            "the output must be quantized int32",
        ),
    ),
    lambda b, x: b.add(FloatArgMax(), x),
)


def levelled(graph: Int8Graph) -> dict[str, np.ndarray]:
    """Inputs with many equal numbers."""
    return {
        name: np.concatenate([x, x >> 3, x >> 6]) for name, x in random_inputs(graph, 6).items()
    }


@needs_tflm
@pytest.mark.parametrize("op", ALL, ids=repr)
def test_tflm_agrees(op: ArgMax) -> None:
    graphs: list[Int8Graph] = []
    for seed, shape in enumerate([(1, 7), (1, 9, 4), (1, 3, 5, 7), (1, 2, 2, 1), (1, 256)] * 2):
        b = GraphBuilder(f"{op} {seed}", seed=seed)
        arg(b, op, b.input(shape, quant(0.05, ZERO_POINTS[seed % 5])))
        graphs.append(b.build())
    assert_tflm_agrees(graphs, inputs=[levelled(graph) for graph in graphs])


@pytest.mark.cc
@pytest.mark.parametrize("core", KERNEL_CORES, ids=core_name)
def test_c_agrees(tmp_path: Path, core: Core | None) -> None:
    b, made = GraphBuilder("arg", seed=5), list[str]()
    levels = {"map": MAPS, "c": (1, 2, *CHANNELS), "zero_point": ZERO_POINTS, "op": ALL}
    for case in latin(levels, 24, seed=5):
        x = b.input((1, *case["map"], case["c"]), quant(0.05, case["zero_point"]))
        # Of few levels, so that several are equal.
        made.append(arg(b, case["op"], b.clamp(x, -20, 3)))
    generated = generate(b.build(*made), tmp_path / "c", planned=False, core=core)
    assert_c_agrees(generated, tmp_path, clang=core is None)


@pytest.mark.qemu
@pytest.mark.parametrize("board", ["rpi-pico", "mps2-an386", "mps3-an547"])
def test_the_core_agrees(tmp_path: Path, board: str) -> None:
    found, b = load_board(board), GraphBuilder("arg", seed=7)
    x = b.clamp(b.input((1, 5, 4, 19)), -30, 30)
    made = [arg(b, op, x) for op in ALL]
    assert_core_agrees(
        generate(b.build(*made), tmp_path / "c", core=found.core), found, tmp_path / "work"
    )


@pytest.mark.cc
def test_it_lives_in_a_segment(tmp_path: Path) -> None:
    """The classes of pixels: no map of scores is ever whole."""
    b = GraphBuilder("pixels", seed=7)
    arg(b, ArgMax(), b.conv(b.conv(b.input((1, 24, 24, 1)), 16), 8))
    made = generate(b.build(), tmp_path / "rows", options=PlanOptions("memory"))
    assert made.network.arena_bytes < 24 * 24 * 8
    assert_c_agrees(made, tmp_path)


def test_nothing_is_computed_of_an_index() -> None:
    b = GraphBuilder("net", seed=1)
    index = b.node(ArgMax(), (b.input((1, 4, 6)),), INDEX_QUANT)
    b.reshape(index, (1, 4))
    graph = b.build()
    assert graph.tensors[graph.nodes[-1].output].dtype == DType.INT32
    b.softmax(index)
    (fault,) = [f for node in b.nodes[-1:] for f in node_faults(graph_of(b), node) if "index" in f]
    assert fault.endswith("an index can only be given out")


def graph_of(b: GraphBuilder) -> Int8Graph:
    return Int8Graph("net", (), (), tuple(b.nodes), dict(b.tensors), dict(b.consts))


def test_bytes_of_indices() -> None:
    indices = np.array([[[0], [258]], [[-1], [1 << 30]]], np.int32)
    held = as_bytes(indices)
    assert held.shape == (2, 2, 4)
    assert held[0, 1].tolist() == [2, 1, 0, 0]
    assert np.array_equal(from_bytes(held), indices)


@pytest.mark.parametrize("operator", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((1, 7), 1), ((1, 4, 6, 5), 1), ((1, 4, 6, 5), 2), ((1, 4, 6, 5), -1), ((1, 9, 4), 1),
     ((1, 9, 4), 2)],
)  # fmt: skip
def test_float_files(
    tmp_path: Path, operator: str, keepdims: int, shape: tuple[int, ...], axis: int
) -> None:
    m = Model(shape)
    y = m.op(operator, m.op("Relu", "x0"), axis=axis, keepdims=keepdims, select_last_index=1)
    graph = check(m, tmp_path, y)
    assert "ArgMax" in kinds(graph)
    assert "Transpose" not in kinds(graph)[kinds(graph).index("ArgMax") :]
    (port,) = graph.outputs
    assert port.dtype == DType.INT64


def test_an_index_may_be_renamed(tmp_path: Path) -> None:
    m = Model((1, 4, 6, 5))
    y = m.op("ArgMax", "x0", axis=1, keepdims=1)
    y = m.op("Cast", m.op("Squeeze", y, m.ints(1)), to=6)
    check(m, tmp_path, m.op("Reshape", y, m.ints(1, 30)))


@pytest.mark.parametrize("operator", ["Relu", "Add", "Concat"])
def test_what_comes_behind_is_refused(tmp_path: Path, operator: str) -> None:
    """With the command that cuts it off."""
    m = Model((1, 4, 6))
    more = {"axis": 1} if operator == "Concat" else {}
    index = m.op("Cast", m.op("ArgMax", "x0", axis=1), to=1)
    path = m.save(
        tmp_path, m.op(operator, index, *(() if operator == "Relu" else (index,)), **more)
    )
    with pytest.raises(UnsupportedModelError, match="can only be given out") as caught:
        lower_network(read_onnx(path), "net")
    assert f"--cut-at {index}" in str(caught.value)


def test_the_batch_is_no_axis(tmp_path: Path) -> None:
    m = Model((1, 4, 6))
    path = m.save(tmp_path, m.op("ArgMax", "x0", axis=0))
    with pytest.raises(UnsupportedModelError, match="axis must not be the batch"):
        lower_network(read_onnx(path), "net")


@pytest.mark.parametrize("of_integers", [False, True])
def test_quantized_files(tmp_path: Path, of_integers: bool) -> None:
    m = QdqModel()
    m.input("x", (1, 4, 6), 0.05, 3)
    m.output(m.op("ArgMax", "x_quantized" if of_integers else "x", axis=-1, keepdims=0), 7)
    graph = lower(m, tmp_path)
    assert [type(node.op).__name__ for node in graph.nodes] == ["ArgMax", "Reshape"]
    given = random_inputs(graph, 4)
    found = from_bytes(run(graph, given)[graph.outputs[0].tensor])
    assert np.array_equal(found, given[graph.inputs[0].tensor].argmax(axis=-1))


@pytest.mark.parametrize("shape", [(1, 5, 6, 4), (1, 9), (1, 3, 7)])
@pytest.mark.parametrize("op", [ArgMax(), ArgMax(False)], ids=repr)
def test_tflite_files(shape: tuple[int, ...], op: ArgMax) -> None:
    """Back from the file of TensorFlow Lite, whose index is an int32."""
    b = GraphBuilder("net", seed=8)
    made = arg(b, op, b.input(shape))
    graph = b.build()
    read = from_file(lower_network(read_network(ModelBytes(write_twin(graph))), "net"))
    assert read.nodes[0].op == op
    assert read.outputs[0].dtype == DType.INT32
    inputs = random_inputs(graph, 4)
    found = run(read, {p.tensor: inputs[p.name] for p in read.inputs})[read.outputs[0].tensor]
    assert np.array_equal(found.ravel(), run(graph, inputs)[made].ravel())


def classifier(folder: Path) -> Path:
    """Scores and the class of each pixel, and the class of all."""
    m = Model((1, 3, 12, 10))
    scores = m.op("Conv", "x0", m.weights(6, 3, 3, 3))
    pooled = m.op("Flatten", m.op("GlobalAveragePool", scores))
    pixels = m.op("ArgMax", scores, axis=1, keepdims=0)
    return m.save(folder, pooled, pixels, m.op("ArgMax", pooled, axis=1, keepdims=0))


@pytest.mark.cc
@pytest.mark.parametrize("io", ["int8", "uint8", "float", "file"])
def test_all_commands(tmp_path: Path, io: IoChoice) -> None:
    path = classifier(tmp_path)
    x = np.random.default_rng(1).standard_normal((20, 3, 12, 10)).astype(np.float32)
    made = mcucc.compile(
        path, board="host", output=tmp_path / "o", calibration=x, io=io, selftest=3, name="net"
    )
    assert made.report.fits
    said = json.loads((tmp_path / "o" / "report.json").read_text())
    scores, pixels, best = said["outputs"]
    assert [pixels["dtype"], pixels["bytes"]] == ["int64", 4 * 10 * 8]
    assert [best["dtype"], best["bytes"], best["shape"]] == ["int64", 4, [1]]
    assert scores["sqnr_db"] is None or scores["sqnr_db"] > 10
    assert pixels["sqnr_db"] is None

    verified = mcucc.verify(tmp_path / "o", model=path, inputs=x, require=("tflm",))
    assert verified.ok, verified.failures
    assert verified.float is not None
    agreed = [output.agreement for output in verified.float.outputs]
    assert agreed[0] is None
    assert min(agreed[1:]) > 0.9  # pyright: ignore[reportArgumentType] -- indices have one

    with mcucc.load(tmp_path / "o") as net:
        found = net(x)
    names = [port["name"] for port in said["outputs"]]
    expected = [runtime(path, {"x0": sample[None]}, names) for sample in x]
    assert isinstance(found, dict)
    assert found[names[1]].dtype == np.int32
    assert found[names[1]].shape == (20, 10, 8)
    assert found[names[2]].shape == (20,)
    for place in (1, 2):
        wanted = np.concatenate([each[place] for each in expected])
        assert (found[names[place]] == wanted).mean() > 0.9


@pytest.mark.cc
def test_evaluate_takes_the_class(tmp_path: Path) -> None:
    m = Model((1, 9))
    path = m.save(tmp_path, m.op("ArgMax", m.op("Gemm", "x0", m.weights(9, 5)), axis=1))
    x = np.random.default_rng(1).standard_normal((40, 9)).astype(np.float32)
    mcucc.compile(path, board="host", output=tmp_path / "o", calibration=x, name="net")
    labels = np.array([runtime(path, {"x0": s[None]}, ["v1"])[0].item() for s in x])
    said = mcucc.evaluate(tmp_path / "o", x, labels, model=path)
    assert said.float_top1 == 1.0
    assert said.int8_top1 > 0.9
