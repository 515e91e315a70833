"""TopK in files: ONNX against ONNX Runtime, quantized and `.tflite` files, all commands."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import tflite
from onnx import TensorProto, helper

import mcucc
from mcucc.errors import UnsupportedModelError
from mcucc.importer import ModelBytes, lower_network, read_network, read_onnx
from mcucc.ir import DType, TensorType
from mcucc.ops.index import FloatTopKIndices, FloatTopKValues, TopKIndices, TopKValues
from mcucc.quant.ptq import from_file
from mcucc.reference.index import from_bytes
from mcucc.reference.interpreter import run
from mcucc.twin.model import Code, TwinModel, TwinOperator, TwinTensor
from mcucc.twin.options import NO_OPTIONS, options
from mcucc.twin.serialize import serialize
from tests.graphs import quant, random_inputs
from tests.importer.float_cases import Model, check, kinds, runtime
from tests.importer.qdq_models import QdqModel, lower
from tests.judging import needs_tflm
from tests.operators.example import Example
from tests.operators.test_top_k_values import indices
from tests.ops.breaking import with_op, with_output

EXAMPLE = Example(
    TopKIndices,
    lambda b, x: indices(b, x, 2),
    (
        (with_op(TopKIndices(0)), "at least 1"),
        (with_op(TopKIndices(3)), "at most as many"),
        (
            with_output(TensorType(DType.INT32, (1, 6, 6, 2), quant(0.1))),
            "must have scale 1 and zero point 0",
        ),
    ),
    lambda b, x: b.add(FloatTopKIndices(2), x),
)


def top(m: Model, x: str, k: int, **attributes: int) -> tuple[str, str]:
    """Names of the values and of the indices."""
    made = m.op("TopK", x, m.ints(k), outputs=2, **attributes)
    return made, f"{made}_1"


@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((1, 7), 1), ((1, 4, 6, 5), 1), ((1, 4, 6, 5), 2), ((1, 4, 6, 5), -1), ((1, 9, 4), 1),
     ((1, 9, 4), 2)],
)  # fmt: skip
def test_float_files(tmp_path: Path, largest: int, shape: tuple[int, ...], axis: int) -> None:
    m = Model(shape)
    made = top(m, m.op("Relu", "x0"), 3, axis=axis, largest=largest)
    graph = check(m, tmp_path, *made)
    assert {"TopKValues", "TopKIndices"} <= set(kinds(graph))
    assert [port.dtype for port in graph.outputs] == [DType.FLOAT32, DType.INT64]


@pytest.mark.parametrize("place", [0, 1])
def test_only_what_is_read_is_computed(tmp_path: Path, place: int) -> None:
    m = Model((1, 4, 6, 5))
    graph = check(m, tmp_path, top(m, "x0", 2, axis=1)[place])
    found = [kind for kind in kinds(graph) if kind.startswith("TopK")]
    assert found == [("TopKValues", "TopKIndices")[place]]


def test_any_order_may_be_the_sorted_one(tmp_path: Path) -> None:
    """sorted=0 leaves the order open."""
    m = Model((1, 4, 6))
    found = lower_network(read_onnx(m.save(tmp_path, *top(m, "x0", 3, sorted=0))), "net")
    assert {node.op for node in found.nodes} == {FloatTopKValues(3), FloatTopKIndices(3)}


def test_layers_read_the_values(tmp_path: Path) -> None:
    m = Model((1, 3, 8, 8))
    kept, where = top(m, m.op("Conv", "x0", m.weights(6, 3, 3, 3)), 4, axis=1)
    check(m, tmp_path, m.op("Conv", kept, m.weights(2, 4, 1, 1)), where)


@pytest.mark.parametrize(
    ("k", "attributes", "said"),
    [
        (5, {"axis": 1}, "at most all"),
        (0, {"axis": 1}, "at most all"),
        (1, {"axis": 0}, "not the batch"),
    ],
)
def test_refusals(tmp_path: Path, k: int, attributes: dict[str, int], said: str) -> None:
    m = Model((1, 4, 6))
    path = m.save(tmp_path, top(m, "x0", k, **attributes)[0])
    with pytest.raises(UnsupportedModelError, match=said):
        lower_network(read_onnx(path), "net")


def test_arithmetic_on_the_indices_is_refused(tmp_path: Path) -> None:
    m = Model((1, 4, 6))
    where = m.op("Cast", top(m, "x0", 2, axis=1)[1], to=1)
    path = m.save(tmp_path, m.op("Relu", where))
    with pytest.raises(UnsupportedModelError, match="can only be given out"):
        lower_network(read_onnx(path), "net")


@pytest.mark.parametrize("of_integers", [False, True])
def test_quantized_files(tmp_path: Path, of_integers: bool) -> None:
    """The integers in order; with a DequantizeLinear behind it, or a pair."""
    m = QdqModel()
    m.input("x", (1, 4, 6), 0.05, 3)
    source = "x_quantized" if of_integers else "x"
    inputs = [source, m.constant(np.array([2]))]
    m.nodes.append(helper.make_node("TopK", inputs, ["kept", "where"], name="top"))
    m.output(m.dequantize("kept", "y", 0.05, 3) if of_integers else "kept")
    m.output("where", TensorProto.INT64)
    graph = lower(m, tmp_path)
    assert [type(node.op) for node in graph.nodes] == [TopKValues, TopKIndices]
    given = random_inputs(graph, 4)
    found = run(graph, given)
    x = given[graph.inputs[0].tensor]
    order = np.argsort(-x.astype(int), axis=-1, kind="stable")[..., :2]
    assert np.array_equal(found[graph.outputs[0].tensor], np.take_along_axis(x, order, -1))
    assert np.array_equal(from_bytes(found[graph.outputs[1].tensor]), order)


def tflite_file(shape: tuple[int, ...], k: int) -> bytes:
    """A RELU6 and a TOPK_V2."""
    made = (*shape[:-1], k)
    tensors = (
        TwinTensor("x", DType.INT8, shape, (0.05,), 3),
        TwinTensor("y", DType.INT8, shape, (0.05,), 3),
        TwinTensor("k", DType.INT32, (), data=np.array(k, "<i4").tobytes()),
        TwinTensor("values", DType.INT8, made, (0.05,), 3),
        TwinTensor("places", DType.INT32, made),
    )
    relu = TwinOperator(Code(21, 2), (0,), 1, NO_OPTIONS)
    top_k = TwinOperator(Code(48, 2), (1, 2), 3, options("TopKV2Options"))
    data = bytearray(serialize(TwinModel("net", tensors, (relu, top_k), (0,), (3, 4))))
    # No twin has an operator with two outputs: they are written behind the file.
    table = tflite.Model.GetRootAs(data).Subgraphs(0).Operators(1)._tab
    place = table.Pos + table.Offset(8)
    data += bytes(-len(data) % 4)
    struct.pack_into("<I", data, place, len(data) - place)
    return bytes(data + struct.pack("<3I", 2, 3, 4))


@pytest.mark.parametrize("shape", [(1, 9), (1, 3, 7), (1, 5, 6, 4)])
def test_tflite_files(shape: tuple[int, ...]) -> None:
    read = from_file(lower_network(read_network(ModelBytes(tflite_file(shape, 3))), "net"))
    assert {type(node.op) for node in read.nodes} >= {TopKValues, TopKIndices}
    assert [port.dtype for port in read.outputs] == [DType.INT8, DType.INT32]
    inputs = random_inputs(read, 4)
    found = run(read, inputs)
    x = np.clip(inputs[read.inputs[0].tensor], 3, 123)
    order = np.argsort(-x.astype(int), axis=-1, kind="stable")[..., :3]
    assert np.array_equal(found[read.outputs[0].tensor], np.take_along_axis(x, order, -1))
    assert np.array_equal(from_bytes(found[read.outputs[1].tensor]), order)


@pytest.mark.cc
@needs_tflm
def test_a_tflite_file_that_tflm_does_not_run(tmp_path: Path) -> None:
    """The file has no judge; of its network everything else is judged."""
    path = tmp_path / "net.tflite"
    path.write_bytes(tflite_file((1, 9), 3))
    mcucc.compile(path, board="host", output=tmp_path / "o", name="net")
    found = mcucc.verify(tmp_path / "o", model=path, require=("tflm",))
    assert found.ok, found.failures
    assert (found.judges["tflm"], found.judges["file"]) == ("equal", "absent")
    assert found.unjudged == ("values", "places")
    assert any("TOPK_V2" in message for message in found.messages)


@pytest.mark.cc
@needs_tflm
def test_all_commands(tmp_path: Path) -> None:
    """The best classes of a classifier, and a layer on the best of each pixel."""
    m = Model((1, 3, 12, 10))
    scores = m.op("Conv", "x0", m.weights(6, 3, 3, 3))
    inner = m.op("Conv", top(m, scores, 4, axis=1)[0], m.weights(5, 4, 1, 1))
    pooled = m.op("Flatten", m.op("GlobalAveragePool", inner))
    path = m.save(tmp_path, *top(m, pooled, 3))
    x = np.random.default_rng(1).standard_normal((20, 3, 12, 10)).astype(np.float32)
    mcucc.compile(path, board="host", output=tmp_path / "o", calibration=x, selftest=3, name="net")
    said = json.loads((tmp_path / "o" / "report.json").read_text())
    assert len(said["unjudged"]) == 3
    values, places = said["outputs"]
    assert [places["dtype"], places["bytes"], values["bytes"]] == ["int64", 12, 3]
    verified = mcucc.verify(tmp_path / "o", model=path, inputs=x, require=("tflm",))
    assert verified.ok, verified.failures
    assert verified.judges["tflm"] == "equal"
    assert verified.compared["tflm"] == verified.tensors - 3
    with mcucc.load(tmp_path / "o") as net:
        found = net(x)
    assert isinstance(found, dict)
    assert found[places["name"]].dtype == np.int32
    expected = [runtime(path, {"x0": sample[None]}, [places["name"]])[0] for sample in x]
    first = np.concatenate(expected)[:, 0]
    assert (found[places["name"]][:, 0] == first).mean() > 0.7


@pytest.mark.cc
def test_evaluate_takes_the_class(tmp_path: Path) -> None:
    """The first index of those that come with the values that the first output gives."""
    m = Model((1, 9))
    values, index = top(m, m.op("Gemm", "x0", m.weights(9, 5)), 3)
    path = m.save(tmp_path, values, index)
    x = np.random.default_rng(1).standard_normal((40, 9)).astype(np.float32)
    mcucc.compile(path, board="host", output=tmp_path / "o", calibration=x, name="net")
    labels = np.array([runtime(path, {"x0": s[None]}, [index])[0][0, 0] for s in x])
    said = mcucc.evaluate(tmp_path / "o", x, labels, model=path)
    assert len(set(labels.tolist())) > 2
    assert said.float_top1 == 1.0
    assert said.int8_top1 > 0.9
