"""Files that quantize some of their values: given scales stay, the others are calibrated."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from mcucc.api.compile import CompileOptions, compile_model
from mcucc.api.inspect import inspect_model
from mcucc.api.network import Calibration, load_network
from mcucc.api.plan import plan_model
from mcucc.errors import UnsupportedModelError
from mcucc.importer import lower_network, read_onnx
from mcucc.ir import Port, QParams
from mcucc.ops import Int8Graph
from mcucc.ops.elementwise import FloatFakeQuant
from mcucc.passes import FLOAT, run_passes
from mcucc.quant.scheme import uncalibrated
from mcucc.reference import interpreter
from mcucc.reference.fixed_point import quantize
from mcucc.reference.preprocessing import preprocess
from mcucc.sim.onnx_runtime import open_session
from tests.importer.island_builders import conv, dense
from tests.importer.qdq_models import QdqModel, assert_near_onnx_runtime, lower, scalar
from tests.importer.refused_builders import BIAS, BIAS_SCALE, replaced
from tests.judging import assert_tflm_agrees, needs_tflm

Reals = NDArray[np.float32]
MAP = (1, 3, 6, 8)

GIVEN = {
    "int8 bias": replaced(conv((1, 1)), BIAS, np.array([1, -20, 100, 0], np.int8)),
    "bias at a scale of its own": replaced(conv((1, 1), axis=None), BIAS_SCALE, scalar(2**-10)),
    "alpha": dense("Gemm", alpha=0.5),
    "negative alpha": dense("Gemm", alpha=-0.5),
    "beta": dense("Gemm", beta=3.0),
}
"""Files that give all scales, in forms that need arithmetic on parameters."""


@pytest.mark.parametrize("name", GIVEN)
def test_parameters_are_computed_as_onnx_says(name: str, tmp_path: Path):
    build = GIVEN[name]
    assert_near_onnx_runtime(build(), lower(build(), tmp_path))


def batch_norm(m: QdqModel, x: str, channels: int = 4, sign: float = 1.0) -> str:
    rng = np.random.default_rng(1)
    scale = rng.uniform(0.5, 1.5, channels) * np.where(np.arange(channels) % 2, sign, 1.0)
    rows = (scale, rng.normal(size=channels), rng.normal(size=channels) / 4)
    names = [m.constant(row.astype(np.float32)) for row in rows]
    variance = m.constant(rng.uniform(0.5, 2.0, channels).astype(np.float32))
    return m.op("BatchNormalization", x, *names, variance, name="bn")


def weights(m: QdqModel, *shape: int, largest: int = 127) -> str:
    """Small ones, so that a step of rounding before a layer is less than one behind it."""
    return m.weights(shape, data=m.rng.integers(-largest, largest + 1, shape, dtype=np.int8))


def norm_behind_pair() -> QdqModel:
    m = QdqModel()
    y = m.pair(m.op("Conv", m.input("x", MAP), weights(m, 4, 3, 3, 3), name="conv"), "z", 0.25, 3)
    m.output(m.pair(batch_norm(m, y), "y", 0.5, -7))
    return m


def norm_behind_layer(sign: float = 1.0) -> QdqModel:
    m = QdqModel()
    y = m.op("Conv", m.input("x", MAP), weights(m, 4, 3, 3, 3), name="conv")
    m.output(m.pair(batch_norm(m, y, sign=sign), "y", 0.2, -7))
    return m


def float_island() -> QdqModel:
    m = QdqModel(14)
    y = m.op("Conv", m.input("x", MAP), weights(m, 4, 3, 3, 3), name="conv")
    y = m.op("GlobalAveragePool", m.op("HardSwish", y, name="swish"), name="gap")
    m.output(m.pair(y, "y", 0.1, -100))
    return m


def float_slice_and_concat() -> QdqModel:
    m = QdqModel()
    x = m.op("Conv", m.input("x", MAP), weights(m, 4, 3, 1, 1), name="conv")
    bounds = [m.constant(np.array([n])) for n in (0, 2, 1)]
    part = m.op("Slice", x, *bounds, name="part")
    other = m.op("Conv", "x", weights(m, 2, 3, 1, 1), name="other")
    m.output(m.pair(m.op("Concat", part, other, axis=1, name="cat"), "y", 0.25, -3))
    return m


def last_layer_float() -> QdqModel:
    m = QdqModel()
    y = m.pair(m.op("Conv", m.input("x", MAP), weights(m, 4, 3, 3, 3), name="conv"), "z", 0.25, 3)
    y = m.op("Flatten", m.op("GlobalAveragePool", y, name="gap"), name="flat")
    m.output(m.op("Gemm", y, weights(m, 5, 4, largest=16), name="gemm", transB=1))
    return m


def arithmetic_before() -> QdqModel:
    m = QdqModel()
    x = m.plain_input("x_float", MAP)
    mean, spread = (
        m.constant(np.array(row, np.float32).reshape(1, 3, 1, 1))
        for row in ([100, 120, 140], [50, 60, 55])
    )
    x = m.op("Div", m.op("Sub", x, mean), spread)
    y = m.op("Conv", m.pair(x, "x", 2**-5, 3), weights(m, 4, 3, 3, 3), name="conv")
    m.output(m.pair(y, "y", 0.25, 3))
    return m


def residual_in_float() -> QdqModel:
    """One branch is quantized, the other reads the same sum as it is."""
    m = QdqModel()
    stem = m.op("Conv", m.input("x", MAP), weights(m, 4, 3, 1, 1), name="stem")
    branch = m.op(
        "Conv", m.pair(stem, "s", 0.25, 3), weights(m, 4, 4, 1, 1, largest=8), name="branch"
    )
    m.output(m.op("Add", stem, branch, name="sum"))
    return m


def uint8_ends() -> QdqModel:
    m = QdqModel(14)
    q = m.plain_input("x", MAP, TensorProto.UINT8)
    parameters = m.constant(scalar(2**-5)), m.constant(np.array(131, np.uint8))
    x = m.op("DequantizeLinear", q, *parameters, name="real")
    y = m.op("HardSwish", m.op("Conv", x, weights(m, 4, 3, 3, 3), name="conv"), name="swish")
    m.output(m.pair(y, "y", 0.25, -100))
    return m


PARTLY: dict[str, tuple[Callable[[], QdqModel], int]] = {
    "a batch normalization behind a pair": (norm_behind_pair, 0),
    "a batch normalization behind a layer": (norm_behind_layer, 0),
    "a batch normalization that turns signs": (lambda: norm_behind_layer(-1.0), 0),
    "an island in float": (float_island, 2),
    "a slice and a concat in float": (float_slice_and_concat, 0),
    "the last layer in float": (last_layer_float, 1),
    "arithmetic before the first pair": (arithmetic_before, 0),
    "a residual in float": (residual_in_float, 3),
    "uint8 at both ends of an island": (uint8_ends, 1),
}
"""Each with the number of quantized values that only calibration can give a scale."""


@pytest.mark.parametrize("name", PARTLY)
def test_given_scales_stay_and_others_are_calibrated(name: str, tmp_path: Path):
    build, missing = PARTLY[name]
    path = written(build(), tmp_path)
    graph = run_passes(lower_network(read_onnx(path), "net"), FLOAT)[0]
    assert len(uncalibrated(graph)) >= missing
    assert bool(uncalibrated(graph)) == bool(missing)
    given = {n.output: n.op.quant for n in graph.nodes if isinstance(n.op, FloatFakeQuant)}
    made, samples = compiled(path, tmp_path)
    kept = {name for name in given if name in made.tensors}
    assert all(made.tensors[name].quant == given[name] for name in kept)
    # Where two rounded values are added, each may be a step off.
    assert distance(path, made, samples) <= (2 if name == "a residual in float" else 1)


@needs_tflm
def test_partly_quantized_networks_have_their_twins_bits(tmp_path: Path):
    graphs: list[Int8Graph] = []
    for build, _ in PARTLY.values():
        graphs.append(compiled(written(build(), tmp_path), tmp_path)[0])
    assert_tflm_agrees(graphs)


def test_without_calibration_the_values_are_named(tmp_path: Path):
    path = written(last_layer_float(), tmp_path)
    with pytest.raises(UnsupportedModelError) as caught:
        load_network(read_onnx(path), "net", Calibration())
    (violation,) = caught.value.violations
    assert violation.node == "gap"
    assert violation.actual.endswith("not 'gap', 'flat', 'gemm'")
    assert "--calib" in violation.hint
    found = inspect_model(path)
    assert found.supported
    assert found.unscaled == ("gap", "flat", "gemm")
    assert [layer.op for layer in found.layers] == ["Conv2D", "Mean", "Reshape", "Dense"]


def test_nothing_is_missing_where_all_scales_or_none_are_given(tmp_path: Path):
    assert inspect_model(written(norm_behind_pair(), tmp_path)).unscaled == ()
    m = QdqModel()
    m.output(m.op("Relu", m.plain_input("x", MAP)))
    assert inspect_model(written(m, tmp_path)).unscaled == ()


def test_memory_needs_no_calibration(tmp_path: Path):
    path = written(last_layer_float(), tmp_path)
    with pytest.raises(UnsupportedModelError):
        compile_model(path, CompileOptions("nucleo-f446re"))
    assert plan_model(path, CompileOptions("nucleo-f446re")).fits


CASES = [
    "qdq_batchnorm",
    "qdq_bias_axis3",
    "qdq_hardswish_island",
    "qdq_last_gemm_float",
    "qdq_sub_before_q",
    "thread_qdq_no_output_q",
    "thread_qdq_bias_other_scale",
]


@pytest.mark.models
@pytest.mark.parametrize("name", CASES)
def test_a_case_is_within_one_step_of_exact_arithmetic(name: str, models_dir: Path, tmp_path: Path):
    path = models_dir / "cases" / f"{name}.onnx"
    with np.load(path.with_suffix(".npz")) as file:
        samples = {
            k.removeprefix("in/"): v.astype(np.float32) for k, v in file.items() if "in/" in k
        }
        exact = {k.removeprefix("out/"): v for k, v in file.items() if "out/" in k}
    graph, _ = compiled(path, tmp_path, samples)
    assert largest_step(graph, samples, exact) <= 1


def written(model: QdqModel, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.proto().SerializeToString())
    return path


def compiled(
    path: Path, folder: Path, samples: dict[str, Reals] | None = None
) -> tuple[Int8Graph, dict[str, Reals]]:
    """The network, calibrated on samples or on drawn ones, and these."""
    model = read_onnx(path)
    if samples is None:
        rng = np.random.default_rng(0)
        samples = {}
        for port in model.inputs:
            shape = (24, *[n or 1 for n in port.shape[1:]])
            drawn = (
                rng.normal(120, 50, shape) if prepares_input(path) else rng.uniform(-4, 4, shape)
            )
            whole = rng.integers(0, 256, shape)
            samples[port.name] = (drawn if port.dtype == "float32" else whole).astype(np.float32)
    calibration = folder / "calibration.npz"
    np.savez(calibration, allow_pickle=False, **samples)
    return load_network(model, "net", Calibration(calibration)).graph, samples


def prepares_input(path: Path) -> bool:
    """Whether a network prepares its input itself."""
    return any(node.op == "Sub" for node in read_onnx(path).nodes)


def distance(path: Path, graph: Int8Graph, samples: dict[str, Reals]) -> float:
    """How many steps of its scale an element is at most from ONNX Runtime's."""
    session = open_session(path.read_bytes())
    names = [port.name for port in graph.outputs]
    types = {port.name: port.dtype.value for port in graph.inputs}
    theirs = [
        session.run(names, {n: x[i : i + 1].astype(types[n]) for n, x in samples.items()})
        for i in range(len(next(iter(samples.values()))))
    ]
    exact = {name: np.concatenate([each[i] for each in theirs]) for i, name in enumerate(names)}
    return largest_step(graph, samples, exact)


def largest_step(
    graph: Int8Graph, samples: dict[str, Reals], exact: dict[str, NDArray[np.float64]]
) -> float:
    inputs = {p.tensor: _int8(samples[p.name], p, graph.tensors[p.tensor].q) for p in graph.inputs}
    values = interpreter.run(graph, inputs)
    largest = 0.0
    for port in graph.outputs:
        quant = graph.tensors[port.tensor].q
        perm = port.perm or tuple(range(len(port.shape)))
        inner = values[port.tensor].reshape((-1, *[port.shape[axis] for axis in perm][1:]))
        ours = inner.transpose(np.argsort(perm)).astype(np.float64)
        wanted = exact[port.name].astype(np.float64).reshape(ours.shape)
        steps = np.clip(np.rint(wanted / quant.scale) + quant.zero_point, -128, 127)
        largest = max(largest, float(np.abs(ours - steps).max()))
    return largest


def _int8(x: Reals, port: Port, quant: QParams) -> NDArray[np.int8]:
    x = preprocess(port.preprocessing, x)
    inner = x if port.perm is None else x.transpose(port.perm)
    if port.dtype == "uint8":
        return np.ascontiguousarray(inner - 128).astype(np.int8)
    return quantize(np.ascontiguousarray(inner), quant)
