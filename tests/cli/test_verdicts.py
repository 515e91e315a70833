"""`inspect` and `compile` say the same of operators that broadcast, without false hints."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from tests.cli.in_process import Caller
from tests.cli.process import BOARD
from tests.importer.qdq_models import QdqModel

Shape = tuple[int, ...]

MAP: Shape = (1, 4, 6, 5)
SHAPES: dict[str, Shape] = {
    "the same": MAP,
    "per channel": (1, 4, 1, 1),
    "one map": (1, 1, 6, 5),
    "a column": (1, 1, 6, 1),
    "a row": (1, 1, 1, 5),
    "one number": (1, 1, 1, 1),
    "a row of each channel": (1, 4, 1, 5),
}
AXES: dict[str, Sequence[int]] = {
    "channels": (1,),
    "rows": (2,),
    "columns": (3,),
    "pixels": (2, 3),
    "channels and rows": (1, 2),
    "channels and columns": (1, 3),
    "everything": (1, 2, 3),
}
FALSE_HINTS = ("calibration", "Check the", "report it")
"""Of what is wrong by the shapes alone."""


def network(path: Path, operator: str, shape: Shape, *, constant: bool, first: bool) -> Path:
    """A computed map and a second operand: a constant, or computed from an input of its own."""
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, MAP)]
    nodes = [helper.make_node("Relu", ["x"], ["map"], "relu")]
    values = np.random.default_rng(0).uniform(0.5, 1.5, shape).astype(np.float32)
    constants = [numpy_helper.from_array(values, "other")] if constant else []
    if not constant:
        inputs.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, shape))
        nodes.append(helper.make_node("Sigmoid", ["y"], ["other"], "gate"))
    operands = ["other", "map"] if first else ["map", "other"]
    nodes.append(helper.make_node(operator, operands, ["out"], "joined"))
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, MAP)
    return save(path, nodes, inputs, output, constants)


def mean_network(path: Path, axes: Sequence[int], *, keep: bool) -> Path:
    """A mean over some axes of a computed map."""
    kept = [1 if i in axes else n for i, n in enumerate(MAP)]
    shape = kept if keep else [n for i, n in enumerate(MAP) if i not in axes]
    nodes = [
        helper.make_node("Relu", ["x"], ["map"], "relu"),
        helper.make_node("ReduceMean", ["map"], ["out"], "mean", axes=axes, keepdims=int(keep)),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, MAP)]
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)
    return save(path, nodes, inputs, output, [])


def save(
    path: Path,
    nodes: Sequence[NodeProto],
    inputs: Sequence[ValueInfoProto],
    output: ValueInfoProto,
    constants: Sequence[TensorProto],
) -> Path:
    graph = helper.make_graph(nodes, "net", inputs, [output], constants)
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def one_verdict(call: Caller, model: Path) -> bool:
    """Whether a model is supported, which `inspect` and `compile` agree about."""
    inspected = call("inspect", str(model), "--json").document
    arguments = ("compile", str(model), "--board", BOARD, "-o", str(model.with_suffix("")))
    if inspected["supported"]:
        done = call(*arguments, "--json")
        assert done.code == 0, done.err
        assert not inspected["violations"]
        return True
    message = call.refusal(3, *arguments)
    assert [hint for hint in FALSE_HINTS if hint in message] == []
    for violation in inspected["violations"]:
        assert violation["node"] in ("joined", "mean", "out")  # out: a mean of rank 1
        for part in ("rule", "actual", "hint"):
            assert " ".join(violation[part].split()) in " ".join(message.split())
    return False


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul"])
@pytest.mark.parametrize("name", SHAPES)
def test_an_operand_that_broadcasts(name: str, operator: str, call: Caller, tmp_path: Path) -> None:
    """Computed or constant, behind the map or before it."""
    found = {
        (constant, first): one_verdict(
            call,
            network(
                tmp_path / f"{constant}{first}.onnx",
                operator,
                SHAPES[name],
                constant=constant,
                first=first,
            ),
        )
        for constant in (False, True)
        for first in (False, True)
    }
    # These are supported; others may come to be.
    if name == "the same":
        assert found[False, False]
        assert found[False, True]
    if name in ("per channel", "one number"):
        assert found[True, False]
        assert found[True, True]
    if (name, operator) == ("per channel", "Mul"):
        assert found[False, False]
        assert found[False, True]


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("name", AXES)
def test_a_mean_over_axes(name: str, keep: bool, call: Caller, tmp_path: Path) -> None:
    supported = one_verdict(call, mean_network(tmp_path / "mean.onnx", AXES[name], keep=keep))
    assert supported or name not in ("rows", "columns", "pixels")


def test_a_pool_of_single_elements_is_no_network(call: Caller, tmp_path: Path) -> None:
    """Quantized as its input is, nothing is left of it."""
    m = QdqModel()
    pool = m.op("MaxPool", m.input("x", MAP), kernel_shape=[1, 1])
    m.output(m.pair(pool, "y", 2**-4, 3))
    path = tmp_path / "pool.onnx"
    path.write_bytes(m.proto().SerializeToString())
    (violation,) = call("inspect", str(path), "--json").document["violations"]
    message = call.refusal(3, "compile", str(path), "--board", BOARD, "-o", str(tmp_path / "out"))
    assert "the network must compute an output from its input" in message
    assert violation["actual"] in message
