"""`mcucc fit`: all boards at once say what `compile` says of each."""

import json

import pytest

from mcucc.api.compile import CompileOptions, compile_model
from mcucc.api.fit import fit_model
from mcucc.api.network import Calibration
from mcucc.targets.board import list_boards
from tests.cli.in_process import Caller
from tests.cli.process import DIGITS


def test_fit_finds_what_compile_finds(call: Caller) -> None:
    """Without a compiler, of which only the flash depends: that of weights and estimated code."""
    finished = call("fit", str(DIGITS), "--no-build", "--json")
    assert finished.code == 0, finished.err
    document = json.loads(finished.out)
    found = {each["board"]: each for each in document["boards"]}
    assert set(found) == {board.id for board in list_boards() if board.core.has_thumb}
    assert document["cores_built"] == 0
    assert all(each["flash_estimated"] for each in found.values())
    for board in ("rpi-pico", "nucleo-f446re", "mps3-an547"):
        report = compile_model(DIGITS, CompileOptions(board)).report
        assert document["macs"] == report.macs
        assert found[board]["arena_bytes"] == report.arena_bytes
        assert found[board]["fits"] == report.fits
        assert found[board]["arena_limit_bytes"] == report.sram_bytes - report.stack_reserve_bytes
        assert found[board]["flash_limit_bytes"] == report.flash_limit_bytes
    smallest = compile_model(DIGITS, CompileOptions("nucleo-f446re", objective="memory")).report
    assert found["nucleo-f446re"]["smallest_arena_bytes"] == smallest.arena_bytes
    shown = call("fit", str(DIGITS), "--no-build")
    assert shown.code == 0
    assert max(map(len, shown.out.splitlines())) <= 80
    assert f"fits {len(found)} of {len(found)} boards" in " ".join(shown.out.split())
    assert call("fit", "no_such.onnx", "--json").code == 3


@pytest.mark.cc
def test_estimated_flash_is_near_that_of_a_build() -> None:
    """One build serves all boards of a core with the same plan."""
    boards = ("microbit-v2", "nucleo-f446re")
    built = fit_model(DIGITS, Calibration(), boards=boards)
    assert built.cores_built == 1
    report = compile_model(DIGITS, CompileOptions("nucleo-f446re")).report
    assert [each.flash_bytes for each in built.boards] == [report.flash.total_bytes] * 2
    guessed = fit_model(DIGITS, Calibration(), boards=boards, build=False)
    assert guessed.cores_built == 0
    for a, b in zip(built.boards, guessed.boards, strict=True):
        assert (a.flash_estimated, b.flash_estimated) == (False, True)
        assert b.flash_bytes == pytest.approx(a.flash_bytes, rel=0.35)
        assert (a.board, a.arena_bytes, a.fits) == (b.board, b.arena_bytes, b.fits)
