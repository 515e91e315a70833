"""`--cut-at`: values of the file become the outputs, from compile to verify."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.cli.in_process import Caller
from tests.cli.process import BOARD, mcucc


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with two heads, one of them with an operator that mcucc does not know."""
    folder = tmp_path_factory.mktemp("cut")
    rng = np.random.default_rng(0)

    def constant(name: str, *shape: int):
        return numpy_helper.from_array(rng.normal(size=shape).astype(np.float32) / 3, name)

    nodes = [
        helper.make_node("Constant", [], ["stem_one"], name="one", value=constant("one", 1)),
        helper.make_node("Neg", ["stem_one"], ["stem_two"], name="two"),
        helper.make_node("Conv", ["image", "w"], ["stem"], name="stem", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["stem"], ["features"], name="relu"),
        helper.make_node("GlobalAveragePool", ["features"], ["pooled"], name="pool"),
        helper.make_node("Flatten", ["pooled"], ["flat"], name="flat"),
        helper.make_node("Gemm", ["flat", "dense"], ["scores"], name="dense"),
        helper.make_node("Hardmax", ["scores"], ["best"], name="best", axis=1),
        helper.make_node("Add", ["features", "more"], ["sum"], name="sum"),
    ]
    shapes = {"image": (1, 3, 8, 8), "more": (1, 4, 8, 8)}
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]
    outputs = [
        helper.make_tensor_value_info("best", TensorProto.FLOAT, [1, 5]),
        helper.make_tensor_value_info("sum", TensorProto.FLOAT, [1, 4, 8, 8]),
    ]
    weights = [constant("w", 4, 3, 3, 3), constant("dense", 4, 5)]
    graph = helper.make_graph(nodes, "heads", inputs, outputs, weights)
    opsets = [helper.make_opsetid("", 13)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    (folder / "heads.onnx").write_bytes(model.SerializeToString())
    arrays = {n: rng.normal(size=(16, *s[1:])).astype(np.float32) for n, s in shapes.items()}
    np.savez(folder / "inputs.npz", allow_pickle=False, **arrays)
    return folder


@pytest.fixture
def call(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Caller:
    return Caller(monkeypatch, capsys, folder)


CUT = ("--cut-at", "scores", "--cut-at", "stem")
ON_BOARD = ("--board", BOARD)


@pytest.mark.cc
def test_outputs_are_the_values_in_their_order(folder: Path) -> None:
    arguments = ("heads.onnx", *CUT, *ON_BOARD, "--calib", "inputs.npz", "-o", "out", "--json")
    done = mcucc("compile", *arguments, cwd=folder)
    assert done.code == 0, done.err
    assert [port["name"] for port in done.document["outputs"]] == ["scores", "stem"]
    assert [port["name"] for port in done.document["inputs"]] == ["image", "more"]
    header = (folder / "out" / "heads.h").read_text()
    assert "HEADS_OUTPUT1_" in header
    assert "--cut-at scores --cut-at stem" in header
    judged = ("--model", "heads.onnx", "--input", "inputs.npz", "--json")
    checked = mcucc("verify", "out", *judged, cwd=folder)
    assert checked.code == 0, checked.err
    link = checked.document["float"]
    assert link["says"] == "equal"
    assert [output["name"] for output in link["outputs"]] == ["scores", "stem"]
    assert all(output["sqnr_db"] > 20 for output in link["outputs"])


@pytest.mark.parametrize("command", ["inspect", "plan"])
def test_other_commands_cut_too(command: str, call: Caller) -> None:
    board = () if command == "inspect" else ON_BOARD
    whole = call(command, "heads.onnx", *board, "--json")
    assert "best" in whole.err or not whole.document["supported"]
    cut = call(command, "heads.onnx", *CUT, *board, "--json")
    assert cut.code == 0, cut.err


def test_what_only_other_outputs_need_is_left_out(call: Caller) -> None:
    plain = call("inspect", "heads.onnx", "--cut-at", "sum", "--json").document
    assert [layer["name"] for layer in plain["layers"]] == ["stem", "relu", "sum"]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("score",), ("--cut-at score", "scores")),
        (("stem_on",), ("--cut-at stem_on", "stem,")),
        (("image",), ("--cut-at image",)),
        (("stem", "stem"), ("given twice",)),
    ],
)
def test_a_value_that_cannot_be_an_output(
    names: tuple[str, ...], words: tuple[str, ...], call: Caller
) -> None:
    options = [word for name in names for word in ("--cut-at", name)]
    message = call.refusal(2, "compile", "heads.onnx", *options, *ON_BOARD)
    assert all(word in message for word in words)
    assert "stem_one" not in message
    assert "stem_two" not in message
    assert "twice" in message or len(message.partition("nearest are")[2].split(",")) == 3
