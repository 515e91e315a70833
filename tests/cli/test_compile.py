"""`mcucc compile`: files, names, header constants, same bytes, nothing half-written."""

import json
import platform
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcucc.targets.board import STACK_RESERVE_BYTES
from tests.cli.process import BOARD, DIGITS, Finished, compile_digits, contents, mcucc
from tests.twin.tables import tables

REPORT_KEYS = {
    "schema", "model", "board", "model_macs", "macs", "executed_macs", "params", "arena_bytes",
    "arena_lower_bound_bytes", "stack_bytes", "flash", "fits", "layers",
}  # fmt: skip


@pytest.mark.cc
def test_keys_of_the_report(compiled: tuple[Path, Finished]) -> None:
    report = compiled[1].document
    assert set(report) >= REPORT_KEYS
    assert report["board"] == BOARD
    assert set(report["model"]) == {"name", "sha256"}
    assert report["model"]["name"] == "digits_int8.onnx"
    assert re.fullmatch("[0-9a-f]{64}", report["model"]["sha256"])
    assert set(report["flash"]) == {"weights_bytes", "code_bytes", "total_bytes"}
    layer_keys = {"index", "op", "origin", "kernel", "macs", "output_shape"}
    assert all(set(layer) >= layer_keys for layer in report["layers"])


@pytest.mark.cc
def test_figures_of_the_report(compiled: tuple[Path, Finished]) -> None:
    report = compiled[1].document
    assert report["model_macs"] == report["macs"] == report["executed_macs"]
    assert sum(layer["macs"] for layer in report["layers"]) == report["executed_macs"]
    assert 0 < report["arena_lower_bound_bytes"] <= report["arena_bytes"]
    assert report["arena_bytes"] + report["stack_reserve_bytes"] <= report["sram_bytes"]
    flash = report["flash"]
    assert flash["weights_bytes"] + flash["code_bytes"] == flash["total_bytes"]
    assert 0 < report["params"] < flash["weights_bytes"] * 2
    assert report["stack_bytes"] > 0
    for port in (*report["inputs"], *report["outputs"]):
        assert port["offset"] + port["bytes"] <= report["arena_bytes"]


@pytest.mark.cc
def test_files(compiled: tuple[Path, Finished]) -> None:
    directory, finished = compiled
    written = set(contents(directory))
    assert written == {*finished.document["files"], "report.json"}
    own = {f"digits{end}" for end in (".h", ".c", "_weights.c", ".tflite", "_selftest.c")}
    assert own | {"example/main.c", "CMakeLists.txt"} <= written


@pytest.mark.cc
def test_header_constants(compiled: tuple[Path, Finished]) -> None:
    """Plain decimal literals (the scale: a float), equal to those of the report."""
    directory, finished = compiled
    report = finished.document
    text = (directory / "digits.h").read_text()
    macros = dict(re.findall(r"^#define (DIGITS_\w+) +(.+)$", text, re.M))
    assert macros.pop("DIGITS_VERSION") == f'"{report["mcucc_version"]}"'
    scales = {name: macros.pop(name) for name in list(macros) if name.endswith("_SCALE")}
    assert all(re.fullmatch(r"-?\d+u?|\(-\d+\)", value) for value in macros.values())
    assert all(re.fullmatch(r"\d*\.?\d+(e[-+]?\d+)?f", value) for value in scales.values())
    values = {name: int(value.strip("u()")) for name, value in macros.items()}
    assert values.pop("DIGITS_BAD_ARGUMENT") == -1
    assert report["stack_bytes"] <= values.pop("DIGITS_STACK_BYTES")
    assert values.pop("DIGITS_ARENA_BYTES") == report["arena_bytes"]
    assert values.pop("DIGITS_ARENA_ALIGN") == report["arena_align"]
    for prefix, port in (("INPUT0", report["inputs"][0]), ("OUTPUT0", report["outputs"][0])):
        _check_port(values, scales, f"DIGITS_{prefix}", port)
    assert values == {}


def _check_port(
    values: dict[str, int], scales: dict[str, str], prefix: str, port: dict[str, Any]
) -> None:
    for key in ("offset", "bytes", "zero_point"):
        assert values.pop(f"{prefix}_{key.upper()}") == port[key]
    extents = [values.pop(f"{prefix}_{axis}") for axis in "HWC"]
    assert np.prod(extents) == port["bytes"]
    scale = scales[f"{prefix}_SCALE"].removesuffix("f")
    assert np.float32(scale) == np.float32(port["scale"])


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("digits_int8", "digits_int8"),
        ("3-layer net.v2", "net_3_layer_net_v2"),
        ("int", "net_int"),
        ("Ünïcode", "n_code"),
        ("MiXed", "mixed"),
    ],
)
def test_default_name_is_the_stem_as_identifier(
    stem: str, name: str, tmp_path: Path, no_tools: dict[str, str]
) -> None:
    """The default directory has the same name, in the working directory."""
    shutil.copy(DIGITS, tmp_path / f"{stem}.onnx")
    arguments = ("compile", f"{stem}.onnx", "--board", BOARD, "--json")
    report = mcucc(*arguments, cwd=tmp_path, environment=no_tools).document
    assert report["name"] == name
    assert report["model"]["name"] == f"{stem}.onnx"
    header = (tmp_path / name / f"{name}.h").read_text()
    assert f"#define {name.upper()}_ARENA_BYTES {report['arena_bytes']}u\n" in header
    assert f"int {name}_run(void *arena)" in header


@pytest.mark.cc
def test_awkward_names_are_good_c(tmp_path: Path) -> None:
    model = tmp_path / "3-layer net.v2.onnx"
    shutil.copy(DIGITS, model)
    assert mcucc("compile", model, "--board", BOARD, cwd=tmp_path).code == 0
    finished = mcucc("verify", "net_3_layer_net_v2", "--json", cwd=tmp_path)
    assert finished.document["judges"]["host"] == "equal"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("Digits", "lower-case C identifier such as 'digits'"),
        ("my-net", "lower-case C identifier such as 'my_net'"),
        ("", "lower-case C identifier"),
        ("int", "name 'int' is reserved"),
        ("mcucc", "name 'mcucc' is reserved"),
        ("con", "name 'con' is reserved"),
        ("a__b", "name 'a__b' is reserved"),
    ],
)
def test_bad_names_are_refused(name: str, complaint: str, tmp_path: Path) -> None:
    finished = compile_digits(tmp_path / "out", "--name", name)
    assert finished.code == 2
    assert complaint in finished.error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.cc
def test_same_input_same_bytes(digits: Path, tmp_path: Path) -> None:
    """Other working directory, relative path, other hash seed: every byte is the same.

    Of the twin the tables are, as its bytes are up to flatbuffers.
    """
    (tmp_path / "models").mkdir()
    shutil.copy(DIGITS, tmp_path / "models" / DIGITS.name)
    relative = ("compile", f"models/{DIGITS.name}", "--board", BOARD, "--name", "digits")
    finished = mcucc(
        *relative, "--selftest", "2", cwd=tmp_path, environment={"PYTHONHASHSEED": "4711"}
    )
    assert finished.code == 0
    first, second = contents(digits), contents(tmp_path / "digits")
    assert tables(second.pop("digits.tflite")) == tables(first.pop("digits.tflite"))
    assert second == first


@pytest.mark.cc
def test_no_path_date_or_host_in_any_file(digits: Path) -> None:
    folders = (str(DIGITS.parent), str(digits.parent), str(Path.home()) + "/")
    date = re.compile(rb"\b20\d\d-\d\d-\d\d|\b\d\d:\d\d:\d\d\b")
    for name, data in contents(digits).items():
        assert not any(folder.encode() in data for folder in folders), name
        assert date.search(data) is None, name
        if not name.endswith((".ir", ".tflite")):  # binary weights may hold any short word
            assert re.search(rf"\b{re.escape(platform.node())}\b".encode(), data) is None, name


def test_a_misfit_leaves_the_last_good_code(own_digits: Path, no_tools: dict[str, str]) -> None:
    before = contents(own_digits)
    finished = compile_digits(own_digits, "--sram", "100", environment=no_tools)
    assert finished.code == 4
    assert contents(own_digits) == before
    message = finished.error
    assert f"{own_digits} keeps the files of the earlier compilation: --clean removes" in message


def test_a_misfit_with_clean_leaves_the_report_and_no_code(
    own_digits: Path, no_tools: dict[str, str]
) -> None:
    """Files of the compilation before are removed, the user's own are kept."""
    (own_digits / "notes.txt").write_text("mine")
    for removed in (True, False):  # the second time there is nothing left to remove
        finished = compile_digits(own_digits, "--sram", "100", "--clean", environment=no_tools)
        assert finished.code == 4
        assert set(contents(own_digits)) == {"notes.txt", "report.json"}
        report = json.loads((own_digits / "report.json").read_bytes())
        assert report["fits"] is False
        assert report["files"] == []
        document = finished.document
        error = document.pop("error")
        assert error["exit_code"] == 4
        said = f"of the earlier compilation in {own_digits} were removed" in error["message"]
        assert said is removed
        assert document == report


def test_clean_does_nothing_if_the_network_fits(tmp_path: Path, no_tools: dict[str, str]) -> None:
    for more in ((), ("--clean",)):
        assert compile_digits(tmp_path / "d", *more, environment=no_tools).code == 0
        assert (tmp_path / "d" / "digits_int8.c").is_file()


def test_a_misfit_is_explained(tmp_path: Path) -> None:
    """Need, have, the step that sets the peak, its live buffers, what would help."""
    finished = mcucc("compile", DIGITS, "--board", BOARD, "-o", tmp_path / "d", "--sram", "100")
    report = json.loads((tmp_path / "d" / "report.json").read_bytes())
    assert (finished.code, finished.out) == (4, "")
    for_people = mcucc("report", tmp_path / "d")
    assert for_people.code == 0
    assert "DOES NOT FIT" in for_people.out
    for text in (finished.err, for_people.out):
        assert re.search(rf"need +{report['arena_bytes']:,} B", text)
        assert re.search(r"have +0 B \(100 less 2,048 for the stack\)", text)
        assert re.search(rf"\bstep {report['peak']['step']}\b", text)
        assert f"'{report['peak']['layer']}'" in text
        for buffer in report["peak"]["buffers"]:
            assert f"{buffer['bytes']:,} B  {buffer['name'][:20]}" in text
        assert f"--sram {report['arena_bytes'] + STACK_RESERVE_BYTES} or more" in text


@pytest.mark.cc
def test_exactly_enough_fits(tmp_path: Path, no_tools: dict[str, str]) -> None:
    """What is too much for the fastest kernels may do for those without scratch."""
    layers = ("--schedule", "layer")
    smallest = (*layers, "--objective", "memory", "--json")
    finished = compile_digits(tmp_path / "least", *smallest, environment=no_tools)
    need = finished.document["arena_bytes"] + STACK_RESERVE_BYTES
    for sram, code in ((need, 0), (need - 1, 4)):
        arguments = (tmp_path / str(sram), "--sram", str(sram), *layers)
        assert compile_digits(*arguments, environment=no_tools).code == code


@pytest.mark.cc
def test_rows_are_what_fits_where_layers_do_not(
    compiled: tuple[Path, Finished], tmp_path: Path, no_tools: dict[str, str]
) -> None:
    """The least that a plan can need is the limit below which nothing fits."""
    layers = compiled[1].document
    assert {step["mode"] for step in layers["steps"]} == {"layer"}
    limit = ("--sram", str(layers["arena_bytes"] + STACK_RESERVE_BYTES - 1))
    rows = compile_digits(tmp_path / "rows", *limit, environment=no_tools).document
    assert "rows" in {step["mode"] for step in rows["steps"]}
    assert rows["arena_bytes"] < layers["arena_bytes"]
    least = compile_digits(tmp_path / "least", "--objective", "memory", environment=no_tools)
    need = least.document["arena_bytes"]
    assert need <= rows["arena_bytes"]
    enough = need + STACK_RESERVE_BYTES
    for sram, code in ((enough, 0), (enough - 1, 4)):
        arguments = (tmp_path / str(sram), "--sram", str(sram))
        assert compile_digits(*arguments, environment=no_tools).code == code


def test_layers_and_steps_name_each_other(tmp_path: Path, no_tools: dict[str, str]) -> None:
    options = ("--schedule", "stream", "--stream-input")
    report = compile_digits(tmp_path / "d", *options, environment=no_tools).document
    assert report["stream_input"] is True
    assert report["arena_bytes_streamed_input"] == report["arena_bytes"]
    of_steps = [(i, step["index"]) for step in report["steps"] for i in step["layers"]]
    assert of_steps == [(layer["index"], layer["step"]) for layer in report["layers"]]
    for step in report["steps"]:
        layers = [report["layers"][i] for i in step["layers"]]
        assert step["macs"] == sum(layer["macs"] for layer in layers)
        assert (step["counter_bytes"] > 0) == (step["mode"] == "rows")
    assert any(tensor["rows"] < tensor["h"] for tensor in report["tensors"])


@pytest.mark.cc
def test_compiling_again_under_another_name_replaces_the_files(own_digits: Path) -> None:
    (own_digits / "notes.txt").write_text("mine")
    finished = compile_digits(own_digits, "--name", "second")
    assert finished.code == 0
    assert set(contents(own_digits)) == {*finished.document["files"], "report.json", "notes.txt"}
    assert not (own_digits / "digits.c").exists()


@pytest.mark.parametrize("name", ["CMakeLists.txt", "example/main.c", "digits_int8.c"])
def test_files_of_the_users_own_are_never_overwritten(
    name: str, tmp_path: Path, no_tools: dict[str, str]
) -> None:
    (tmp_path / "project" / name).parent.mkdir(parents=True)
    (tmp_path / "project" / name).write_text("mine")
    finished = compile_digits(tmp_path / "project", environment=no_tools)
    assert finished.code == 2
    assert f"{tmp_path / 'project' / name} exists" in finished.error
    assert "-o" in finished.error
    assert contents(tmp_path / "project") == {name: b"mine"}


def test_a_report_that_is_none_is_the_users_own(tmp_path: Path, no_tools: dict[str, str]) -> None:
    for text in ("{}", '{"files": ["notes.txt"]}', "not JSON"):
        (tmp_path / "notes.txt").write_text("mine")
        (tmp_path / "report.json").write_text(text)
        finished = compile_digits(tmp_path, environment=no_tools)
        assert finished.code == 2
        assert f"{tmp_path / 'report.json'} exists" in finished.error
        assert (tmp_path / "report.json").read_text() == text
        assert (tmp_path / "notes.txt").read_text() == "mine"


def test_files_of_another_version_of_mcucc_are_replaced(
    own_digits: Path, no_tools: dict[str, str]
) -> None:
    path = own_digits / "report.json"
    report = json.loads(path.read_bytes())
    del report["memory_map"]
    path.write_text(json.dumps(report | {"mcucc_version": "0.0.1", "something": "else"}))
    assert mcucc("report", own_digits).code == 3
    finished = compile_digits(own_digits, "--name", "other", environment=no_tools)
    assert finished.code == 0, finished.err
    assert set(contents(own_digits)) == {*finished.document["files"], "report.json"}


def test_a_target_that_cannot_be_written(tmp_path: Path, no_tools: dict[str, str]) -> None:
    """Root may write everywhere, but nobody can make a directory in a file."""
    obstacle = tmp_path / "file"
    obstacle.write_text("mine")
    for target in (obstacle, obstacle / "below"):
        arguments = ("compile", DIGITS, "--board", BOARD, "-o", target, "--json")
        finished = mcucc(*arguments, environment=no_tools)
        assert finished.code == 2
        assert f"{target}: cannot be written: {obstacle} is a file" in finished.error
    assert obstacle.read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"file", "no-tools"}


def test_without_a_compiler_sizes_are_unknown(tmp_path: Path, no_tools: dict[str, str]) -> None:
    target = tmp_path / "out"
    arguments = ("compile", DIGITS, "--board", BOARD, "-o", target)
    report = mcucc(*arguments, "--json", environment=no_tools).document
    assert report["fits"] is True
    assert report["built"] is False
    assert report["flash"] == {"weights_bytes": None, "code_bytes": None, "total_bytes": None}
    assert report["stack_bytes"] is None
    assert any("arm-none-eabi-gcc was not found" in note for note in report["notes"])
    assert (target / "digits_int8.c").is_file()
    for_people = mcucc("report", target, environment=no_tools)
    assert for_people.code == 0
    assert "NOT BUILT" in for_people.out
    assert "arm-none-eabi-gcc was not found" in " ".join(for_people.out.split())


@pytest.mark.parametrize("sram", [100, 100_000])
def test_a_board_file_of_the_users_own(tmp_path: Path, no_tools: dict[str, str], sram: int) -> None:
    """It is copied beside the report, so that later commands know the board."""
    own = tmp_path / "my-board.toml"
    shutil.copy(DIGITS.parents[2] / "boards" / f"{BOARD}.toml", own)
    arguments = ("compile", DIGITS, "--board", own, "-o", tmp_path / "out", "--sram", str(sram))
    report = mcucc(*arguments, "--json", environment=no_tools).document
    assert report["board"] == "my-board"
    assert set(contents(tmp_path / "out")) == {*report["files"], "report.json"}
    own.unlink()
    assert mcucc("report", tmp_path / "out").code == 0
