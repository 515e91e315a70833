"""`--split-output`: outputs that join values, in their parts; and what is said of them joined."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mcucc.importer import read_onnx, split_outputs
from tests.cli.in_process import Caller
from tests.cli.process import BOARD, mcucc

ON_BOARD = ("--board", BOARD, "--calib", "inputs.npz")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector's head at two sizes: boxes in pixels and scores, joined twice, then turned."""
    folder = tmp_path_factory.mktemp("heads")
    rng = np.random.default_rng(0)
    nodes: list[onnx.NodeProto] = []
    weights = [numpy_helper.from_array(np.array([1, 5, -1]), "flat")]
    for level, source in ((0, "x"), (1, "small")):
        for kind, channels, scale in (("box", 4, 40.0), ("logit", 1, 0.5)):
            name = f"{kind}{level}"
            values = rng.normal(size=(channels, 3, 1, 1)).astype(np.float32) * scale
            weights.append(numpy_helper.from_array(values, f"w_{name}"))
            nodes.append(helper.make_node("Conv", [source, f"w_{name}"], [name], name=name))
        nodes.append(helper.make_node("Sigmoid", [f"logit{level}"], [f"score{level}"]))
        parts = [f"box{level}", f"score{level}"]
        nodes.append(helper.make_node("Concat", parts, [f"level{level}"], axis=1))
        nodes.append(helper.make_node("Reshape", [f"level{level}", "flat"], [f"flat{level}"]))
    nodes.insert(
        0, helper.make_node("MaxPool", ["x"], ["small"], kernel_shape=[2, 2], strides=[2, 2])
    )
    nodes.append(helper.make_node("Concat", ["flat0", "flat1"], ["all"], axis=2))
    nodes.append(helper.make_node("Transpose", ["all"], ["y"], perm=[0, 2, 1]))
    graph = helper.make_graph(
        nodes,
        "heads",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 6, 6))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 45, 5))],
        weights,
    )
    opsets = [helper.make_opsetid("", 13)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    (folder / "heads.onnx").write_bytes(model.SerializeToString())
    plain = helper.make_graph(nodes[:2], "plain", graph.input, [], weights)
    plain.output.append(helper.make_tensor_value_info(nodes[1].output[0], TensorProto.FLOAT, None))
    alone = helper.make_model(plain, opset_imports=opsets, ir_version=8)
    (folder / "alone.onnx").write_bytes(alone.SerializeToString())
    x = rng.normal(size=(40, 3, 6, 6)).astype(np.float32)
    np.savez(folder / "inputs.npz", allow_pickle=False, x=x)
    return folder


@pytest.fixture
def call(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Caller:
    return Caller(monkeypatch, capsys, folder)


def test_a_concat_of_concats_is_split_to_its_ends(folder: Path) -> None:
    split = split_outputs(read_onnx(folder / "heads.onnx"))
    assert [port.name for port in split.outputs] == ["box0", "score0", "box1", "score1"]
    assert not [node for node in split.nodes if node.op in ("Concat", "Reshape", "Transpose")]


@pytest.mark.cc
def test_each_part_has_a_scale_of_its_own(folder: Path) -> None:
    arguments = ("compile", "heads.onnx", *ON_BOARD, "--split-output", "-o", "out", "--json")
    report = json.loads(mcucc(*arguments, cwd=folder).out)
    assert report["options"].endswith("--observer mse")
    assert "--split-output" in report["options"]
    assert min(port["sqnr_db"] for port in report["outputs"]) > 25
    assert not any("very different range" in note for note in report["notes"])
    verified = mcucc(
        *("verify", "out", "--input", "inputs.npz", "--model", "heads.onnx", "--json"), cwd=folder
    )
    said = json.loads(verified.out)
    assert said["ok"], said
    assert [each["name"] for each in said["float"]["outputs"]] == [
        "box0",
        "score0",
        "box1",
        "score1",
    ]


def test_a_lost_part_is_reported(call: Caller) -> None:
    """One level of it: the whole is joined twice, of which the outer one joins equal ranges."""
    arguments = ("compile", "heads.onnx", *ON_BOARD, "--cut-at", "level0", "-o", "one", "--json")
    report = json.loads(call(*arguments).out)
    (port,) = report["outputs"]
    parts = {part["name"]: part["sqnr_db"] for part in port["parts"]}
    assert list(parts) == ["box0", "score0"]
    assert parts["score0"] + 10 < parts["box0"]
    (note,) = [note for note in report["notes"] if "very different range" in note]
    assert "'level0'" in note
    assert "--split-output" in note


def test_nothing_to_split_is_refused(call: Caller) -> None:
    said = call.refusal(2, "plan", "alone.onnx", "--board", BOARD, "--split-output")
    assert "no output of alone.onnx joins values" in said
