"""The exit codes that other programs rely on, each with a message that helps."""

import json
import re
import sys
from pathlib import Path

import pytest

from mcucc.cli import boards
from mcucc.cli import main as cli
from mcucc.errors import InvariantError
from tests.cli.float_models import save_unsupported_model
from tests.cli.in_process import Caller
from tests.cli.process import BOARD, DIGITS, compile_digits, mcucc


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("compile", DIGITS), "Missing option '--board'. `mcucc boards` lists them"),
        (("compile", DIGITS, "--bord", BOARD), "No such option"),
        (("compile", DIGITS, "--board", BOARD, "--sram", "0"), "--sram"),
        (("compile", DIGITS, "--board", BOARD, "--objective", "both"), "--objective"),
        (("verify", "out", "--require", "host"), "--require"),
        (("run", "out", "--on", "board"), "--on"),
        (("bench",), "Missing argument 'DIR|MODEL...'"),
        (("bench", DIGITS), "--board: say for which board a model is compiled"),
        (("run", "out", "--profile", "--on", "host"), "--profile: instructions are counted on"),
        (("frobnicate",), "No such command"),
    ],
)
def test_usage_errors_are_2(arguments: tuple[str | Path, ...], complaint: str) -> None:
    for_programs = mcucc(*arguments, "--json")
    assert for_programs.code == 2
    assert complaint in for_programs.error
    assert complaint in for_programs.err


LONG = "x" * 300


@pytest.mark.parametrize(
    "arguments",
    [
        ("compile", str(DIGITS), "--board", "host", "-o", LONG),
        ("compile", str(DIGITS), "--board", "host", "-o", f"{LONG}/below"),
        ("compile", str(DIGITS), "--board", f"{LONG}.toml"),
        ("compile", str(DIGITS), "--board", "host", "--calib", LONG),
        ("compile", LONG, "--board", "host"),
        ("inspect", "a/" * 3000),
        ("plan", LONG, "--board", "host"),
        ("run", LONG),
        ("run", "network", "--input", LONG),
        ("run", "network", "--output", f"{LONG}.npz"),
        ("report", LONG),
        ("build", "network", "-o", LONG),
        ("bench", LONG, "--board", "rpi-pico"),
        ("verify", "network", "--model", LONG),
        ("evaluate", "network", "--input", "a.npz", "--labels", LONG),
    ],
    ids=lambda arguments: f"{arguments[0]} {arguments[-2].lstrip('x')}",
)
def test_paths_that_no_system_has_are_2(
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    complaint = Caller(monkeypatch, capsys, tmp_path).refusal(2, *arguments)
    assert re.search("longer than a path may be|File name too long", complaint)


def test_no_command_shows_the_help_and_is_2() -> None:
    finished = mcucc()
    assert finished.code == 2
    assert "Commands:" in finished.err


def test_a_near_miss_of_a_board_is_2_and_named(tmp_path: Path) -> None:
    arguments = ("compile", DIGITS, "--board", "nucleo-f446", "-o", tmp_path / "out", "--json")
    finished = mcucc(*arguments)
    assert finished.code == 2
    assert "did you mean nucleo-f446re" in finished.error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["text", "truncated", "empty", "missing", "folder", "unsupported"])
def test_models_that_cannot_be_read_or_compiled_are_3(tmp_path: Path, kind: str) -> None:
    model = tmp_path / "model.onnx"
    data = DIGITS.read_bytes()
    match kind:
        case "text":
            model.write_text("not a network")
        case "truncated":
            model.write_bytes(data[: len(data) // 2])
        case "empty":
            model.write_bytes(b"")
        case "folder":
            model.mkdir()
        case "unsupported":
            save_unsupported_model(model)
        case _:
            pass
    target = tmp_path / "out"
    arguments = ("compile", model, "--board", BOARD, "-o", target, "--json")
    finished = mcucc(*arguments)
    assert finished.code == 3
    assert "bug" not in finished.error
    assert finished.err == f"mcucc: {finished.error}\n"
    if kind == "unsupported":
        assert "2 reason(s)" in finished.error
    else:
        assert str(model) in finished.error
    assert not target.exists()


def test_a_directory_that_was_never_compiled_is_3(tmp_path: Path) -> None:
    for command in ("run", "verify", "report", "bench"):
        finished = mcucc(command, tmp_path, "--json")
        assert finished.code == 3
        assert "mcucc compile" in finished.error


def test_a_network_that_did_not_fit_cannot_be_run(tmp_path: Path, no_tools: dict[str, str]) -> None:
    assert compile_digits(tmp_path, "--sram", "100", environment=no_tools).code == 4
    for command in ("run", "verify", "bench"):
        finished = mcucc(command, tmp_path, "--json")
        assert finished.code == 3
        assert f"does not fit {BOARD}" in finished.error


@pytest.mark.cc
def test_a_missing_tool_is_5_and_names_its_package(digits: Path, no_tools: dict[str, str]) -> None:
    for arguments, package in (
        (("run", digits), "apt-get install gcc libc6-dev"),
        (("verify", digits), "apt-get install gcc libc6-dev"),
        (("run", digits, "--on", "qemu"), "apt-get install gcc-arm-none-eabi"),
        (("bench", digits), "apt-get install gcc-arm-none-eabi"),
    ):
        finished = mcucc(*arguments, "--json", environment=no_tools)
        assert finished.code == 5
        assert package in finished.error


@pytest.mark.parametrize("error", [InvariantError("two stages disagree"), KeyError("lost")])
def test_an_internal_error_is_70(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, as there is no way to make a sound compiler fail from outside."""

    def fail() -> None:
        raise error

    monkeypatch.setattr(boards, "list_boards", fail)
    monkeypatch.setattr(sys, "argv", ["mcucc", "boards", "--json"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 70
    printed = capsys.readouterr()
    document = json.loads(printed.out)["error"]
    assert document["exit_code"] == 70
    assert document["type"] == type(error).__name__
    assert "please report it" in document["message"]
    assert "Traceback" not in printed.err
    monkeypatch.setattr(sys, "argv", ["mcucc", "--debug", "boards"])
    with pytest.raises(type(error)):
        cli.main()
