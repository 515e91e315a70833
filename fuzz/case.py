"""What is tried: a case, and what came of it."""

import base64
import json
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """One input of mcucc.

    Attributes:
        kind: name of the kind that judges it.
        seed: what it was drawn from.
        arguments: of mcucc, with paths relative to the folder of the files.
        files: content by relative path.
    """

    kind: str
    seed: int
    arguments: tuple[str, ...]
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class Outcome:
    """What came of a case.

    Attributes:
        said: a short label, by which outcomes are counted and failures told apart.
        failed: whether that must not be.
        detail: the end of what was printed, for people.
    """

    said: str
    failed: bool
    detail: str = ""


@dataclass(frozen=True)
class Kind(ABC):
    """A way to attack.

    Attributes:
        name: on the command line and in the results.
        per_round: how many seeds a round has.
        batch: how many seeds a worker is given at once.
        drawing: to be raised when a seed comes to mean something else.
        starts_sanitized: whether child processes need more address space than any limit leaves.
    """

    name: str
    per_round: int
    batch: int
    drawing: int = 1
    starts_sanitized: bool = False

    @abstractmethod
    def draw(self, seed: int) -> Case:
        """The case of a seed: the same on every machine."""

    @abstractmethod
    def judge(self, cases: Sequence[Case], folder: Path) -> list[Outcome]:
        """Try cases of this kind; `folder` is empty, and the working directory."""

    @abstractmethod
    def smaller(self, case: Case) -> Iterator[Case]:
        """Cases that are smaller than one that failed, the smallest first."""


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files of a case below a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def save_case(case: Case, said: str, folder: Path) -> Path:
    """Write a case as a file of its own; `said` is what came of it."""
    document = {
        "kind": case.kind,
        "seed": case.seed,
        "said": said,
        "arguments": case.arguments,
        "files": {name: _packed(content) for name, content in case.files.items()},
    }
    path = folder / f"{case.kind}-{case.seed}.json"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return path


def load_case(path: Path) -> Case:
    """Read what `save_case` wrote."""
    document = json.loads(path.read_text(encoding="utf-8"))
    files = {name: _unpacked(text) for name, text in document["files"].items()}
    return Case(document["kind"], document["seed"], tuple(document["arguments"]), files)


def _packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 9)).decode()


def _unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))
