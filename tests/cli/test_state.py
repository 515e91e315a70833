"""`--state IN=OUT`: what a run leaves in an output the next one finds in an input."""

import json
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import mcucc as package
from mcucc.compiled.directory import CompiledNetwork
from mcucc.reference.interpreter import run
from tests.cli.in_process import Caller
from tests.cli.process import BOARD, mcucc

STATE = ("--state", "old=new")
ON_BOARD = ("--board", BOARD, "--calib", "inputs.npz")
STEPS = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolution over the last three frames, of which two are handed on."""
    folder = tmp_path_factory.mktemp("state")
    rng = np.random.default_rng(0)

    def constant(name: str, array: object):
        return numpy_helper.from_array(np.asarray(array), name)

    nodes = [
        helper.make_node("Concat", ["old", "frame"], ["window"], name="join", axis=2),
        helper.make_node("Conv", ["window", "w"], ["features"], name="conv"),
        helper.make_node("Relu", ["features"], ["positive"], name="relu"),
        helper.make_node("Flatten", ["positive"], ["flat"], name="flat"),
        helper.make_node("Gemm", ["flat", "dense"], ["scores"], name="dense"),
        helper.make_node("Slice", ["window", "one", "three", "two"], ["new"], name="newest"),
    ]
    inputs = {"frame": (1, 6, 1, 2), "old": (1, 6, 2, 2)}
    outputs = {"scores": (1, 4), "new": (1, 6, 2, 2)}
    weights = [
        constant("w", rng.normal(size=(8, 6, 3, 1)).astype(np.float32) / 4),
        constant("dense", rng.normal(size=(16, 4)).astype(np.float32) / 4),
        *(constant(name, np.array([i])) for i, name in ((1, "one"), (2, "two"), (3, "three"))),
    ]
    graph = helper.make_graph(
        nodes,
        "frames",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
        weights,
    )
    opsets = [helper.make_opsetid("", 13)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    (folder / "frames.onnx").write_bytes(model.SerializeToString())
    frames = rng.normal(size=(STEPS, 6, 1, 2)).astype(np.float32)
    np.savez(folder / "inputs.npz", allow_pickle=False, frame=frames)
    return folder


@pytest.fixture
def call(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Caller:
    return Caller(monkeypatch, capsys, folder)


@pytest.mark.cc
def test_all_judges_agree_on_a_sequence(folder: Path) -> None:
    out = ("-o", "out", "--selftest", "4")
    done = mcucc("compile", "frames.onnx", *STATE, *ON_BOARD, *out, "--json", cwd=folder)
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert [port["name"] for port in report["inputs"]] == ["frame"]
    assert [port["name"] for port in report["outputs"]] == ["scores"]
    state = report["states"][0]
    assert (state["name"], state["output"], state["offset"]) == ("old", "new", 0)
    assert report["state_bytes"] == state["bytes"] == 24
    header = (folder / "out" / f"{report['name']}.h").read_text(encoding="utf-8")
    assert "_STATE_BYTES 24u" in header
    assert "_reset(void *arena);" in header
    arguments = ("--input", "inputs.npz", "--model", "frames.onnx", "--json")
    verified = mcucc("verify", "out", *arguments, cwd=folder)
    said = json.loads(verified.out)
    assert said["ok"], said
    assert said["judges"]["host"] == "equal"
    assert said["samples"] == STEPS
    assert said["float"]["says"] in ("equal", "absent")


@pytest.mark.cc
def test_each_call_is_a_sequence(folder: Path) -> None:
    frames = np.load(folder / "inputs.npz")["frame"]
    model, to = folder / "frames.onnx", folder / "called"
    package.compile(model, BOARD, to, states={"old": "new"}, calibration=frames)
    network = package.load(to)
    whole, again, first, second = (
        np.asarray(network(each)) for each in (frames, frames, frames[:1], frames[1:2])
    )
    np.testing.assert_array_equal(whole, again)
    np.testing.assert_array_equal(whole[:1], first)
    assert not np.array_equal(second, whole[1:2])


def test_the_next_step_finds_the_frames_before(folder: Path) -> None:
    """Against a computation without states: each step is given the two frames before it."""
    frames = np.load(folder / "inputs.npz")["frame"]
    model = folder / "frames.onnx"
    package.compile(model, BOARD, folder / "read", states={"old": "new"}, calibration=frames)
    graph = CompiledNetwork.open(folder / "read").graph
    source = graph.states[0].source
    q = np.random.default_rng(1).integers(-128, 128, (5, 1, 2, 6)).astype(np.int8)
    values = run(graph, {graph.inputs[0].tensor: q})
    zero = np.full((1, 2, 6), graph.tensors[source].q.zero_point, np.int8)
    before = [zero, zero, *q]
    for step in range(len(q)):
        wanted = np.concatenate(before[step : step + 2])
        np.testing.assert_array_equal(values[source][step], wanted.reshape(2, 2, 6))


def test_inspect_and_plan_know_states(call: Caller) -> None:
    shown = call("inspect", "frames.onnx", *STATE)
    assert shown.code == 0
    assert "state  old, which a run finds as 'new' was left" in shown.out
    plans = json.loads(call("plan", "frames.onnx", *STATE, "--board", BOARD, "--json").out)
    assert plans["schema"]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("old", "'old' is no IN=OUT"),
        ("odl=new", "has no input 'odl'. The nearest are old"),
        ("old=nwe", "has no output 'nwe'. The nearest are new"),
        ("old=scores", "'old' is float32 [1, 6, 2, 2], 'scores' is float32 [1, 4]"),
    ],
)
def test_wrong_names_are_refused(call: Caller, option: str, said: str) -> None:
    assert said in call.refusal(2, "inspect", "frames.onnx", "--state", option).replace("\n", " ")


def test_a_state_belongs_to_one_pair(call: Caller) -> None:
    said = call.refusal(2, "inspect", "frames.onnx", *STATE, *STATE)
    assert "one of the two belongs to another state already" in said
