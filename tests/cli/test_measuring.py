"""`mcucc build`, `run --profile` and `bench`: programs, and what they execute."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from rich.console import Console, RenderableType

from mcucc.api.build import build_program
from mcucc.api.measure import Measurement, RunCounts, measure, profile
from mcucc.cli.measured_tables import render_measurements, render_profile
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.samples import flatten, random_samples
from mcucc.errors import InputFileError, UsageError
from mcucc.targets.board import load_board
from tests.cli.process import CHECKOUT, DIGITS, mcucc
from tests.processes import command_of, processes_that_mention

pytestmark = [pytest.mark.cc, pytest.mark.qemu]


def shown(content: RenderableType) -> str:
    """What a terminal of 80 columns would show."""
    console = Console(width=80, markup=False, emoji=False, highlight=False)
    with console.capture() as capture:
        console.print(content)
    return capture.get()


def test_bench(digits: Path, own_digits: Path) -> None:
    """One entry per directory; instructions are exact and add up over the layers; they are kept."""
    finished = mcucc("bench", own_digits, own_digits, "--save", "--json")
    first, again = finished.document["measurements"]
    assert first == again
    saved = json.loads((own_digits / "measured.json").read_bytes())
    assert saved["instructions"] == first["instructions"]
    assert [x["instructions"] for x in saved["layers"]] == [
        x["instructions"] for x in first["layers"]
    ]
    keys = "model board core instructions instructions_per_mac arena_bytes code_bytes"
    assert {*keys.split(), "weights_bytes", "stack_bytes", "layers"} <= set(first)
    report = json.loads((digits / "report.json").read_bytes())
    assert first["arena_bytes"] == report["arena_bytes"]
    assert first["code_bytes"] == report["flash"]["code_bytes"]
    assert first["stack_bytes"] <= report["stack_bytes"]
    ratio = first["instructions"] / report["executed_macs"]
    assert first["instructions_per_mac"] == pytest.approx(ratio, abs=1e-3)
    assert first["inputs"] == 5
    assert first["least_instructions"] <= first["instructions"] <= first["most_instructions"]
    assert [layer["index"] for layer in first["layers"]] == list(range(len(report["layers"])))
    counted = sum(layer["instructions"] for layer in first["layers"])
    assert counted + first["overhead_instructions"] == first["instructions"]
    assert first["overhead_instructions"] < 0.01 * first["instructions"]
    cycles = sum(layer["modelled_cycles"] for layer in first["layers"])
    assert first["instructions"] < cycles <= first["modelled_cycles"]
    out = shown(render_measurements([msgspec.convert(first, Measurement)]))
    assert max(map(len, out.splitlines())) <= 80
    assert f"instructions  {first['instructions']:,} " in out
    assert "digits on nucleo-f446re: cortex-m4 (mps2-an386, proxy)" in out
    assert f"stack used    {first['stack_bytes']} B" in out
    for layer in first["layers"]:
        assert f"{layer['instructions']:,}" in out
        assert layer["kernel"] in out or layer["kernel"] == ""
    assert "not cycles" in out


def test_bench_of_a_model_and_of_another_board(digits: Path) -> None:
    """A model is compiled for the core; a directory keeps the kernels that it was compiled with."""
    found = mcucc(
        *("bench", DIGITS, digits, "--board", "mps3-an547", "--cut-at", "logits", "--json")
    ).document["measurements"]
    model, directory = found
    assert {each["core"] for each in found} == {"cortex-m55"}
    assert model["options"] == "--objective auto --cut-at logits"
    for each in found:
        assert each["proxy"] is False
        assert each["modelled_cycles"] is None
        assert each["code_bytes"] > 0
        assert each["instructions"] > each["overhead_instructions"] > 0
    assert model["instructions"] < directory["instructions"]
    assert all(layer["kernel"].endswith("_mve") for layer in model["layers"][:3])
    assert all(layer["kernel"].endswith("_dsp") for layer in directory["layers"][:3])


def test_bench_says_how_far_the_count_depends_on_the_input(digits: Path) -> None:
    """Inputs with seeds of their own; an M0+ branches where it saturates."""
    found = measure(digits, "rpi-pico")
    compiled = CompiledNetwork.open(digits).on(load_board("rpi-pico"))
    inputs = [flatten(random_samples([(1, 8, 8, 1)], 1, seed)) for seed in range(5)]
    totals = [counts.instructions for counts in profile(compiled, np.concatenate(inputs))[1]]
    assert found.instructions == totals[0]
    assert (found.least_instructions, found.most_instructions) == (min(totals), max(totals))
    assert min(totals) < max(totals)
    out = shown(render_measurements([found]))
    assert f"on 5 inputs   {min(totals):,} to {max(totals):,} (" in out
    same = replace(found, least_instructions=totals[0], most_instructions=totals[0])
    assert "on 5 inputs   the same" in shown(render_measurements([same]))


def test_profile_tells_the_layers_of_a_segment_apart(tmp_path: Path) -> None:
    """On an M0, whose boards have a proxy; the outputs are those of the host."""
    options = ("--board", "rpi-pico", "--objective", "memory", "-o", tmp_path / "digits")
    assert mcucc("compile", DIGITS, *options).code == 0
    report = json.loads((tmp_path / "digits" / "report.json").read_bytes())
    assert any(step["mode"] == "rows" for step in report["steps"])
    document = mcucc("run", tmp_path / "digits", "--profile", "--json").document
    assert document["on"] == "qemu"
    compiled = CompiledNetwork.open(tmp_path / "digits")
    flat = flatten(random_samples([(1, 8, 8, 1)], 1))
    (outputs,) = compiled.run_host(flat)
    assert document["outputs"]["logits"] == outputs.tolist()
    (profile,) = document["profile"]
    layers = profile["layers"]
    assert sum(layer["macs"] for layer in layers) == report["executed_macs"]
    assert all(layer["instructions"] > layer["macs"] for layer in layers if layer["macs"])
    total = sum(layer["instructions"] for layer in layers) + profile["overhead_instructions"]
    assert total == profile["instructions"]
    assert profile["modelled_cycles"] is None
    counts = [msgspec.convert(profile, RunCounts)]
    out = shown(render_profile("digits", compiled.board, counts))
    assert max(map(len, out.splitlines())) <= 80
    assert "cortex-m0plus (mps2-an385, proxy)" in out
    assert f"instructions  {profile['instructions']:,}" in out
    assert "not cycles" in out
    assert "####" in out


def test_build(digits: Path, tmp_path: Path) -> None:
    """The sizes are those of the file, and the parts of the network add up."""
    finished = mcucc("build", digits, "-o", tmp_path / "new" / "digits.elf", "--json")
    program = finished.document
    assert (tmp_path / "new" / "digits.elf").read_bytes()[:4] == b"\x7fELF"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["digits.elf"]
    report = json.loads((digits / "report.json").read_bytes())
    layers = program["layers"]
    weights = sum(layer["weights_bytes"] for layer in layers) + program["shared_weights_bytes"]
    assert weights == program["weights_bytes"]
    assert 0 <= weights - report["flash"]["weights_bytes"] < 64
    code = sum(layer["code_bytes"] for layer in layers) + program["shared_code_bytes"]
    assert 0.5 * report["flash"]["code_bytes"] < code <= report["flash"]["code_bytes"]
    assert program["text_bytes"] > code
    assert all((layer["code_bytes"] > 0) == bool(layer["kernel"]) for layer in layers)
    flash = ("text_bytes", "rodata_bytes", "weights_bytes", "data_bytes")
    assert sum(program[key] for key in flash) == program["flash_bytes"]
    assert program["arena_bytes"] >= report["arena_bytes"]
    for_people = mcucc("build", digits, cwd=tmp_path)
    again = (tmp_path / "digits.elf").read_bytes()
    assert again == (tmp_path / "new" / "digits.elf").read_bytes()
    assert str(tmp_path).encode() not in again
    assert str(digits).encode() not in again
    assert max(map(len, for_people.out.splitlines())) <= 80
    assert f"{program['weights_bytes']:,} B" in for_people.out
    assert "Written to digits.elf" in for_people.out


def test_build_for_another_core(digits: Path, tmp_path: Path) -> None:
    program = build_program(digits, "rpi-pico", tmp_path / "digits.elf")
    assert (program.core, program.proxy) == ("cortex-m0plus", True)


SMALL = """name = "Small"
vendor = "Me"
core = "cortex-m3"
clock_hz = 1_000_000
source = "invented"
[[memory]]
name = "rom"
kind = "flash"
origin = 0
size = 0x1000
[[memory]]
name = "ram"
kind = "sram"
origin = 0x2000_0000
size = 0x1_0000
[qemu]
machine = "mps2-an385"
proxy = true
"""


def test_a_build_that_fails_leaves_nothing(
    digits: Path, tmp_path: Path, no_tools: dict[str, str]
) -> None:
    board, target = tmp_path / "small.toml", tmp_path / "digits.elf"
    board.write_text(SMALL)
    overflow = mcucc("build", digits, "--for", board, "-o", target, "--json")
    assert overflow.code == 4
    assert "digits does not fit small" in overflow.error
    assert (
        "bytes of flash (the harness of mcucc and the C library included), region 'rom' has 4096"
        in overflow.error
    )
    without = mcucc("build", digits, "-o", target, "--json", environment=no_tools)
    assert without.code == 5
    assert without.error.startswith("arm-none-eabi-gcc was not found; install it")
    assert not target.exists()
    target.write_text("the user's own")
    with pytest.raises(UsageError, match="exists and is no program"):
        build_program(digits, None, target)
    assert target.read_text() == "the user's own"
    with pytest.raises(UsageError, match="is a directory"):
        build_program(digits, None, tmp_path)
    with pytest.raises(UsageError, match="cannot be written"):
        build_program(digits, None, target / "below.elf")
    with pytest.raises(InputFileError):
        build_program(tmp_path, None, tmp_path / "x.elf")


HANGS = """#include "digits.h"
int digits_run(void *arena)
{
    for (;;) {
        *(volatile char *)arena = 0;
    }
}
"""


def test_a_stopped_command_leaves_no_simulator(own_digits: Path) -> None:
    """SIGTERM ends the simulator too, which is in a process group of its own."""
    (own_digits / "digits.c").write_text(HANGS)
    command = [sys.executable, "-m", "mcucc", "run", str(own_digits), "--on", "qemu"]
    with subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "TMPDIR": str(own_digits)},
        stdout=subprocess.DEVNULL,
    ) as running:
        give_up = time.monotonic() + 60
        while not _simulators(own_digits):
            assert running.poll() is None
            assert time.monotonic() < give_up
            time.sleep(0.05)
        running.terminate()
        assert running.wait(timeout=20) == 128 + signal.SIGTERM
    assert _simulators(own_digits) == []
    assert not list(own_digits.glob("mcucc-*"))


def _simulators(folder: Path) -> list[int]:
    """Processes of QEMU with a program below the folder."""
    return [p for p in processes_that_mention(folder) if "qemu-system-arm" in command_of(p)]
