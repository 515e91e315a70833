"""What is refused before anything is written, and what a full disk leaves."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest

from mcucc.compiled.output import (
    COMMIT,
    finish_replacement,
    is_safe_name,
    replace_files,
    write_whole,
)
from mcucc.errors import InputFileError, UsageError
from tests.compiled.dying import dies_at
from tests.compiled.layouts import NEW, OLD, leftovers, put, state

UNSAFE = (
    "", ".", "..", "/", "/etc/passwd", "a/", "/a", "a//b", "./a", "a/.", "../a", "a/../b", "a\\b",
    "C:a", "a\0b", "a\nb", "a?", "x" * 300, ".mcucc-commit/journal.json", "\x7f",
)  # fmt: skip


@pytest.mark.parametrize("name", UNSAFE)
def test_a_report_that_lists_what_is_no_name(name: str, tmp_path: Path) -> None:
    """Nothing is deleted: neither what it names nor what it names rightly."""
    put(tmp_path / "out", OLD)
    (tmp_path / "a").write_text("mine")
    report = msgspec.json.decode(OLD["report.json"])
    report["files"] = ["net.c", name, "net.h"]
    (tmp_path / "out" / "report.json").write_bytes(msgspec.json.encode(report))
    before = state(tmp_path)
    with pytest.raises(UsageError, match="which is no name of a file below its directory"):
        replace_files(tmp_path / "out", NEW)
    assert state(tmp_path) == before
    assert not is_safe_name(name)


def test_safe_names() -> None:
    for name in ("a", "a.b", "a b", "example/main.c", "a/b/c.d", "...", "ünï", ".hidden"):
        assert is_safe_name(name)


def test_a_report_that_lists_too_much(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    report = msgspec.json.decode(OLD["report.json"])
    report["files"] = [f"{i}" for i in range(5000)]
    (tmp_path / "report.json").write_bytes(msgspec.json.encode(report))
    with pytest.raises(UsageError, match="lists 5,000 files"):
        replace_files(tmp_path, NEW)


def _folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    (path / "x").mkdir(parents=True)


def _loop(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)


def _fifo(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def _link_to_root(path: Path) -> None:
    path.symlink_to("/")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _nested(path: Path) -> None:
    path.write_bytes(b"[" * 100_000)


@pytest.mark.parametrize(
    ("name", "becomes"),
    [
        ("net.c", _folder),  # was a file of mcucc's
        ("old_only.c", _folder),  # was, and is not needed any more
        ("new_only.c", _folder),
        ("new_only.c", Path.touch),
        ("new_only.c", _loop),
        ("new_only.c", _fifo),
        ("fresh", Path.touch),  # where a folder is needed
        ("fresh", _link_to_root),
        ("report.json", _folder),
        ("report.json", _loop),
        ("report.json", _cut),
        ("report.json", _nested),
        ("report.json", _fifo),
    ],
)
def test_what_is_in_the_way(name: str, becomes: Callable[[Path], object], tmp_path: Path) -> None:
    put(tmp_path / "out", OLD)
    becomes(tmp_path / "out" / name)
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    with pytest.raises(UsageError, match=r"-o"):
        replace_files(tmp_path / "out", NEW)
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before


def test_an_earlier_folder_that_is_a_link_now_leads_nowhere(tmp_path: Path) -> None:
    """What lies behind it has the name of a file that would be removed."""
    put(tmp_path / "out", OLD)
    put(tmp_path / "mine", {"x/y.c": b"mine"})
    for path in ("gone/x/y.c", "gone/x", "gone"):
        (tmp_path / "out" / path).unlink() if path.endswith(".c") else (
            tmp_path / "out" / path
        ).rmdir()
    (tmp_path / "out" / "gone").symlink_to("../mine")
    with pytest.raises(UsageError, match="is no folder"):
        replace_files(tmp_path / "out", NEW)
    assert (tmp_path / "mine" / "x" / "y.c").read_bytes() == b"mine"


@pytest.mark.parametrize(
    "journal",
    [
        b"",
        b"{}",
        b"[" * 100_000,
        b'{"write":["../x"],"remove":[]}',
        b'{"write":[],"remove":["/etc/passwd"]}',
        b'{"write":[],"remove":[".."]}',
    ],
)
def test_a_damaged_journal(journal: bytes, tmp_path: Path) -> None:
    put(tmp_path / "out", {**OLD, f"{COMMIT}/journal.json": journal})
    (tmp_path / "x").write_text("mine")
    before = state(tmp_path)
    for act in (finish_replacement, partial(replace_files, contents=NEW)):
        with pytest.raises(InputFileError, match=r"remove .*mcucc-commit and compile again"):
            act(tmp_path / "out")
    assert state(tmp_path) == before


def test_a_single_file_is_written_whole(tmp_path: Path) -> None:
    path, seen, fatal, died = tmp_path / "f.npz", set[bytes](), 0, True
    while died:
        fatal += 1
        path.write_bytes(b"old content")
        died = dies_at(fatal, lambda: write_whole(path, b"new content"))
        seen.add(path.read_bytes())
        write_whole(path, path.read_bytes())  # the next one cleans up
        assert leftovers(tmp_path) == []
    assert seen == {b"old content", b"new content"}


def test_a_single_file_through_a_link_and_with_its_mode(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o640
    write_whole(Path("/dev/null"), b"nowhere")
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path, b"x")
