"""`mcucc plan`: the strategies side by side, and that the chosen one is what compile takes."""

from pathlib import Path
from typing import Any

import pytest

from mcucc.targets.board import STACK_RESERVE_BYTES
from tests.cli.process import BOARD, DIGITS, mcucc

MODEL = DIGITS
IN_STRIPS = ("--input-elsewhere", "--max-recompute", "50", "--objective", "memory")


def strategies(*options: str) -> list[dict[str, Any]]:
    finished = mcucc("plan", MODEL, "--board", BOARD, *options, "--json")
    assert finished.code == 0, finished.err
    return finished.document["strategies"]


@pytest.mark.parametrize("options", [(), ("--objective", "memory"), ("--stream-input",), IN_STRIPS])
def test_the_chosen_strategy_is_the_compiled_one(options: tuple[str, ...], tmp_path: Path) -> None:
    (chosen,) = [each for each in strategies(*options) if each["chosen"]]
    made = mcucc("compile", MODEL, "--board", BOARD, *options, "-o", tmp_path / "out", "--json")
    report = made.document
    streamed = "--stream-input" in options or options == IN_STRIPS
    key = "arena_bytes_streamed_input" if streamed else "arena_bytes"
    assert chosen[key] == report["arena_bytes"]
    assert chosen["executed_macs"] == report["executed_macs"]
    assert chosen["segments"] == sum(step["mode"] == "rows" for step in report["steps"])


def test_strategies_are_ordered_by_what_they_know() -> None:
    """Better orders and overlaps never cost memory, and rows need the least."""
    found = strategies("--objective", "memory")
    arenas = [each["arena_bytes"] for each in found if each["name"].startswith("whole")]
    assert arenas == sorted(arenas, reverse=True)
    mine = [each for each in found if each["name"].startswith("mcucc")]
    assert min(e["arena_bytes"] for e in mine if e["arena_bytes"]) < arenas[-1]
    assert any(each["arena_bytes_streamed_input"] for each in mine)
    (patches,) = [each for each in found if each["modelled"]]
    assert patches["patches"] >= 4
    assert patches["executed_macs"] > mine[0]["executed_macs"]


def test_the_table() -> None:
    finished = mcucc("plan", MODEL, "--board", BOARD, "--objective", "memory")
    assert (finished.code, finished.err) == (0, "")
    assert max(map(len, finished.out.splitlines())) <= 80
    assert sum(line.lstrip().startswith("> mcucc") for line in finished.out.splitlines()) == 1
    assert "modelled" in finished.out


def test_a_budget_names_what_compile_takes() -> None:
    plans = [each for each in strategies() if not each["modelled"] and each["arena_bytes"]]
    small = min(each["arena_bytes"] for each in plans)
    budget = ("--sram", str(small + STACK_RESERVE_BYTES))
    (chosen,) = [each for each in strategies(*budget) if each["chosen"]]
    assert chosen["arena_bytes"] == small
