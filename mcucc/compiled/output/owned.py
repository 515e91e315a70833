"""What of a directory is mcucc's, what is the user's, and what is in the way."""

import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mcucc.compiled.output.names import folders, is_safe_name
from mcucc.errors import InputFileError, UsageError
from mcucc.resources import read_plain

REPORT = "report.json"
MOST_REPORT_BYTES = 1 << 26
_MOST_FILES = 1000


@dataclass(frozen=True)
class Earlier:
    """What an earlier compilation wrote into a directory.

    Attributes:
        files: their names, `report.json` included; they may be replaced. Empty if there was none.
        fits: whether there is code among them.
    """

    files: tuple[str, ...] = ()
    fits: bool = False


class _Listed(msgspec.Struct, frozen=True):
    """What shows that a `report.json` is one, be it of another version of mcucc."""

    schema: int
    mcucc_version: str
    arena_bytes: int
    files: tuple[str, ...]
    fits: bool = True


def earlier_compilation(directory: Path) -> Earlier:
    """What the `report.json` of a directory says that mcucc wrote; nothing if it is no report.

    Raises:
        UsageError: it lists what mcucc does not write, so somebody has changed it.
    """
    path = directory / REPORT
    try:
        found = msgspec.json.decode(read_plain(path, MOST_REPORT_BYTES, ""), type=_Listed)
    except (InputFileError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Earlier()
    if len(found.files) > _MOST_FILES:
        raise UsageError(
            f"{path}: lists {len(found.files):,} files, and mcucc never writes more than "
            f"{_MOST_FILES:,}: it was changed; move it away, or give another directory with -o"
        )
    for name in found.files:
        if not is_safe_name(name):
            raise UsageError(
                f"{path}: lists {name[:80]!r}, which is no name of a file below its directory: it "
                "was changed, and nothing was deleted; move it away, or give another directory "
                "with -o"
            )
    return Earlier(tuple(dict.fromkeys((REPORT, *found.files))), found.fits)


def check_target(directory: Path, names: Collection[str], earlier: Earlier) -> None:
    """Demand that names can be written and what is earlier removed, without touching what is not.

    Raises:
        UsageError: a file of the user's own, or something that is no file, is in the way.
    """
    for folder in folders((*names, *earlier.files)):
        path = directory / folder
        if (path.exists() or path.is_symlink()) and (path.is_symlink() or not path.is_dir()):
            raise UsageError(
                f"{path} is no folder, and files of mcucc belong into one of this name: move it "
                "away, or give another directory with -o"
            )
    for name in sorted({*names, *earlier.files}):
        path = directory / name
        if path.is_dir() and not path.is_symlink():
            raise UsageError(
                f"{path} is a directory, and a file of mcucc has this name: move it away, or give "
                "another directory with -o"
            )
        if name not in earlier.files and (path.exists() or path.is_symlink()):
            raise UsageError(
                f"{path} exists, and no report.json beside it says that mcucc wrote it: give "
                "another directory with -o, or move the file away"
            )


def foreign_files(directory: Path, names: Collection[str]) -> tuple[str, ...] | None:
    """Plain files of a directory that are not among names; None if there is anything else.

    Folders that names have are looked into; a folder of the user's own is something else.
    """
    ours = set(folders(tuple(names)))
    found: list[str] = []
    for name, mode in _entries(directory, "", ours):
        if name in names:
            continue
        if not stat.S_ISREG(mode):
            return None
        found.append(name)
    return tuple(found)


def _entries(directory: Path, below: str, known: Collection[str]) -> Iterator[tuple[str, int]]:
    """Name and mode of everything in a directory but known folders, which are looked into."""
    with os.scandir(directory / below) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            name = Path(below, entry.name).as_posix()
            if name in known and entry.is_dir(follow_symlinks=False):
                yield from _entries(directory, name, known)
            else:
                yield name, entry.stat(follow_symlinks=False).st_mode
