"""The C of three tiny networks, whole, as it was last read and found good.

After a change that is meant to alter the generated text, look at the difference, then accept it:

    pytest tests/golden --update-golden

Headers of runtime_c/ are the same for every network of a version; of them only the names are
recorded, in `files.txt`.
"""

import difflib
from pathlib import Path

import pytest

from mcucc.codegen import Files, Provenance, emit, lower, self_test
from mcucc.compiled.samples import random_samples
from mcucc.ir import parse_graph
from mcucc.kernels import select_kernels
from mcucc.ops import INT8_OPS
from mcucc.ops.verify import verify
from mcucc.passes import INT8, run_passes
from mcucc.reference.interpreter import run
from mcucc.resources import runtime_headers
from mcucc.schedule import plan_memory, schedule_layers

HERE = Path(__file__).parent
MODELS = sorted((HERE / "models").glob("*.ir"))
LIST = "files.txt"
ACCEPT = "If the change is meant, accept it: pytest tests/golden --update-golden"


def generate(model: Path) -> Files:
    """What `compile` would write, with the model's text in the place of an ONNX file.

    The version is none: a release alone changes no golden file.
    """
    graph = parse_graph(model.read_text(encoding="utf-8"), INT8_OPS)
    verify(graph)
    graph, _ = run_passes(graph, INT8)
    plan = plan_memory(schedule_layers(graph, select_kernels(graph)))
    provenance = Provenance("0.0.0", model.name, "0" * 64, "mps2-an386", "--objective auto")
    samples = random_samples([graph.tensors[port.tensor].shape for port in graph.inputs], 2)
    inputs = {port.tensor: each for port, each in zip(graph.inputs, samples, strict=True)}
    values = run(graph, inputs)
    test = self_test(samples, [values[port.tensor] for port in graph.outputs])
    return emit(lower(plan, provenance), selftest=test)


def recorded(files: Files) -> Files:
    """What is kept of the files: the text of those that depend on the model, all names."""
    own = {name: text for name, text in files.items() if name not in runtime_headers()}
    return {**own, LIST: "".join(f"{name}\n" for name in sorted(files))}


def read(folder: Path) -> Files:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write(folder: Path, files: Files) -> None:
    for name in read(folder):
        (folder / name).unlink()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def difference(expected: Files, got: Files) -> str:
    """A unified diff over all files; a file that is missing on one side is empty there."""
    lines: list[str] = []
    for name in sorted({*expected, *got}):
        before, after = (side.get(name, "").splitlines(keepends=True) for side in (expected, got))
        names = (f"golden/{name}", f"generated/{name}")
        lines += difflib.unified_diff(before, after, *names)
    return "".join(lines)


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_generated_files(model: Path, request: pytest.FixtureRequest) -> None:
    folder = HERE / "expected" / model.stem
    got = recorded(generate(model))
    if request.config.getoption("--update-golden"):
        write(folder, got)
    expected = read(folder)
    if got != expected:
        pytest.fail(f"{difference(expected, got)}\n{ACCEPT}", pytrace=False)


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_runtime_headers_have_their_text_below_licence_and_version(model: Path) -> None:
    files = generate(model)
    copies = {name: text for name, text in files.items() if name in runtime_headers()}
    assert copies
    for name, text in copies.items():
        begin = f"/* SPDX-License-Identifier: Apache-2.0\n *\n * {name} of mcucc 0.0.0: "
        assert text.startswith(begin)
        assert text.endswith("#endif\n\n" + runtime_headers()[name].read_text(encoding="utf-8"))


def test_every_golden_directory_has_a_model() -> None:
    folders = {path.name for path in (HERE / "expected").glob("*")}
    assert folders == {path.stem for path in MODELS}
    assert len(MODELS) == 3


def test_difference_shows_changed_missing_and_new_files() -> None:
    text = difference({"a": "1\n2\n", "gone": "x\n"}, {"a": "1\n3\n", "new": "y\n"})
    assert "--- golden/a\n+++ generated/a\n" in text
    assert "-2\n+3\n" in text
    assert "-x\n" in text
    assert "+y\n" in text
    assert difference({"a": "1\n"}, {"a": "1\n"}) == ""
