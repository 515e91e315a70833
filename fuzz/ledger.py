"""The results file: which seeds were tried on which state of the code, and what came of them.

One JSON document per line: `state` (of the code), `kind`, `drawing` (what its seeds mean), `seeds`
(ranges [a, b)), `outcomes` (counts), `failures` (what was said, by seed). Runs append lines; the
lines of one state, kind and drawing are put together when the file is opened.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CODE = ("boards", "mcucc", "runtime_c", "templates")
"""What is attacked."""

Key = tuple[str, str, int]
"""State of the code, kind, drawing."""


def code_state(root: Path = ROOT) -> str:
    """A digest of the code that is attacked."""
    digest = hashlib.sha256()
    for folder in CODE:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    return digest.hexdigest()[:12]


@dataclass
class Entry:
    """What is known of a state, kind and drawing."""

    seeds: set[int] = field(default_factory=set[int])
    outcomes: Counter[str] = field(default_factory=Counter[str])
    failures: dict[int, str] = field(default_factory=dict[int, str])

    def add(self, other: "Entry") -> None:
        """Take what another knows; a seed that both know counts once."""
        if self.seeds & other.seeds:
            return
        self.seeds |= other.seeds
        self.outcomes += other.outcomes
        self.failures |= other.failures


class Ledger:
    """The results, in a file or in memory alone."""

    def __init__(self, path: Path | None) -> None:
        """Open the results; a file is put in order if that makes it shorter."""
        self._path = path
        self.entries: dict[Key, Entry] = {}
        lines = path.read_text().splitlines() if path is not None and path.is_file() else []
        for line in lines:
            key, entry = _parse(json.loads(line))
            self.entries.setdefault(key, Entry()).add(entry)
        if path is not None and len(lines) > len(self.entries):
            self.compact()

    def done(self, key: Key) -> set[int]:
        """Seeds that were tried."""
        return self.entries.get(key, Entry()).seeds

    def append(self, key: Key, entry: Entry) -> None:
        """Add what was found."""
        self.entries.setdefault(key, Entry()).add(entry)
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a") as file:
                file.write(_line(key, entry))

    def compact(self) -> None:
        """Write one line per state, kind and drawing."""
        if self._path is None:
            return
        part = self._path.with_name(f"{self._path.name}.part")
        part.write_text("".join(_line(key, entry) for key, entry in self.entries.items()))
        part.replace(self._path)


def _parse(document: dict[str, Any]) -> tuple[Key, Entry]:
    seeds = {seed for first, end in document["seeds"] for seed in range(first, end)}
    failures = {int(seed): str(said) for seed, said in document.get("failures", {}).items()}
    key = (str(document["state"]), str(document["kind"]), int(document["drawing"]))
    return key, Entry(seeds, Counter(document["outcomes"]), failures)


def _line(key: Key, entry: Entry) -> str:
    state, kind, drawing = key
    document: dict[str, Any] = {
        "state": state,
        "kind": kind,
        "drawing": drawing,
        "seeds": ranges(entry.seeds),
        "outcomes": dict(sorted(entry.outcomes.items())),
    }
    if entry.failures:
        document["failures"] = {str(seed): said for seed, said in sorted(entry.failures.items())}
    return json.dumps(document) + "\n"


def ranges(seeds: Iterable[int]) -> Sequence[tuple[int, int]]:
    """Ranges [a, b) that hold exactly these seeds."""
    found: list[tuple[int, int]] = []
    for seed in sorted(seeds):
        if found and found[-1][1] == seed:
            found[-1] = (found[-1][0], seed + 1)
        else:
            found.append((seed, seed + 1))
    return found
