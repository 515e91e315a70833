"""The files of the repository, without environments, caches and build products."""

import os
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

_NOT_OURS = {
    ".git", ".venv", ".venvs", ".hypothesis", ".pytest_cache", ".ruff_cache", "__pycache__",
    ".import_linter_cache", "dist", "out",
}  # fmt: skip


def files(*suffixes: str) -> Iterator[Path]:
    """All files, or those whose names end so, sorted by path."""
    for folder, below, names in os.walk(CHECKOUT):
        below[:] = sorted(name for name in below if not _is_foreign(Path(folder), name))
        for name in sorted(names):
            # `.git` is a file in a second worktree.
            if name not in _NOT_OURS and (not suffixes or name.endswith(suffixes)):
                yield Path(folder) / name


def _is_foreign(folder: Path, name: str) -> bool:
    built = name.endswith(".egg-info") or (name == "build" and folder.name != "mcucc")
    return name in _NOT_OURS or built


def relative(path: Path) -> str:
    """A path as it is named in messages."""
    return path.relative_to(CHECKOUT).as_posix()


def text(path: Path) -> str | None:
    """Its text, None for a binary file."""
    data = path.read_bytes()
    return None if b"\0" in data else data.decode("utf-8")
