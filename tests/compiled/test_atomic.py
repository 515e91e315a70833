"""A real compilation that dies at any file operation over an earlier good directory."""

import os
import shutil
from pathlib import Path

import pytest

from mcucc.api.compile import Compilation, CompileOptions, compile_model, write_compilation
from mcucc.compiled.directory import CompiledNetwork
from mcucc.errors import DoesNotFitError
from mcucc.targets.board import load_board
from tests.cli.process import BOARD, DIGITS
from tests.compiled.dying import dies_at
from tests.compiled.layouts import leftovers, state

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a process that is forked and killed")


@pytest.fixture(scope="module")
def both() -> tuple[Compilation, Compilation]:
    """The example, compiled for speed and for memory; without tools, which change no file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        speed, memory = (
            compile_model(DIGITS, CompileOptions(BOARD, name="digits", objective=objective))
            for objective in ("speed", "memory")
        )
    assert speed.report.fits
    assert memory.report.fits
    return speed, memory


def test_atomic(both: tuple[Compilation, Compilation], tmp_path: Path) -> None:
    """Old or new, never between; a reader opens what is there; the next compilation succeeds."""
    old, new = both
    states: dict[str, dict[str, str]] = {}
    for name, compilation in (("old", old), ("new", new)):
        write_compilation(compilation, tmp_path / name)
        states[name] = dict(state(tmp_path / name))
    folder, seen, fatal, died = tmp_path / "w", set[str](), 0, True
    while died:
        fatal += 1
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(tmp_path / "old", folder / "out")
        died = dies_at(fatal, lambda: write_compilation(new, folder / "out"))
        found = state(folder / "out")
        assert found in states.values()
        seen.add(next(name for name, digests in states.items() if digests == found))
        assert CompiledNetwork.open(folder / "out").board == load_board(BOARD)
        if fatal % 8 == 0:
            write_compilation(new, folder / "out")
            assert state(folder / "out") == states["new"]
            assert leftovers(folder) == []
    assert seen == {"old", "new"}
    assert fatal > 48


def test_a_misfit_over_an_earlier_compilation(
    both: tuple[Compilation, Compilation], tmp_path: Path
) -> None:
    """Whenever it dies the last good state is there, or with `clean` the report alone."""
    good = both[0]
    misfit = compile_model(DIGITS, CompileOptions(BOARD, name="digits", sram=100))
    assert not misfit.report.fits
    for clean in (False, True):
        write_compilation(good, tmp_path / "out")
        before = state(tmp_path / "out")
        with pytest.raises(DoesNotFitError, match="--clean removes" if not clean else "removed"):
            write_compilation(misfit, tmp_path / "out", clean=clean)
        after = state(tmp_path / "out")
        assert after == before if not clean else set(after) == {"report.json"}
