"""Replacing what a compilation wrote into a directory, at once."""

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from mcucc.compiled.output.exchange import exchange
from mcucc.compiled.output.journal import carry_out, is_unfinished, replace_inside
from mcucc.compiled.output.lock import locked
from mcucc.compiled.output.names import LONGEST_BYTES, is_safe_name
from mcucc.compiled.output.owned import Earlier, check_target, earlier_compilation, foreign_files
from mcucc.compiled.output.staging import fill, staging_directory, sweep
from mcucc.errors import UsageError

_ATTEMPTS = 100
"""Each fails only because another mcucc made the directory in the same moment."""


def replace_files(directory: Path, contents: Mapping[str, bytes]) -> None:
    """Replace the files that an earlier compilation wrote into a directory by new ones.

    Whoever looks, and whenever this process dies, finds all the old files or all the new ones; the
    exceptions are in docs/adr/0017-old-or-new.md. Files of the user's own stay. Two processes may
    do this at the same time; one comes after the other.

    Args:
        directory: may be a link to one, and need not exist.
        contents: by name, `report.json` among them; folders in names are separated by `/`.

    Raises:
        UsageError: the directory cannot be written, a file of the user's own has a name that is
            needed, or the earlier report lists what mcucc does not write; nothing has changed then.
    """
    _check_names(contents)
    home = Path(os.path.realpath(directory))
    try:
        _check_path(directory)
        home.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(_ATTEMPTS):
            if _attempt(directory, home, contents):
                return
    except OSError as error:
        raise UsageError(f"{directory}: cannot be written: {error.strerror or error}") from error
    raise UsageError(f"{directory}: cannot be written: it comes and goes; try again")


def _check_names(contents: Mapping[str, bytes]) -> None:
    for name in contents:
        if not is_safe_name(name):
            raise UsageError(
                f"a file would be named {name!r}, which not every system takes: rename the board "
                "file to letters, digits, - and _"
            )


def _check_path(directory: Path) -> None:
    """Refuse a target that is no directory."""
    for path in (directory, *directory.parents):
        if path.exists() and not path.is_dir():
            raise UsageError(
                f"{directory}: cannot be written: {path} is a file, and -o wants a directory"
            )


def _attempt(directory: Path, home: Path, contents: Mapping[str, bytes]) -> bool:
    """Whether the files were written; if not, there is a directory now where there was none."""
    with locked(home) as exists:
        sweep(home.parent)
        if not exists:
            return _create(home, contents)
        sweep(home)
        if is_unfinished(home):
            carry_out(home)
        earlier = earlier_compilation(directory)
        check_target(directory, contents, earlier)
        if not os.access(home, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(home))
        if not _exchanged(home, contents, earlier):
            replace_inside(home, contents, earlier.files)
        return True


def _create(home: Path, contents: Mapping[str, bytes]) -> bool:
    """Make the directory with all its files; whether there was still none."""
    try:
        with staging_directory(home.parent, home, 0) as staging:
            fill(staging, contents)
            staging.rename(home)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True


def _exchanged(home: Path, contents: Mapping[str, bytes], earlier: Earlier) -> bool:
    """Whether a new directory was put in the place of the old one.

    It has the owner, mode and attributes of the old one, and the user's files by another link. What
    makes it impossible is no error: a parent that cannot be written, a mount point, a file system
    without links or exchange, a folder of the user's own.
    """
    if os.path.ismount(home) or _works_in(home) or len(os.fsencode(home.name)) > LONGEST_BYTES:
        return False
    kept = foreign_files(home, {*contents, *earlier.files})
    if kept is None:
        return False
    status = home.stat()
    try:
        with staging_directory(home.parent, home, status.st_ino) as staging:
            if os.name == "posix" and staging.stat().st_uid != status.st_uid:
                os.chown(staging, status.st_uid, status.st_gid)
            shutil.copystat(home, staging)
            fill(staging, contents)
            for name in kept:
                (staging / name).parent.mkdir(parents=True, exist_ok=True)
                os.link(home / name, staging / name)
            exchange(staging, home)
    except OSError:
        return False
    return True


def _works_in(home: Path) -> bool:
    """Whether the working directory is, or lies in, a directory.

    Then most likely the shell's is as well, and must not become one that is deleted.
    """
    try:
        working = Path(os.path.realpath(Path.cwd()))
    except FileNotFoundError:
        return False
    return working.is_relative_to(home)
