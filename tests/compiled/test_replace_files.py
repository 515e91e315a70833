"""The directory of a compilation holds all of the old or all of the new, whenever mcucc dies."""

import os
from collections.abc import Generator
from itertools import count
from pathlib import Path

import pytest

from mcucc.compiled.output import COMMIT, finish_replacement, replace_files
from tests.compiled.dying import dies_at
from tests.compiled.layouts import (
    LAYOUTS,
    MINE,
    NEW,
    OLD,
    Layout,
    is_between,
    leftovers,
    put,
    state,
    wanted,
)

posix = pytest.mark.skipif(os.name != "posix", reason="a process that is forked and killed")


@pytest.fixture(autouse=True)
def _stays_where_it_is() -> Generator[None]:
    before = Path.cwd()
    yield
    os.chdir(before)


@posix
@pytest.mark.parametrize("name", LAYOUTS)
def test_dying_at_any_operation_leaves_the_old_or_the_new(name: str, tmp_path: Path) -> None:
    """After each death: what is seen, what the next compilation makes of it, what it leaves."""
    layout, seen, fatal, died = LAYOUTS[name], set[str](), 0, True
    while died:
        fatal += 1
        directory = layout.build(tmp_path / "w")
        died = dies_at(fatal, lambda directory=directory: replace_files(directory, NEW))
        seen.add(_judge(layout, directory, died=died))
        # The next one recovers by itself, and cleans up: be it a reader or another compilation.
        finish_replacement(directory)
        if directory.exists():
            assert _visible(directory) in (_old(layout), wanted(NEW, layout.own))
        replace_files(directory, NEW)
        assert state(directory) == wanted(NEW, layout.own)
        assert leftovers(tmp_path) == []
    assert {"old", "new"} <= seen
    assert ("between" in seen) is not layout.whole
    assert fatal > len(NEW)


def _judge(layout: Layout, directory: Path, *, died: bool) -> str:
    """Whether the old or the new is seen, or what may be between where it must."""
    found = state(directory) if directory.exists() else dict[str, str]()
    if found == wanted(NEW, layout.own):
        return "new"
    assert died, found
    if found == _old(layout) or (not layout.whole and _visible(directory) == _old(layout)):
        return "old"
    assert not layout.whole, found
    assert is_between(found, layout.own), found
    return "between"


def _visible(directory: Path) -> dict[str, str]:
    """The state without what mcucc hides in the directory."""
    return {n: digest for n, digest in state(directory).items() if not n.startswith(".mcucc-")}


def _old(layout: Layout) -> dict[str, str]:
    return dict(wanted(OLD if layout.exists else {}, layout.own))


@posix
def test_dying_while_recovering(tmp_path: Path) -> None:
    """Whoever recovers may be killed as well."""
    layout = LAYOUTS["own folder"]
    for first in range(1, 200, 5):
        directory = layout.build(tmp_path / "w")
        if not dies_at(first, lambda directory=directory: replace_files(directory, NEW)):
            break
        for second in range(1, 200):
            if not (directory / COMMIT).exists():
                break
            dies_at(second, lambda directory=directory: finish_replacement(directory))
            assert is_between(state(directory), layout.own)
        assert not (directory / COMMIT).exists()
        assert _visible(directory) in (_old(layout), wanted(NEW, layout.own))


@posix
@pytest.mark.parametrize("name", ["plain", "new", "own folder"])
def test_two_at_the_same_time(name: str, tmp_path: Path) -> None:
    """One comes after the other, and both succeed."""
    directory = LAYOUTS[name].build(tmp_path / "w")
    children: list[int] = []
    for contents in (NEW, OLD, NEW, OLD):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for _ in range(10):
                    replace_files(directory, contents)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) for c in children] == [0] * 4
    assert state(directory) in [wanted(files, LAYOUTS[name].own) for files in (NEW, OLD)]
    assert leftovers(tmp_path) == []


def test_owner_mode_and_links_stay(tmp_path: Path) -> None:
    directory = LAYOUTS["link"].build(tmp_path / "w")
    real = tmp_path / "w" / "elsewhere" / "real"
    real.chmod(0o2750)
    before = (real.stat().st_mode, real.stat().st_uid, (real / "notes.txt").stat().st_ino)
    replace_files(directory, NEW)
    assert directory.is_symlink()
    assert before == (
        real.stat().st_mode, real.stat().st_uid, (real / "notes.txt").stat().st_ino,
    )  # fmt: skip


def test_what_others_name_like_staging_stays(tmp_path: Path) -> None:
    """Only names of mcucc's own form are swept, and no links."""
    put(tmp_path, {"mine/a": b"a", ".mcucc-mine/a": b"a", ".mcucc-12345678-net/a": b"a"})
    (tmp_path / ".mcucc-12345678-0-net").symlink_to("mine")
    before = state(tmp_path)
    replace_files(tmp_path / "out", NEW)
    after = state(tmp_path)
    assert {name: after[name] for name in before} == before
    assert (tmp_path / "mine" / "a").read_bytes() == b"a"


@posix
def test_a_file_that_appears_in_the_last_moment_is_kept(tmp_path: Path) -> None:
    """A new file of the user's own in a directory that was exchanged, and its maker killed."""
    directory = LAYOUTS["own files"].build(tmp_path / "w")
    old: list[Path] = []
    for fatal in count(1):
        LAYOUTS["own files"].build(tmp_path / "w")
        assert dies_at(fatal, lambda: replace_files(directory, NEW))
        old = [path for path in (tmp_path / "w").glob(".mcucc-*") if (path / "old_only.c").exists()]
        if old:
            break
    put(old[0], {"late.txt": b"mine", "late/x.txt": b"mine"})
    replace_files(directory, NEW)
    late = {"late.txt": b"mine", "late/x.txt": b"mine"}
    assert state(directory) == wanted(NEW, {**MINE, **late})
    assert leftovers(tmp_path) == []
