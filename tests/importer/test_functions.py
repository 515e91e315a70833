"""Functions of one element in float files, against ONNX Runtime, and in int8, against float64."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcucc.errors import UnsupportedModelError
from mcucc.importer import lower_network, read_onnx
from mcucc.importer.rules import unary
from mcucc.ops.unary import FloatUnary, UnaryKind
from mcucc.passes import FLOAT, run_passes
from mcucc.reference import interpreter
from mcucc.reference.fixed_point import dequantize
from tests.graphs import all_values
from tests.importer.float_cases import Model, check, kinds
from tests.importer.qdq_models import QdqModel, lower
from tests.reference.test_functions import DEFINITIONS, POSITIVE

CASES: dict[str, list[tuple[UnaryKind, dict[str, Any]]]] = {
    "Abs": [("abs", {})],
    "Ceil": [("ceil", {})],
    "Celu": [("celu", {}), ("celu", {"alpha": 0.6})],
    "Cos": [("cos", {})],
    "Elu": [("elu", {}), ("elu", {"alpha": 0.6})],
    "Erf": [("erf", {})],
    "Exp": [("exp", {})],
    "Floor": [("floor", {})],
    "Gelu": [("gelu", {}), ("gelu_tanh", {"approximate": "tanh"})],
    "HardSigmoid": [("hard_sigmoid", {}), ("hard_sigmoid", {"alpha": 0.3, "beta": 0.4})],
    "HardSwish": [("hard_swish", {})],
    "LeakyRelu": [("leaky_relu", {}), ("leaky_relu", {"alpha": 0.3})],
    "Log": [("log", {})],
    "Mish": [("mish", {})],
    "Neg": [("neg", {})],
    "Pow": [("pow", {})],
    "Reciprocal": [("reciprocal", {})],
    "Round": [("round", {})],
    "Selu": [("selu", {}), ("selu", {"alpha": 1.5, "gamma": 1.1})],
    "Sigmoid": [("sigmoid", {})],
    "Sign": [("sign", {})],
    "Sin": [("sin", {})],
    "Softplus": [("softplus", {})],
    "Softsign": [("softsign", {})],
    "Sqrt": [("sqrt", {})],
    "Tanh": [("tanh", {})],
    "ThresholdedRelu": [("thresholded_relu", {}), ("thresholded_relu", {"alpha": 0.3})],
}
EVERY = [(op, kind, attributes) for op, cases in CASES.items() for kind, attributes in cases]


def test_every_function_is_tried() -> None:
    assert set(CASES) == set(unary.RULES)


@pytest.mark.parametrize(("op", "kind", "attributes"), EVERY)
def test_as_onnx_runtime(
    tmp_path: Path, op: str, kind: UnaryKind, attributes: dict[str, Any]
) -> None:
    m = Model((1, 3, 5, 4), opset=20)
    x = m.op("Abs", "x0") if kind in POSITIVE else "x0"
    exponent = (m.constant([2.0], np.float32),) if op == "Pow" else ()
    graph = check(m, tmp_path, m.op(op, x, *exponent, **attributes))
    last = graph.nodes[-1].op
    assert isinstance(last, FloatUnary)
    assert last.kind == kind


@pytest.mark.parametrize(("op", "kind", "attributes"), EVERY)
def test_in_int8_half_a_step_off_at_most(
    tmp_path: Path, op: str, kind: UnaryKind, attributes: dict[str, Any]
) -> None:
    """At the scales of a quantized file, every int8 input; TFLM's own functions are a step off."""
    m = QdqModel(opset=20)
    x = m.input("x", (1, 256), 2**-5, -128 if kind in POSITIVE else 3)
    exponent = (m.constant(np.array(3.0, np.float32)),) if op == "Pow" else ()
    m.output(m.pair(m.op(op, x, *exponent, **attributes), "y", 2**-6, -7))
    graph = lower(m, tmp_path)
    inputs = all_values(graph)
    values = interpreter.run(graph, inputs)
    source, target = graph.inputs[0].tensor, graph.outputs[0].tensor
    reals = dequantize(inputs[source], graph.tensors[source].q).astype(np.float64).ravel()
    function = DEFINITIONS[kind]
    numbers = numbers_of(op, attributes)
    keep = reals > 0 if kind in POSITIVE else np.ones(256, dtype=bool)
    quant = graph.tensors[target].q
    exact = np.array([function(float(v), *numbers) for v in reals[keep]])
    steps = np.clip(exact / quant.scale + quant.zero_point, -128, 127)
    own = kind in ("hard_swish", "leaky_relu", "sigmoid", "tanh")
    assert np.abs(values[target].ravel()[keep] - steps).max() <= (1.6 if own else 0.501)


def numbers_of(op: str, attributes: dict[str, Any]) -> tuple[float, float]:
    if op == "Pow":
        return 3.0, 0.0
    if op not in unary.WITH_ATTRIBUTES:
        return 0.0, 0.0
    numbers = [float(attributes.get(n, v)) for n, v in unary.WITH_ATTRIBUTES[op][1].items()]
    return numbers[0], (*numbers, 0.0)[1]


@pytest.mark.parametrize("exponent", [[1.0, 2.0], [np.inf], [np.nan]])
def test_other_exponents_are_refused(tmp_path: Path, exponent: list[float]) -> None:
    m = Model((1, 2))
    path = m.save(tmp_path, m.op("Pow", "x0", m.constant(exponent, np.float32)))
    with pytest.raises(UnsupportedModelError, match="one number"):
        lower_network(read_onnx(path), "net")


def test_a_computed_exponent_is_refused(tmp_path: Path) -> None:
    m = Model((1, 2), (1, 2))
    path = m.save(tmp_path, m.op("Pow", "x0", "x1"))
    with pytest.raises(UnsupportedModelError, match="must be constant numbers"):
        lower_network(read_onnx(path), "net")


def test_a_celu_of_zero_is_refused(tmp_path: Path) -> None:
    m = Model((1, 2))
    path = m.save(tmp_path, m.op("Celu", "x0", alpha=0.0))
    with pytest.raises(UnsupportedModelError, match="must not be 0"):
        lower_network(read_onnx(path), "net")


def scalar(m: Model, value: float) -> str:
    return m.constant(value, np.float32)


def half_first(m: Model, x: str) -> str:
    """As PyTorch exports it."""
    gate = m.op("Add", m.op("Erf", m.op("Div", x, scalar(m, 2**0.5))), scalar(m, 1.0))
    return m.op("Mul", m.op("Mul", x, gate), scalar(m, 0.5))


def half_outside(m: Model, x: str) -> str:
    gate = m.op("Add", scalar(m, 1.0), m.op("Erf", m.op("Mul", x, scalar(m, 0.5**0.5))))
    return m.op("Mul", m.op("Mul", scalar(m, 0.5), x), gate)


def half_in_the_gate(m: Model, x: str) -> str:
    erf = m.op("Erf", m.op("Mul", x, scalar(m, 0.5**0.5)))
    gate = m.op("Add", m.op("Mul", erf, scalar(m, 0.5)), scalar(m, 0.5))
    return m.op("Mul", gate, x)


def mish(m: Model, x: str) -> str:
    return m.op("Mul", x, m.op("Tanh", m.op("Softplus", x)))


def softsign(m: Model, x: str) -> str:
    return m.op("Div", x, m.op("Add", m.op("Abs", x), scalar(m, 1.0)))


def another_slope(m: Model, x: str) -> str:
    gate = m.op("Add", m.op("Erf", m.op("Mul", x, scalar(m, 0.7))), scalar(m, 1.0))
    return m.op("Mul", m.op("Mul", x, gate), scalar(m, 0.5))


@pytest.mark.parametrize(
    ("spelled", "kind"),
    [
        (half_first, "gelu"),
        (half_outside, "gelu"),
        (half_in_the_gate, "gelu"),
        (mish, "mish"),
        (softsign, "softsign"),
        (another_slope, None),
    ],
)
def test_spelled_out_functions_are_recognized(
    tmp_path: Path, spelled: Any, kind: str | None
) -> None:
    m = Model((1, 4, 5, 3))
    y = spelled(m, m.op("Relu", "x0"))
    graph, _ = run_passes(check(m, tmp_path, y), FLOAT)
    found = [node.op.kind for node in graph.nodes if isinstance(node.op, FloatUnary)]
    assert (found == [kind]) == (kind is not None)
    assert kinds(graph)[0] == "Clip"
