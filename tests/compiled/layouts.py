"""Directories of all kinds that a compilation may be written into, and what is in them."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mcucc.compiled.output import COMMIT

State = Mapping[str, str]


def compilation(tag: str, *names: str) -> dict[str, bytes]:
    """Files as a compilation makes them; the content tells which one it was."""
    files = ("net.h", "net.c", "mcucc_base.h", *names)
    report = {
        "schema": 1, "mcucc_version": tag, "arena_bytes": 1, "files": sorted(files), "fits": True,
    }  # fmt: skip
    contents = {name: f"{tag} {name}\n".encode() for name in files}
    return {**contents, "report.json": msgspec.json.encode(report)}


OLD = compilation("old", "old_only.c", "old_only.h", "net.tflite", "example/main.c", "gone/x/y.c")
NEW = compilation("new", "new_only.c", "new_only.h", "net.ir", "example/main.c", "fresh/z.c")


def put(directory: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a directory in the simplest way."""
    for name, data in contents.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(data)


def state(directory: Path) -> State:
    """Digest of every file below a directory; empty folders count too."""
    return {
        path.relative_to(directory).as_posix(): (
            "folder" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
        )
        for path in sorted(directory.rglob("*"))
        if path.is_file() or not any(path.iterdir())
    }


def wanted(contents: Mapping[str, bytes], own: Mapping[str, bytes] = {}) -> State:
    """The state that files make."""
    return {name: hashlib.sha256(data).hexdigest() for name, data in {**contents, **own}.items()}


def leftovers(folder: Path) -> list[str]:
    """What mcucc has left of its own in a folder and in the directories there."""
    return sorted(path.name for path in folder.rglob(".mcucc-*"))


@dataclass(frozen=True)
class Layout:
    """A directory and its surroundings.

    Attributes:
        own: the user's files in it.
        exists: whether there was a compilation before.
        link: the directory is given through a link.
        works_inside: mcucc's working directory is the directory.
        whole: whether it is replaced as a whole, so that no state between can be seen.
    """

    own: Mapping[str, bytes]
    exists: bool = True
    link: bool = False
    works_inside: bool = False
    whole: bool = True

    def build(self, folder: Path) -> Path:
        """Make it in an empty folder; returns the directory as the user names it."""
        shutil.rmtree(folder, ignore_errors=True)
        real = folder / ("elsewhere/real" if self.link else "out")
        if self.exists:
            put(real, OLD)
        put(real, self.own)
        real.parent.mkdir(parents=True, exist_ok=True)
        if self.link:
            (folder / "out").symlink_to("elsewhere/real")
        if self.works_inside:
            os.chdir(real)
        return folder / "out"


MINE = {"notes.txt": b"mine", "example/mine.c": b"mine too"}
LAYOUTS = {
    "plain": Layout({}),
    "new": Layout({}, exists=False),
    "own files": Layout(MINE),
    "own files and no compilation": Layout({"notes.txt": b"mine"}, exists=False),
    "link": Layout(MINE, link=True),
    "dangling link": Layout({}, exists=False, link=True),
    "own folder": Layout({**MINE, "build/cache/a.o": b"mine"}, whole=False),
    "working directory": Layout(MINE, works_inside=True, whole=False),
}


def is_between(found: State, own: Mapping[str, bytes]) -> bool:
    """Whether a state is what ADR 17 allows where a directory cannot be replaced as a whole.

    Old and new files lie side by side then, each of them whole, and a commit says what is to be
    done. No header lies beside other files than those of its own compilation, and no new report
    beside other files than the new ones.
    """
    of_old, of_new, mine = wanted(OLD), wanted(NEW), wanted(own)
    visible = {
        name: digest
        for name, digest in found.items()
        if not name.startswith(".mcucc-") and digest != "folder"
    }
    if visible in ({**of_old, **mine}, {**of_new, **mine}):
        return True
    rest = {n: digest for n, digest in visible.items() if n not in mine and n != "report.json"}
    headers = {name: digest for name, digest in rest.items() if name.endswith(".h")}
    return (
        any(name.startswith(COMMIT) for name in found)
        and mine.items() <= visible.items()
        and visible.get("report.json") != of_new["report.json"]
        and all(digest in (of_old.get(n), of_new.get(n)) for n, digest in rest.items())
        and any(
            headers.items() <= of.items() and (not headers or rest.items() <= of.items())
            for of in (of_old, of_new)
        )
    )
