"""The fuzzer itself: it survives what it provokes, remembers, resumes, and makes cases small."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from fuzz.case import Case, Kind, Outcome, load_case, save_case
from fuzz.kinds import KINDS
from fuzz.ledger import Entry, Ledger, code_state, ranges
from fuzz.pool import Pool
from fuzz.run import Run, Wanted
from fuzz.shrink import shrink, smaller_models
from fuzz.worker import Task


@dataclass(frozen=True)
class Rough(Kind):
    """Does to its worker what its seed says."""

    name: str = "rough"
    per_round: int = 1
    batch: int = 4

    def draw(self, seed: int) -> Case:
        return Case(self.name, seed, (), {"numbers": bytes(range(seed + 1))})

    def judge(self, cases: Sequence[Case], folder: Path) -> list[Outcome]:
        if len(cases) > 1 and cases[0].seed == 6:
            raise ValueError
        if len(cases) > 1 and cases[0].seed == 10:
            os.kill(os.getpid(), signal.SIGKILL)
        for case in cases:
            match case.seed:
                case 1:
                    os.kill(os.getpid(), signal.SIGKILL)
                case 2:
                    while True:
                        pass
                case 3:
                    np.ones(1 << 28)
                case 4:
                    raise KeyError
                case _:
                    pass
        return [Outcome("well", failed=False) for _ in cases]

    def smaller(self, case: Case) -> Iterator[Case]:
        numbers = case.files["numbers"]
        for index in range(len(numbers)):
            yield replace(case, files={"numbers": numbers[:index] + numbers[index + 1 :]})


ROUGH = Rough()


def test_a_worker_may_crash_loop_swell_or_raise(monkeypatch: pytest.MonkeyPatch):
    """Of a batch, each case has its own outcome."""
    monkeypatch.setattr("fuzz.pool._PATIENCE_S", 3.0)
    begun = time.monotonic()
    with Pool({"rough": ROUGH}, 2) as pool:
        found = {
            seed: outcome
            for task, outcomes in pool.run([Task("rough", (0, 1, 2)), Task("rough", (3, 4, 5))])
            for seed, outcome in zip(task.seeds, outcomes, strict=True)
        }
    assert {seed for seed, outcome in found.items() if outcome.failed} == {1, 2, 3, 4}
    assert found[1].said == "crashed: SIGKILL"
    assert found[2].said == "no end after 3 s"
    assert "MemoryError" in found[3].detail
    assert "KeyError" in found[4].detail
    assert time.monotonic() - begun < 60


def test_what_fails_only_among_others_is_a_failure():
    with Pool({"rough": ROUGH}, 1) as pool:
        ((_, outcomes),) = pool.run([Task("rough", (6, 7, 8))])
        crashed = [outcome for _, (outcome,) in pool.run([Task("rough", (10, 11, 12))])]
    assert [outcome.failed for outcome in outcomes] == [True, False, False]
    assert "ValueError" in outcomes[0].detail
    assert [outcome.failed for outcome in crashed] == [False, False, True]
    assert crashed[-1].said == "crashed: SIGKILL, among others"


def test_a_run_is_resumed_and_its_lines_are_put_together(tmp_path: Path):
    path = tmp_path / "results.jsonl"
    kind, rounds = KINDS["board"], ((0, 2), (0, 5), (3, 6))
    for first, end in rounds:
        Run(Ledger(path), None, 1, None).attack([Wanted(kind, first, end)])
    ledger = Ledger(path)
    (key,) = ledger.entries
    assert key == (code_state(), "board", kind.drawing)
    assert ranges(ledger.done(key)) == [(0, 6)]
    assert ledger.entries[key].outcomes.total() == 6
    assert len(path.read_text().splitlines()) == 1
    ledger.append(("another state", "board", 1), Entry({7}, Counter({"exit 3": 1}), {}))
    again = Ledger(path)
    assert again.entries == ledger.entries
    assert again.done(("another state", "board", 1)) == {7}


def test_the_state_changes_with_every_file(tmp_path: Path):
    for folder in ("boards", "mcucc", "runtime_c", "templates"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a").write_text("1")
    states = {code_state(tmp_path)}
    for folder in ("boards", "mcucc", "runtime_c", "templates"):
        (tmp_path / folder / "a").write_text("2")
        states.add(code_state(tmp_path))
    (tmp_path / "mcucc" / "a").rename(tmp_path / "mcucc" / "b")
    states.add(code_state(tmp_path))
    assert len(states) == 6


def test_a_failure_is_made_as_small_as_it_goes():
    """Only the numbers 3 and 7 matter."""

    def judge(case: Case) -> Outcome:
        bad = {3, 7} <= set(case.files["numbers"])
        return Outcome("bad" if bad else "well", failed=bad)

    small = shrink(ROUGH.draw(12), "bad", ROUGH, judge)
    assert small.files["numbers"] == bytes((3, 7))


def test_a_model_is_shrunk_to_the_node_that_matters():
    case = next(
        case
        for case in map(KINDS["graph"].draw, range(50))
        if len(_operators(case)) > 12 and "Sigmoid" in _operators(case)
    )

    def judge(smaller: Case) -> Outcome:
        bad = "Sigmoid" in _operators(smaller)
        return Outcome("bad" if bad else "well", failed=bad)

    assert set(_operators(shrink(case, "bad", KINDS["graph"], judge))) == {"Sigmoid"}


def _operators(case: Case) -> list[str]:
    graph = onnx.load_model_from_string(case.files["model.onnx"]).graph
    return [node.op_type for node in graph.node]


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_seed_means_one_case_and_a_case_is_kept_as_it_is(name: str, tmp_path: Path):
    kind = KINDS[name]
    drawn = [kind.draw(seed) for seed in range(12)]
    assert drawn == [kind.draw(seed) for seed in range(12)]
    assert len({(case.arguments, tuple(sorted(case.files.items()))) for case in drawn}) > 5
    assert load_case(save_case(drawn[3], "x", tmp_path)) == drawn[3]


@pytest.mark.parametrize("content", [b"<a folder>", b"<a link to itself>", b"<a link to nothing>"])
def test_a_link_may_be_the_only_thing_in_its_folder(content: bytes, tmp_path: Path) -> None:
    case = Case("directory", 0, ("report", "net"), {"net/example/main.c": content})
    (outcome,) = KINDS["directory"].judge([case], tmp_path)
    assert outcome.said == "exit 3"


def test_a_model_that_contradicts_itself_is_made_smaller_too() -> None:
    """ONNX infers nothing of a file whose output has the name of a constant of another rank."""
    ports = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("x", [1, 4]), ("y", [1, 2, 3, 4]))
    ]
    nodes = [
        onnx.helper.make_node("Relu", ["x"], ["a"], "first"),
        onnx.helper.make_node("Relu", ["a"], ["y"], "second"),
    ]
    constant = onnx.numpy_helper.from_array(np.zeros(1, np.float32), "y")
    graph = onnx.helper.make_graph(nodes, "g", ports[:1], ports[1:], [constant])
    model = onnx.helper.make_model(graph)
    with pytest.raises(onnx.shape_inference.InferenceError):
        onnx.shape_inference.infer_shapes(model)
    found = [onnx.ModelProto.FromString(m) for m in smaller_models(model.SerializeToString())]
    assert any(len(each.graph.node) == 1 for each in found)
