"""`compile --io`: the report and the header say it, every command gives the same results."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tests.cli.process import BOARD, IMAGES, Finished, compile_digits, contents, mcucc
from tests.cli.two_ports import save_two_port_model
from tests.importer.more_islands import uint8_ports

pytestmark = pytest.mark.cc

OTHERS = ("uint8", "float")


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The example, compiled for each interface."""
    folder = tmp_path_factory.mktemp("io")
    for io in ("int8", *OTHERS):
        finished = compile_digits(folder / io, "--name", "digits", "--io", io, "--selftest", "1")
        assert finished.code == 0, finished.err
    return {path.name: path for path in folder.iterdir()}


def report_of(directory: Path) -> dict[str, object]:
    return json.loads((directory / "report.json").read_bytes())


def test_the_default_is_int8(directories: Mapping[str, Path], tmp_path: Path) -> None:
    assert compile_digits(tmp_path / "d", "--name", "digits", "--selftest", "1").code == 0
    assert contents(tmp_path / "d") == contents(directories["int8"])
    assert "--io" not in str(report_of(directories["int8"])["options"])


def test_an_unknown_one_is_refused(tmp_path: Path) -> None:
    finished = compile_digits(tmp_path / "d", "--io", "int16")
    assert finished.code == 2
    assert "'int8', 'uint8', 'float'" in finished.error


@pytest.mark.parametrize("io", OTHERS)
def test_report(directories: Mapping[str, Path], io: str) -> None:
    """Only what must differ does: the arena, its map and the ports are those of int8."""
    plain, other = report_of(directories["int8"]), report_of(directories[io])
    assert (plain["io"], other["io"]) == ("int8", io)
    assert f"--io {io}" in str(other["options"])
    differing = {key for key in plain if plain[key] != other[key]}
    assert differing <= {"io", "options", "flash", "stack_bytes", "report_sha256"}


def test_zero_points_of_the_header(directories: Mapping[str, Path]) -> None:
    found = {
        io: [
            int(value)
            for value in re.findall(
                r"_ZERO_POINT \(?(-?\d+)", (directory / "digits.h").read_text(encoding="utf-8")
            )
        ]
        for io, directory in directories.items()
    }
    assert found["float"] == found["int8"]
    assert found["uint8"] == [zero + 128 for zero in found["int8"]]


def outputs_of(directory: Path, *arguments: str | Path) -> object:
    finished = mcucc("run", directory, *arguments, "--json")
    assert finished.code == 0, finished.err
    return finished.document["outputs"]


@pytest.mark.parametrize("more", [(), ("--dequantize",)])
@pytest.mark.parametrize("io", OTHERS)
def test_run(directories: Mapping[str, Path], io: str, more: tuple[str, ...]) -> None:
    arguments = ("--input", IMAGES, *more)
    wanted = outputs_of(directories["int8"], *arguments)
    assert outputs_of(directories[io], *arguments) == wanted


@pytest.mark.qemu
@pytest.mark.parametrize("io", OTHERS)
def test_on_the_simulated_core(directories: Mapping[str, Path], io: str) -> None:
    plain = outputs_of(directories["int8"])
    assert outputs_of(directories[io], "--on", "qemu") == plain
    finished = mcucc("verify", directories[io], "--on", "qemu", "--json")
    assert finished.code == 0, finished.out
    assert {finished.document["judges"][judge] for judge in ("host", "qemu")} == {"equal"}
    both = mcucc("bench", directories["int8"], directories[io], "--json").document["measurements"]
    extra = both[1]["instructions"] - both[0]["instructions"]
    shifted = 64 + 10  # input and output, bytes; compilers may take four at once
    assert shifted // 4 < extra < 20 * shifted if io == "uint8" else extra == 0


@pytest.mark.parametrize("io", OTHERS)
def test_evaluate(directories: Mapping[str, Path], io: str) -> None:
    arguments = ("--input", IMAGES, "--labels", IMAGES, "--json")
    found = [mcucc("evaluate", directories[each], *arguments).document for each in ("int8", io)]
    assert found[0] == found[1]
    assert found[0]["int8_top1"] > 0.9


@pytest.mark.parametrize("io", OTHERS)
@pytest.mark.parametrize("more", [(), ("--keep-input",)])
def test_two_inputs_and_outputs(tmp_path: Path, io: str, more: tuple[str, ...]) -> None:
    model = save_two_port_model(tmp_path / "two_ports.onnx")
    found: list[object] = []
    for each in ("int8", io):
        directory = tmp_path / each
        arguments = ("compile", model, "--board", BOARD, "-o", directory, "--io", each, *more)
        assert mcucc(*arguments).code == 0
        assert mcucc("verify", directory, "--json").document["judges"]["host"] == "equal"
        found.append(outputs_of(directory))
    assert found[0] == found[1]


@pytest.mark.parametrize("io", OTHERS)
def test_a_file_with_uint8_ports_runs_in_its_own_terms(tmp_path: Path, io: str) -> None:
    """What the ONNX file declares and what the C interface takes are two things."""
    model = tmp_path / "ports.onnx"
    model.write_bytes(uint8_ports().proto().SerializeToString())
    found: list[object] = []
    for each in ("int8", io):
        directory = tmp_path / each
        arguments = ("compile", model, "--board", BOARD, "-o", directory, "--io", each)
        assert mcucc(*arguments).code == 0
        port = mcucc("report", directory, "--json").document["inputs"][0]
        x = np.random.default_rng(8).integers(0, 256, (3, *port["shape"][1:]), dtype=np.uint8)
        assert port["dtype"] == "uint8"
        np.save(tmp_path / "x.npy", x)
        found.append(outputs_of(directory, "--input", tmp_path / "x.npy"))
    assert found[0] == found[1]


def verify_changed(directory: Path, file: str, pattern: str, by: str) -> Finished:
    """`verify` after a change of the C."""
    path = directory / file
    changed, count = re.subn(pattern, by, path.read_text(encoding="utf-8"))
    assert count
    path.write_text(changed, encoding="utf-8")
    return mcucc("verify", directory, "--json")


def test_verify_runs_run_float(tmp_path: Path) -> None:
    """A fault in the float edges of a float directory is found."""
    for file, pattern, by, said in (
        ("digits_io.c", r"scale \* \(float\)", "0.5f * scale * (float)", "crashed"),
        ("digits_io.c", r"q \+= zero_point;", "q += zero_point + 1;", "differs"),
        (
            "digits_io.c",
            r"    digits_quantize_input0\(input0.*\n",
            "    (void)input0;\n",
            "differs",
        ),
    ):
        directory = tmp_path / said / by[:8].strip()
        assert compile_digits(directory, "--name", "digits", "--io", "float").code == 0
        finished = verify_changed(directory, file, pattern, by)
        assert finished.code == 1
        assert finished.document["judges"]["host"] == said
        if said == "crashed":
            message = "run_float gives other real values than its int8 outputs stand for"
            assert finished.document["messages"][0] == message


@pytest.mark.parametrize("which", ["AT_LOGITS", "AT_IMAGE"])
def test_verify_finds_a_missing_shift(tmp_path: Path, which: str) -> None:
    assert compile_digits(tmp_path / "d", "--name", "digits", "--io", "uint8").code == 0
    pattern = rf"    shift_by_128\(&bytes\[{which}\w*\], \d+\);\n"
    finished = verify_changed(tmp_path / "d", "digits.c", pattern, "")
    assert finished.code == 1
    assert finished.document["judges"]["host"] == "differs"


def test_a_misfit_says_what_was_asked_for(tmp_path: Path) -> None:
    finished = compile_digits(tmp_path / "d", "--io", "uint8", "--sram", "100")
    assert finished.code == 4
    assert finished.document["io"] == "uint8"
