"""QOperator nodes become QDQ islands with the same results."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from mcucc.errors import UnsupportedModelError, Violation
from mcucc.importer import OnnxModel, read_onnx
from mcucc.importer.file.qoperator import rewrite_qoperators
from mcucc.ops import Int8Graph
from mcucc.ops.verify import verify
from mcucc.reference.fixed_point import dequantize, quantize
from mcucc.reference.interpreter import run
from mcucc.sim.onnx_runtime import open_session
from tests.importer.island_builders import fan_out
from tests.importer.qdq_models import Array, QdqModel, assert_near_onnx_runtime, lower, scalar
from tests.importer.qoperator_models import (
    MICROSOFT,
    OPERATORS,
    QOperatorModel,
    run_onnx_runtime,
    to_proto,
)
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.lowering import lower_quantized

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"
TYPES = ("int8", "uint8")
SOFTMAX_LSB = 2


def read(model: QdqModel | onnx.ModelProto, folder: Path) -> OnnxModel:
    path = folder / "model.onnx"
    proto = model.proto() if isinstance(model, QdqModel) else model
    path.write_bytes(proto.SerializeToString())
    return read_onnx(path)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", OPERATORS)
def test_the_rewritten_form_computes_the_same(name: str, dtype: str, tmp_path: Path):
    """ONNX Runtime judges itself: its integer kernel against its float one between Q and DQ."""
    model = OPERATORS[name](dtype)
    rewritten = rewrite_qoperators(read(model, tmp_path))
    rng = np.random.default_rng(0)
    scale = float(rewritten.constants[rewritten.nodes[-1].inputs[1]].astype(np.float32))
    for _ in range(4):
        feed = {
            port.name: rng.uniform(-9, 8, [size or 1 for size in port.shape]).astype(np.float32)
            for port in rewritten.inputs
        }
        theirs = run_onnx_runtime(model.proto(), feed)
        ours = run_onnx_runtime(to_proto(rewritten), feed)
        assert np.ptp(theirs) > scale
        assert np.abs(ours - theirs).max() <= 1.01 * scale


@pytest.mark.parametrize("name", OPERATORS)
def test_names_are_unique_and_values_are_made_before_they_are_read(name: str, tmp_path: Path):
    model = read(OPERATORS[name]("int8"), tmp_path)
    rewritten = rewrite_qoperators(model)
    known = set(rewritten.constants) | {port.name for port in rewritten.inputs}
    for node in rewritten.nodes:
        assert "QLinear" not in node.op
        assert "QGemm" not in node.op
        assert {name for name in node.inputs if name} <= known
        assert not known & set(node.outputs)
        known |= set(node.outputs)
    assert {node.name for node in rewritten.nodes} <= {node.name for node in model.nodes}
    assert {name for node in model.nodes for name in node.outputs} <= known


@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, dtype) for name in OPERATORS for dtype in TYPES],
)
def test_each_operator_is_near_onnx_runtime(name: str, dtype: str, tmp_path: Path):
    model = OPERATORS[name](dtype)
    graph = lower(model, tmp_path)
    assert_near_onnx_runtime(model, graph, SOFTMAX_LSB if "Softmax" in name else 1)


@needs_tflm
def test_each_operator_has_its_twins_bits(tmp_path: Path):
    assert_tflm_agrees([lower(build("int8"), tmp_path) for build in OPERATORS.values()])


def test_both_types_make_the_same_network(tmp_path: Path):
    for build in OPERATORS.values():
        int8, uint8 = (lower(build(dtype), tmp_path) for dtype in TYPES)
        assert int8.nodes == uint8.nodes
        assert int8.tensors == uint8.tensors


def test_a_value_is_dequantized_once(tmp_path: Path):
    rewritten = rewrite_qoperators(read(OPERATORS["two readers"]("int8"), tmp_path))
    read_by = Counter(node.inputs[0] for node in rewritten.nodes if node.op == "DequantizeLinear")
    assert read_by["x"] == 1
    assert [node.name for node in rewritten.nodes if node.op in ("Conv", "Add")] == ["conv", "op"]


def test_the_origin_of_a_node_is_its_name_in_the_file(tmp_path: Path):
    graph = lower(OPERATORS["two readers"]("int8"), tmp_path)
    assert [node.origin for node in graph.nodes] == [("conv",), ("op",)]


def test_a_model_without_such_nodes_is_left_alone(tmp_path: Path):
    model = read(fan_out(), tmp_path)
    assert rewrite_qoperators(model) is model


@pytest.mark.parametrize("dtype", TYPES)
def test_zero_points_may_be_left_out(dtype: str, tmp_path: Path):
    """They are 0 in the type of the operand, which an integer input declares."""
    m = QOperatorModel(dtype)
    m.plain_input("x", (1, 2, 3, 4), onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
    scale = m.constant(scalar(0.5))
    m.op("QLinearAdd", "x", scale, "", "x", scale, "", scale, "", name="op", domain=MICROSOFT)
    m.op("QLinearMul", "op", scale, "", "x", scale, "", scale, name="op2", domain=MICROSOFT)
    rewritten = rewrite_qoperators(read(m.end("op2", (scale, "")), tmp_path))
    zeros = [n.inputs[2] for n in rewritten.nodes if n.op == "QuantizeLinear"]
    assert [rewritten.constants[name].dtype.name for name in zeros] == [dtype] * 2
    assert len(set(zeros)) == 1


def violations(model: QdqModel, folder: Path) -> tuple[Violation, ...]:
    with pytest.raises(UnsupportedModelError) as caught:
        lower_quantized(read(model, folder), "net")
    return caught.value.violations


def unary_with(op: str, shape: tuple[int, ...] = (1, 3, 6, 8), **attributes: int) -> QOperatorModel:
    m = QOperatorModel("int8")
    x, pair = m.operand("x", shape), m.parameters(1 / 256, -128)
    m.op(op, *x, *pair, name="op", domain=MICROSOFT, **attributes)
    return m.end("op", pair, len(shape))


def joined_nothing() -> QOperatorModel:
    m = QOperatorModel("int8")
    pair = m.parameters(0.5, -5)
    m.op("QLinearConcat", *pair, name="op", domain=MICROSOFT, axis=1)
    return m.end("op", pair)


REFUSED = {
    "no operand": (joined_nothing, "there must be something to join"),
    "channels last": (
        lambda: unary_with("QLinearGlobalAveragePool", channels_last=1),
        "maps must be channels first",
    ),
    "an older softmax": (
        lambda: unary_with("QLinearSoftmax", (1, 10), axis=1, opset=11),
        "attribute opset must lie on the same side of 13 as the file's, or axis be -1",
    ),
    "unknown": (
        lambda: unary_with("QLinearReduceMean"),
        "the operator must be one that mcucc knows in QOperator form",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_qdq_form_is_refused(name: str, tmp_path: Path):
    build, rule = REFUSED[name]
    (violation,) = violations(build(), tmp_path)
    assert (violation.node, violation.rule) == ("op", rule)
    assert violation.actual
    assert violation.hint


def test_a_scale_that_is_computed_is_refused(tmp_path: Path):
    m = QOperatorModel("int8")
    x, pair = m.operand("x", (1, 12)), m.parameters(0.5, -5)
    m.plain_input("scale", ())
    weights, _, zero = m.weight((12, 5), None)
    inputs = (*x, weights, "scale", zero, m.int_bias(5), *pair)
    m.op("QGemm", *inputs, name="op", domain=MICROSOFT)
    (violation,) = violations(m.end("op", pair, 2), tmp_path)
    assert violation.rule == "scales must be constant float32"
    assert violation.actual == "'scale' is not"


def test_every_reason_is_given(tmp_path: Path):
    m = QOperatorModel("int8")
    x, pair = m.operand("x", (1, 3, 6, 8)), m.parameters(0.5, -5)
    m.op("QLinearReduceMean", *x, *pair, name="mean", domain=MICROSOFT)
    last = {"domain": MICROSOFT, "channels_last": 1}
    m.op("QLinearGlobalAveragePool", *x, *pair, name="pool", **last)
    assert [v.node for v in violations(m.end("pool", pair), tmp_path)] == ["mean", "pool"]


class Calibration(CalibrationDataReader):
    """Hands one sample after the other to ONNX Runtime's quantizer."""

    def __init__(self, name: str, samples: Array) -> None:
        self._feeds = iter([{name: sample[None]} for sample in samples])

    def get_next(self) -> dict[str, Array] | None:
        return next(self._feeds, None)


def quantized(
    source: Path, samples: Array, folder: Path, activations: QuantType, *, per_channel: bool
) -> Path:
    """The file that ONNX Runtime's quantizer writes in QOperator form."""
    path = folder / "quantized.onnx"
    quantize_static(
        source,
        path,
        Calibration(read_onnx(source).inputs[0].name, samples),
        quant_format=QuantFormat.QOperator,
        activation_type=activations,
        weight_type=QuantType.QInt8,
        per_channel=per_channel,
        reduce_range=True,  # as in qoperator_models.py
    )
    return path


def lower_file(path: Path) -> Int8Graph:
    graph = lower_quantized(read_onnx(path), "net")
    verify(graph)
    return graph


def int8_inputs(graph: Int8Graph, samples: Array) -> dict[str, Array]:
    """Float samples in the file's layout as the graph reads them."""
    port = graph.inputs[0]
    whole = samples if port.perm is None else samples.transpose(port.perm)
    return {port.tensor: quantize(whole, graph.tensors[port.tensor].q)}


def assert_agrees_with_onnx_runtime(path: Path, graph: Int8Graph, samples: Array) -> None:
    """At least 99 % of the classes; the histogram of differences is printed."""
    port = graph.outputs[0]
    quant = graph.tensors[port.tensor].q
    ours = run(graph, int8_inputs(graph, samples))[port.tensor]
    session = open_session(str(path))
    name = session.get_inputs()[0].name
    theirs = np.concatenate([session.run(None, {name: sample[None]})[0] for sample in samples])
    lsb = np.rint((dequantize(ours, quant) - theirs) / quant.scale).astype(np.int32)
    histogram = zip(*np.unique(lsb, return_counts=True), strict=True)
    print({int(k): int(n) for k, n in histogram})  # noqa: T201 -- information, for pytest -s
    assert np.mean(ours.argmax(axis=1) == theirs.argmax(axis=1)) >= 0.99


EXPORTS = pytest.mark.parametrize("activations", [QuantType.QInt8, QuantType.QUInt8])
CHANNELS = pytest.mark.parametrize("per_channel", [False, True])


@needs_tflm
@EXPORTS
@CHANNELS
def test_the_quantized_example(activations: QuantType, per_channel: bool, tmp_path: Path):
    with np.load(DIGITS / "test_images.npz") as file:
        images = file["image"]
    source = DIGITS / "digits_float.onnx"
    path = quantized(source, images[:64], tmp_path, activations, per_channel=per_channel)
    graph = lower_file(path)
    assert_tflm_agrees([graph], inputs=[int8_inputs(graph, images[:32])])
    assert_agrees_with_onnx_runtime(path, graph, images)


@needs_tflm
@pytest.mark.models
@EXPORTS
@CHANNELS
def test_quantized_keyword_spotting(
    activations: QuantType, per_channel: bool, models_dir: Path, tmp_path: Path
):
    with np.load(models_dir / "kws_calib.npz") as file:
        samples = file["x_f32"]
    source = models_dir / "kws_float.onnx"
    path = quantized(source, samples[:16], tmp_path, activations, per_channel=per_channel)
    graph = lower_file(path)
    assert_tflm_agrees([graph], inputs=[int8_inputs(graph, samples[:8])])


@needs_tflm
@pytest.mark.models
def test_the_exported_keyword_spotting(models_dir: Path):
    """Written by ONNX Runtime with uint8 activations; its classes are those of the float one."""
    graph = lower_file(models_dir / "ortq" / "kws_sm_ort_qoperator_u8s8.onnx")
    with np.load(models_dir / "kws_sm_io.npz") as io:
        samples, expected = io["x_f32"], io["y_float"]
    inputs = int8_inputs(graph, samples)
    assert_tflm_agrees([graph], inputs=[inputs])
    ours = run(graph, inputs)[graph.outputs[0].tensor]
    assert np.array_equal(ours.argmax(axis=1), expected.argmax(axis=1))
