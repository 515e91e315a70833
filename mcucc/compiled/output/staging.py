"""Places where something is made before it is seen, and what becomes of those left behind."""

import os
import shutil
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from mcucc.compiled.output.lock import abandoned, hold
from mcucc.compiled.output.names import folders, staged_for, staging_path
from mcucc.compiled.output.owned import REPORT, earlier_compilation
from mcucc.errors import UsageError


@contextmanager
def staging_directory(beside: Path, home: Path, inode: int) -> Generator[Path]:
    """A new directory that its maker alone may remove, and that is gone in the end.

    Args:
        beside: where it is made.
        home: what it stands in for; if both change places, what was there is removed.
        inode: of what is there now, 0 for nothing.
    """
    path, lock = _new_directory(beside, home.name, inode)
    try:
        yield path
    finally:
        with suppress(OSError):  # the next compilation tries again
            _dismiss(path, home)
        if lock is not None:
            os.close(lock)


@contextmanager
def staging_file(target: Path) -> Generator[tuple[Path, int]]:
    """A new file beside a target, open for writing, and gone in the end if it is still there."""
    while True:
        path = staging_path(target.parent, target.name, 0)
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        hold(descriptor)
        if path.exists():
            break
        os.close(descriptor)  # it looked abandoned before it was locked
    try:
        yield path, descriptor
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _new_directory(beside: Path, name: str, inode: int) -> tuple[Path, int | None]:
    """A directory and what holds its lock."""
    while True:
        path = staging_path(beside, name, inode)
        path.mkdir()
        if sys.platform == "win32":
            return path, None
        with suppress(FileNotFoundError):  # it looked abandoned before it was locked
            descriptor = os.open(path, os.O_RDONLY)
            hold(descriptor)
            if path.exists():
                return path, descriptor
            os.close(descriptor)


def fill(directory: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a directory and its folders."""
    for name, data in contents.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def sweep(folder: Path) -> None:
    """Remove what mcucc left in a folder when it was killed; what still has a maker stays."""
    try:
        left = sorted(path for path in folder.iterdir() if staged_for(path) is not None)
    except OSError:
        return  # who may not list a folder never wrote into it
    for path in left:
        named = staged_for(path)
        if named is None or not _is_own(path) or not abandoned(path):
            continue
        with suppress(OSError, UsageError):
            if path.is_dir():
                _dismiss(path, folder / named[0])
            else:
                path.unlink()


def _is_own(path: Path) -> bool:
    """Whether it is a file or directory of this user, and no link to anywhere."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return not path.is_symlink() and (sys.platform == "win32" or status.st_uid == os.geteuid())


def _dismiss(path: Path, home: Path) -> None:
    """Remove a staging directory, or the old directory that has taken its place."""
    named = staged_for(path)
    if named is None or not path.is_dir():
        return
    if path.lstat().st_ino == named[1]:
        _retire(path, home)
    else:
        shutil.rmtree(path, ignore_errors=True)


def _retire(old: Path, home: Path) -> None:
    """Remove a directory that has been replaced; what is only in there goes to its successor.

    All of the user's files are in the successor already, by another link, but for those that were
    made while it was put in place. A file whose name is taken there meanwhile is left.
    """
    listed = earlier_compilation(old).files
    for name in listed:
        if name != REPORT:
            (old / name).unlink(missing_ok=True)
    own = {old / folder for folder in folders(listed)}
    left = [path for path in sorted(old.rglob("*")) if path not in own and path != old / REPORT]
    for path in left:
        _bring_home(path, home / path.relative_to(old))
    with suppress(OSError):
        for folder in folders(listed):
            with suppress(FileNotFoundError):
                (old / folder).rmdir()
        if listed or len(list(old.iterdir())) == 1:
            (old / REPORT).unlink(missing_ok=True)
        old.rmdir()


def _bring_home(path: Path, target: Path) -> None:
    with suppress(OSError):
        if not target.exists() and not target.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
        elif os.path.samestat(path.lstat(), target.lstat()):
            path.unlink()
