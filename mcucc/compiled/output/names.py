"""Which names may be written, and how what is not yet in its place is named."""

import os
import re
import secrets
from pathlib import Path, PurePosixPath

COMMIT = ".mcucc-commit"
"""Folder in a directory: a replacement that is decided and not yet carried out."""

_STAGING = re.compile(r"\.mcucc-[0-9a-f]{8}-(?P<inode>[0-9a-f]+)-(?P<name>.+)", re.DOTALL)
LONGEST_BYTES = 200
"""Of a name that still leaves room for what a staging name adds; file systems end at 255."""

_UNSAFE = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')


def is_safe_name(name: str) -> bool:
    """Whether a name leads to a file below a directory, on every system, and nowhere else.

    Folders are separated by `/`. Refused are the empty name, `.` and `..` as a part, absolute
    names, characters that some system does not have in names, and names of mcucc's own staging.
    """
    parts = name.split("/")
    return (
        _UNSAFE.search(name) is None
        and len(os.fsencode(name)) <= LONGEST_BYTES
        and not any(part in ("", ".", "..") or part.startswith(".mcucc-") for part in parts)
    )


def folders(names: tuple[str, ...]) -> tuple[str, ...]:
    """All folders that names have, the deepest first."""
    found = {
        str(folder)
        for name in names
        for folder in PurePosixPath(name).parents
        if folder != PurePosixPath()
    }
    return tuple(sorted(found, key=lambda folder: (-folder.count("/"), folder)))


def staging_path(beside: Path, target: str, inode: int) -> Path:
    """A fresh name in a folder for what shall become a target.

    Args:
        beside: the folder.
        target: name of what shall be replaced; a long one is cut, so that it leads to nothing.
        inode: of the directory that is there now, by which it is known after an exchange; 0 for
            what is no directory.
    """
    fits = len(os.fsencode(target)) <= LONGEST_BYTES
    return beside / f".mcucc-{secrets.token_hex(4)}-{inode:x}-{target if fits else 'long'}"


def staged_for(path: Path) -> tuple[str, int] | None:
    """The name of the target, and the inode, that a staging name tells; None for other names."""
    match = _STAGING.fullmatch(path.name)
    return None if match is None else (match["name"], int(match["inode"], 16))
