"""What cannot be lowered is refused with node, operator, rule, actual value and hint."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, ValueInfoProto, helper

from mcucc.errors import UnsupportedModelError, Violation
from tests.importer.island_builders import conv, fan_out
from tests.importer.qdq_models import QdqModel, lower
from tests.importer.refused_models import REFUSALS


def violations(model: QdqModel, folder: Path) -> tuple[Violation, ...]:
    with pytest.raises(UnsupportedModelError) as caught:
        lower(model, folder)
    assert all(v.node and v.op and v.rule and v.actual and v.hint for v in caught.value.violations)
    assert all(str(v) in str(caught.value) for v in caught.value.violations)
    return caught.value.violations


@pytest.mark.parametrize("name", REFUSALS)
def test_a_model_is_refused_for_one_reason(name: str, tmp_path: Path):
    build, rule, actual = REFUSALS[name]
    (violation,) = violations(build(), tmp_path)
    assert rule in violation.rule
    assert actual in violation.actual


def test_the_violation_names_node_and_operator(tmp_path: Path):
    (violation,) = violations(conv((3, 3), strides=[0, 1])(), tmp_path)
    assert (violation.node, violation.op) == ("conv", "Conv")
    assert str(violation) == (
        "Conv 'conv': strides must be 2 integers from 1 to 32767; here: strides [0, 1]. "
        "Correct the attribute in the model."
    )


def test_every_reason_is_reported_and_no_consequence(tmp_path: Path):
    m = QdqModel()
    x = m.input("x", (1, 2, 3, 4))
    left = m.pair(m.op("Shrink", x, name="shrink"), "left")
    right = m.pair(m.op("Conv", x, m.weights((2, 2, 1, 1)), name="conv", strides=[0, 0]), "right")
    m.op("ReduceMean", x, name="mean", axes=[0], keepdims=0)
    m.output(m.pair(m.op("Add", left, right), "y"))
    m.output("mean")
    assert [v.node for v in violations(m, tmp_path)] == ["shrink", "conv", "mean"]


def test_all_outputs_of_a_refused_node_are_passed_over(tmp_path: Path):
    m = QdqModel()
    x = m.input("x", (1, 2, 3, 4))
    m.nodes.append(helper.make_node("Split", [x], ["a", "b"], name="split", axis=9))
    m.output(m.pair(m.op("Add", "a", "b"), "y"))
    assert [v.node for v in violations(m, tmp_path)] == ["split"]


@pytest.mark.parametrize("kind", ["If", "Loop"])
def test_subgraphs_are_refused(kind: str, tmp_path: Path):
    m = QdqModel()
    x = m.input("x", (1, 2))
    flag = m.constant(np.array(True))
    made = helper.make_tensor_value_info("made", TensorProto.FLOAT, None)
    node = helper.make_node("Identity", [x], ["made"])
    body = helper.make_graph([node], "body", [], [_with_rank(made)])
    branches = {"then_branch": body, "else_branch": body} if kind == "If" else {"body": body}
    m.op(kind, *([flag] if kind == "If" else ["", flag]), name="op", **branches)
    m.output(m.pair("op", "y"))
    (violation,) = violations(m, tmp_path)
    assert (violation.node, violation.op) == ("op", kind)


def test_a_custom_operator_is_named_with_its_domain(tmp_path: Path):
    m = fan_out()
    m.nodes[-4].domain = "com.example"
    assert m.nodes[-4].op_type == "Add"
    proto = m.proto()
    proto.opset_import.append(helper.make_opsetid("com.example", 1))
    with pytest.raises(UnsupportedModelError, match=r"com\.example\.Add 'add'"):
        lower(proto, tmp_path)


@pytest.mark.parametrize("output", ["x_float", "w"])
def test_an_output_must_be_computed(output: str, tmp_path: Path):
    m = QdqModel()
    x = m.input("x", (1, 2, 3, 4))
    m.constant(np.ones(1, np.float32), "w")
    m.output(m.pair(m.op("Conv", x, m.weights((2, 2, 1, 1)), name="conv"), "y"))
    m.output(output)
    (violation,) = violations(m, tmp_path)
    assert (violation.node, violation.op) == (output, "Output")


def test_a_network_that_computes_nothing_is_refused(tmp_path: Path):
    m = QdqModel()
    m.output(m.input("x", (1, 4)))
    (violation,) = violations(m, tmp_path)
    assert violation.actual == "0 operators, 1 outputs"


def test_a_network_without_output_is_refused(tmp_path: Path):
    m = QdqModel()
    m.pair(m.op("GlobalAveragePool", m.input("x", (1, 2, 3, 4))), "y")
    (violation,) = violations(m, tmp_path)
    assert violation.actual == "0 operators, 0 outputs"


def _with_rank(info: ValueInfoProto) -> ValueInfoProto:
    info.type.tensor_type.shape.dim.add()
    return info
