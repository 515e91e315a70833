"""`--sram` is a part of the board's SRAM, never more, and the stack's reserve is always kept."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from mcucc.api.benchmark import measure_model
from mcucc.api.compile import compile_model
from mcucc.api.options import CompileOptions
from mcucc.api.plan import plan_model
from mcucc.cli.main import cli
from mcucc.errors import UsageError
from mcucc.report import Report
from mcucc.targets.board import STACK_RESERVE_BYTES
from tests.cli.process import BOARD, DIGITS, mcucc

SAMD21 = """\
name = "SAMD21G18 (Zero)"
vendor = "Microchip"
core = "cortex-m0plus"
clock_hz = 48_000_000
source = "the data sheet"

[[memory]]
name = "flash"
kind = "flash"
origin = 0
size = 0x4_0000

[[memory]]
name = "sram"
kind = "sram"
origin = 0x2000_0000
size = 0x8000

[qemu]
machine = "mps2-an385"
proxy = true
"""


@pytest.fixture
def samd21(tmp_path: Path) -> str:
    path = tmp_path / "samd21.toml"
    path.write_text(SAMD21)
    return str(path)


def invoke(*arguments: object) -> Result:
    """The command line in this process."""
    return CliRunner().invoke(cli, [str(each) for each in arguments])


def refusal(*arguments: object) -> str:
    error = invoke(*arguments).exception
    assert isinstance(error, UsageError)
    assert error.exit_code == 2
    return str(error)


def test_false_fit(samd21: str, tmp_path: Path) -> None:
    """Nothing is written, and both figures are named."""
    target = tmp_path / "out"
    finished = mcucc("compile", DIGITS, "--board", samd21, "--sram", "200000", "-o", target)
    assert finished.code == 2
    assert "--sram 200000 (200,000 B (195.3 KiB)) is more than samd21 has" in finished.err
    assert "'sram', has 32,768 B (32.0 KiB). Give at most --sram 32768" in finished.err
    assert not target.exists()


@pytest.mark.parametrize(
    ("board", "sram", "most"),
    [
        ("samd21", "32769", 32768),
        ("samd21", "1G", 32768),
        ("nucleo-h743zi2", "600K", 524288),  # less than all its SRAM, more than one region
        (BOARD, "99999999999999999", 131072),
        ("host", "5G", 1 << 32),
    ],
)
@pytest.mark.parametrize("command", ["compile", "plan", "bench"])
def test_no_command_takes_more_than_one_region(
    command: str, board: str, sram: str, most: int, samd21: str
) -> None:
    path = samd21 if board == "samd21" else board
    if (command, board) == ("bench", "host"):
        return  # has no simulator, which is said first
    text = refusal(command, DIGITS, "--board", path, "--sram", sram)
    assert f"is more than {board} has" in text
    assert f"Give at most --sram {most}," in text


def test_the_python_api_takes_no_more_either(samd21: str) -> None:
    for take in (compile_model, plan_model, measure_model):
        for sram in (32769, 10**8, 0, -1):
            with pytest.raises(UsageError, match="--sram"):
                take(DIGITS, CompileOptions(samd21, sram=sram))


@pytest.mark.parametrize("sram", [None, 32768, 16384])
def test_the_reserve_is_always_kept(
    sram: int | None, samd21: str, no_tools: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", no_tools["PATH"])
    report = compile_model(DIGITS, CompileOptions(samd21, sram=sram)).report
    assert report.fits
    assert report.stack_reserve_bytes == STACK_RESERVE_BYTES
    assert report.sram_bytes == (32768 if sram is None else sram)
    assert report.arena_bytes + report.stack_reserve_bytes <= report.sram_bytes


@pytest.mark.models
def test_a_larger_stated_stack_is_kept(
    models_dir: Path, no_tools: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run row by row on this computer it states more than the reserve."""
    monkeypatch.setenv("PATH", no_tools["PATH"])

    def compiled(**options: Any) -> tuple[Report, int]:
        made = compile_model(models_dir / "resnet8_qdq.onnx", CompileOptions("host", **options))
        stated = re.search(r"_STACK_BYTES (\d+)u", "".join(made.files.values()))
        return made.report, 0 if stated is None else int(stated[1])

    report, stated = compiled(objective="memory")
    assert report.stack_reserve_bytes == stated > STACK_RESERVE_BYTES
    least = report.arena_bytes + stated
    assert compiled(objective="memory", sram=least)[0].fits
    tight = compiled(objective="memory", sram=least - 1)[0]
    assert not tight.fits
    assert tight.stack_reserve_bytes == stated
    # Where there is a choice it is made anew: some of these budgets hold a faster plan but for the
    # stack that it states.
    for sram in range(least, least + 1300, 200):
        chosen, its_stack = compiled(objective="auto", sram=sram)
        assert chosen.fits
        assert chosen.arena_bytes + max(its_stack, STACK_RESERVE_BYTES) <= sram


def test_weights_beyond_the_flash_do_not_fit_even_if_the_code_is_unknown(
    samd21: str, no_tools: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a compiler the code is unknown."""
    monkeypatch.setenv("PATH", no_tools["PATH"])
    Path(samd21).write_text(SAMD21.replace("0x4_0000", "1024"))
    compilation = compile_model(DIGITS, CompileOptions(samd21))
    assert compilation.report.flash.total_bytes is None
    assert not compilation.report.fits
    assert "does not fit the flash of samd21" in compilation.misfit
    assert "weights alone, the code is unknown" in compilation.misfit


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("65536", 65536),
        ("64K", 65536),
        ("64k", 65536),
        ("64KB", 65536),
        ("64 KiB", 65536),
        ("65_536", 65536),
        ("65536B", 65536),
        ("1M", 1 << 20),
        ("2mib", 2 << 20),
        ("1G", 1 << 30),
    ],
)
def test_mistake_8_suffixes_are_multiples_of_1024(text: str, count: int) -> None:
    document = invoke("plan", DIGITS, "--board", "host", "--sram", text, "--json")
    plans = msgspec.json.decode(document.output)
    assert plans["sram_bytes"] == count - STACK_RESERVE_BYTES
    assert plans["board_sram_bytes"] == 1 << 32


@pytest.mark.parametrize(
    "text", ["0", "0K", "-5", "", "K", "64Q", "1.5M", "1,5M", "65,536", "0x1000", "64KK", "9" * 19]
)
def test_what_is_no_number_of_bytes_is_refused_with_an_example(text: str) -> None:
    for command in ("compile", "plan", "bench"):
        finished = invoke(command, DIGITS, "--board", BOARD, "--sram", text)
        assert finished.exit_code == 2
        assert f"'{text}' is no number of bytes" in finished.output
        assert "such as 65536, 64K, 64KiB or 1M" in finished.output


def test_plan_says_whether_it_fits_and_of_what(samd21: str) -> None:
    for sram, answer in (
        ("32K", "It fits 30,720 bytes: the board's 32,768 of SRAM, less 2,048 for the stack."),
        ("3K", "It DOES NOT FIT 1,024 bytes: the --sram given, of the board's 32,768 of SRAM,"),
        ("1K", "It DOES NOT FIT 0 bytes: the --sram given"),
    ):
        plan = ("plan", DIGITS, "--board", samd21, "--sram", sram)
        assert answer in " ".join(invoke(*plan).output.split())
        assert msgspec.json.decode(invoke(*plan, "--json").output)["fits"] == ("fits" in answer)


@pytest.mark.parametrize(
    "option", [("--sram", "64K"), ("--objective", "speed"), ("--stream-input",)]
)
def test_options_of_models_are_not_taken_for_a_directory(
    option: tuple[str, ...], tmp_path: Path
) -> None:
    text = refusal("bench", tmp_path, *option)
    assert text.startswith(f"{option[0]}: says how a MODEL is compiled")


@pytest.fixture(scope="module")
def for_host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("host") / "digits"
    finished = invoke("compile", DIGITS, "--board", "host", "-o", directory, "--json")
    assert finished.exit_code == 0
    return directory


def test_the_host_takes_plain_c(for_host: Path) -> None:
    report = msgspec.json.decode((for_host / "report.json").read_bytes(), type=Report)
    assert report.fits
    assert (report.sram_bytes, report.flash_limit_bytes) == (1 << 32, 1 << 32)
    assert (report.stack_bytes, report.flash.total_bytes) == (None, None)
    assert not any("_thumb1" in layer.kernel or "_dsp" in layer.kernel for layer in report.layers)
    assert any("host is no microcontroller" in note for note in report.notes)
    shown = invoke("report", for_host)
    assert shown.exit_code == 0
    assert "FITS on host" in " ".join(shown.output.split())


@pytest.mark.cc
def test_the_hosts_c_is_right(for_host: Path) -> None:
    verification = msgspec.json.decode(invoke("verify", for_host, "--json").output)
    assert verification["judges"]["host"] == "equal"
    assert verification["ok"]


def test_nothing_is_built_for_the_host_or_simulated(for_host: Path, digits: Path) -> None:
    for arguments in (
        ("build", for_host),
        ("build", digits, "--for", "host"),
        ("bench", for_host),
        ("bench", digits, "--board", "host"),
        ("bench", DIGITS, "--board", "host"),
        ("run", for_host, "--on", "qemu"),
        ("run", for_host, "--profile"),
        ("verify", for_host, "--on", "qemu"),
    ):
        assert refusal(*arguments).startswith("board 'host' is no microcontroller: no program")


@pytest.mark.qemu
def test_c_compiled_for_the_host_can_be_built_for_a_board(for_host: Path, tmp_path: Path) -> None:
    program = tmp_path / "digits.elf"
    assert invoke("build", for_host, "--for", BOARD, "-o", program).exit_code == 0
    assert program.is_file()
