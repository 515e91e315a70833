"""Every command, for people and with `--json`: what it prints, its keys, its help."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.float_models import save_unsupported_model
from tests.cli.process import CHECKOUT, DIGITS, FLOAT_DIGITS, IMAGES, Finished, mcucc

BOARDS = """arduino-due arduino-nano-33-ble arduino-zero ek-ra4m1 frdm-k64f host metro-m4
microbit-v1 microbit-v2 mps2-an385 mps2-an386 mps2-an500 mps2-an505 mps3-an547
nrf52840dk nrf52dk nrf5340dk nrf9160dk nucleo-f030r8 nucleo-f072rb nucleo-f103rb
nucleo-f401re nucleo-f411re nucleo-f429zi nucleo-f446re nucleo-f767zi
nucleo-g071rb nucleo-g474re nucleo-h563zi nucleo-h743zi2 nucleo-l053r8
nucleo-l476rg nucleo-l4r5zi nucleo-l552ze-q nucleo-u575zi-q rpi-pico rpi-pico2
stm32f4-discovery stm32f746g-disco xg24-dk2601b"""

OPTIONS = {
    "boards": "--json",
    "ops": "--markdown --json",
    "inspect": "MODEL --input-shape --cut-at --state --array --json",
    "plan": "MODEL --board --sram --objective --stream-input --input-elsewhere --max-recompute "
    "--no-prune --input-shape --json",
    "compare": "MODEL --board --sram --calib --input-shape --cut-at --state --array --split-output "
    "--json",
    "compile": "MODEL --board -o --name --sram --objective --schedule --stream-input --no-prune "
    "--input-elsewhere --max-recompute "
    "--solver --check --io --align --keep-input --selftest --calib --observer --input-shape "
    "--cut-at --state --split-output --array --json",
    "build": "DIRECTORY --for --output --json",
    "run": "DIRECTORY --input --output --dequantize --profile --on --json",
    "verify": "DIRECTORY --input --on --require --model --json",
    "evaluate": "DIRECTORY --input --labels --model --json",
    "report": "DIRECTORY --schema --html --json",
    "diff": "OLD NEW --max-arena --max-flash --max-stack --max-instructions --min-sqnr --markdown "
    "--json",
    "fit": "MODEL --board --calib --no-build --no-prune --input-shape --cut-at --state --array "
    "--json",
    "explain": "DIRECTORY [LAYER] --json",
    "bench": "DIR|MODEL... --board --save --sram --objective --stream-input --input-elsewhere "
    "--max-recompute --input-shape --cut-at "
    "--state --array --split-output --json",
}


@pytest.mark.parametrize("command", OPTIONS)
def test_help_of_a_command(command: str) -> None:
    """It mentions every option, and each with a sentence, in 80 columns."""
    finished = mcucc(command, "--help")
    assert (finished.code, finished.err) == (0, "")
    assert max(map(len, finished.out.splitlines())) <= 80
    for option in (*OPTIONS[command].split(), "--help"):
        assert option in finished.out
    described = re.findall(r"^  (?:-\w, )?--\S+.*?(?=^  -|\Z)", finished.out, re.M | re.S)
    assert len(described) == len(re.findall(r"^  -", finished.out, re.M))
    assert all(re.search(r"[a-z] .*\.", text, re.S) for text in described)


def test_help() -> None:
    finished = mcucc("--help")
    assert finished.code == 0
    assert max(map(len, finished.out.splitlines())) <= 80
    commands = re.findall(r"^  (\w+) +\S", finished.out.partition("Commands:")[2], re.M)
    assert commands == sorted(OPTIONS)
    assert "--version" in finished.out


def test_version() -> None:
    assert re.fullmatch(r"mcucc, version \d+\.\d+\.\d+\S*\n", mcucc("--version").out)


def test_boards() -> None:
    for_people, document = mcucc("boards"), mcucc("boards", "--json").document["boards"]
    assert for_people.code == 0
    assert [board["id"] for board in document] == BOARDS.split()
    for board in document:
        assert board["id"] in for_people.out
        assert {"name", "vendor", "core", "clock_hz", "regions", "source"} <= set(board)


def test_inspect_a_network_that_can_be_compiled() -> None:
    document = mcucc("inspect", DIGITS, "--json").document
    assert document["supported"] is True
    assert document["violations"] == []
    assert document["macs"] == sum(layer["macs"] for layer in document["layers"]) > 0
    assert document["params"] > 0
    assert document["inputs"] == [{"name": "image", "dtype": "float32", "shape": [1, 1, 8, 8]}]
    assert document["ops"]["Conv"] == 7
    assert set(document["layers"][0]) == {"name", "op", "output_shape", "macs"}
    for_people = mcucc("inspect", DIGITS)
    assert for_people.code == 0
    assert f"{document['macs']:,} MACs, {document['params']:,} parameters" in for_people.out


def test_inspect_a_float_network() -> None:
    document = mcucc("inspect", FLOAT_DIGITS, "--json").document
    assert document["supported"] is True
    assert (document["macs"], document["params"]) == (130_656, 5_842)
    assert "130,656 MACs, 5,842 parameters" in mcucc("inspect", FLOAT_DIGITS).out


def test_inspect_names_all_that_is_unsupported(tmp_path: Path) -> None:
    model = save_unsupported_model(tmp_path / "unsupported.onnx")
    finished = mcucc("inspect", model, "--json")
    document = finished.document
    assert finished.code == 0
    assert document["supported"] is False
    assert document["layers"] == []
    assert document["macs"] is None
    assert set(document["violations"][0]) == {"node", "op", "rule", "actual", "hint"}
    assert {violation["op"] for violation in document["violations"]} == {"Shrink", "Det"}
    assert "mcucc cannot compile it:" in mcucc("inspect", model).out


@pytest.mark.cc
def test_compile_prints_what_it_writes(compiled: tuple[Path, Finished]) -> None:
    directory, finished = compiled
    assert finished.document == json.loads((directory / "report.json").read_bytes())
    assert finished.document["fits"] is True
    assert finished.err == ""


@pytest.mark.cc
def test_report(digits: Path) -> None:
    finished = mcucc("report", digits, "--json")
    assert finished.document == json.loads((digits / "report.json").read_bytes())
    for_people = mcucc("report", digits)
    assert for_people.code == 0
    assert max(map(len, for_people.out.splitlines())) <= 80
    assert f"{finished.document['arena_bytes']:,} B" in for_people.out
    assert "FITS" in for_people.out


@pytest.mark.cc
def test_run(digits: Path) -> None:
    document = mcucc("run", digits, "--input", IMAGES, "--json").document
    assert document["on"] == "host"
    assert document["samples"] == len(np.load(IMAGES)["image"])
    assert document["shapes"] == {"logits": [document["samples"], 10]}
    logits = np.array(document["outputs"]["logits"])
    assert np.mean(logits.argmax(axis=1) == np.load(IMAGES)["labels"]) > 0.95
    assert document["random_input"] is False
    for_people = mcucc("run", digits)
    assert "logits [1, 10] int8" in for_people.out
    assert "a seeded random sample" in for_people.out
    assert mcucc("run", digits, "--json").document["random_input"] is True


def test_a_reader_that_leaves_is_no_bug() -> None:
    """`mcucc boards --json | head -0`: the pipe is closed before anything is written."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "mcucc", "boards", "--json"],
        cwd=CHECKOUT,
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")
