"""Replacing the files of a directory one by one, so that whoever comes next can finish it."""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from mcucc.compiled.output.lock import locked
from mcucc.compiled.output.names import COMMIT, folders, is_safe_name
from mcucc.compiled.output.owned import MOST_REPORT_BYTES, REPORT
from mcucc.compiled.output.staging import fill, staging_directory
from mcucc.errors import InputFileError
from mcucc.resources import read_plain

_JOURNAL = "journal.json"
_FILES = "files"


class _Journal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What shall be moved from the commit's folder into the directory, and what removed there."""

    write: tuple[str, ...]
    remove: tuple[str, ...]


def replace_inside(home: Path, contents: Mapping[str, bytes], earlier: Iterable[str]) -> None:
    """Replace the earlier files of a directory by new ones, without touching the directory itself.

    Until all new files lie in it under a name of their own nothing is changed. Then this folder is
    renamed, which decides: from now on everybody who finds it finishes the work. Meanwhile there
    are old and new files side by side, but no header: it goes first and comes last, so that no
    build takes some of both. The report comes at the very end.

    Raises:
        OSError: a file cannot be written; if nothing was decided nothing has changed.
    """
    journal = _Journal(tuple(contents), tuple(name for name in earlier if name not in contents))
    with staging_directory(home, home, 0) as staging:
        fill(staging / _FILES, contents)
        (staging / _JOURNAL).write_bytes(msgspec.json.encode(journal))
        staging.rename(home / COMMIT)
    try:
        carry_out(home)
    except BaseException:
        # A signal stopped it halfway: do not leave to the next one what takes a millisecond.
        carry_out(home)
        raise


def is_unfinished(home: Path) -> bool:
    """Whether a replacement was decided in a directory and not carried out."""
    return (home / COMMIT).is_dir() and not (home / COMMIT).is_symlink()


def finish_replacement(directory: Path) -> None:
    """Finish what a killed `replace_inside` has begun in a directory, if there is such a thing.

    Raises:
        InputFileError: it cannot be finished.
        UsageError: another mcucc has been busy there for a minute.
    """
    home = Path(os.path.realpath(directory))
    if not is_unfinished(home):
        return
    try:
        with locked(home):
            if is_unfinished(home):
                carry_out(home)
    except OSError as error:
        raise InputFileError(
            directory / COMMIT,
            "holds new files that a killed mcucc did not put in place, and they cannot be put "
            f"there now ({error.strerror}): make the directory writable",
        ) from error


def carry_out(home: Path) -> None:
    """Do what the journal says and is not done yet."""
    commit = home / COMMIT
    if not (commit / _JOURNAL).exists():  # it is removed when all is done
        _remove_folders(commit, (_FILES,))
        commit.rmdir()
        return
    journal = _read_journal(home)
    staged = [name for name in journal.write if (commit / _FILES / name).is_file()]
    staged.sort(key=lambda name: (name == REPORT, _is_header(name)))
    stale = [name for name in journal.remove if not _is_header(name)]
    for name in (*filter(_is_header, (*staged, *journal.remove)), *stale):
        (home / name).unlink(missing_ok=True)
    for name in staged:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (commit / _FILES / name).replace(home / name)
    _remove_folders(home, folders(journal.remove))
    _remove_folders(commit / _FILES, folders(journal.write))
    _remove_folders(commit, (_FILES,))
    (commit / _JOURNAL).unlink()
    commit.rmdir()


def _read_journal(home: Path) -> _Journal:
    path = home / COMMIT / _JOURNAL
    try:
        text = read_plain(path, MOST_REPORT_BYTES, "is missing")
        journal = msgspec.json.decode(text, type=_Journal)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputFileError(
            path, f"is damaged ({error}): remove {home / COMMIT} and compile again"
        ) from error
    names = (*journal.write, *journal.remove)
    links = [home / folder for folder in folders(names) if (home / folder).is_symlink()]
    if links or not all(map(is_safe_name, names)):
        raise InputFileError(
            path,
            f"names files that do not lie in {home}: remove {home / COMMIT} and compile again",
        )
    return journal


def _is_header(name: str) -> bool:
    return name.endswith(".h")


def _remove_folders(below: Path, names: Iterable[str]) -> None:
    """Remove folders that have become empty."""
    for name in names:
        with suppress(OSError):
            (below / name).rmdir()
