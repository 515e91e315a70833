"""What a deliberate fault is, and what came of trying it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results.json"

State = Literal["killed", "survived", "equivalent", "broken"]


class StaleMutantError(Exception):
    """The text that a mutant replaces is not there, or is there more than once."""


@dataclass(frozen=True)
class Mutant:
    """A deliberate fault.

    Attributes:
        name: unique; what is wrong, in a few words.
        file: that it changes, below the checkout.
        old: text that occurs once in the file.
        new: what stands there instead.
        tests: node ids of tests, without parameters or with, one of which must fail.
        why: what goes wrong, in a sentence.
        proof: why no test can notice it; empty for a fault that tests must notice.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    why: str
    proof: str = ""

    def mutated(self, root: Path = ROOT) -> str:
        """The file with the fault.

        Raises:
            StaleMutantError: the old text does not occur exactly once.
        """
        text = (root / self.file).read_text(encoding="utf-8")
        count = text.count(self.old)
        if count != 1:
            raise StaleMutantError(f"{self.name}: its text occurs {count} times in {self.file}")
        return text.replace(self.old, self.new)

    def digest(self, root: Path = ROOT) -> str:
        """Of the file with the fault, by which a result is told to be of today's file.

        Empty if the fault does not fit its file.
        """
        try:
            return hashlib.sha256(self.mutated(root).encode()).hexdigest()[:12]
        except StaleMutantError:
            return ""


@dataclass(frozen=True)
class Result:
    """What came of a mutant.

    Attributes:
        state: killed by a test; survived all; equivalent by its proof, and untried; broken: it does
            not fit its file, or its tests could not be run, or took too long.
        digest: of the file with the fault.
        test: the first test that failed.
        seconds: that its tests took.
    """

    state: State
    digest: str
    test: str = ""
    seconds: float = 0.0


def read_results(path: Path = RESULTS) -> Mapping[str, Result]:
    """By name of the mutant."""
    if not path.is_file():
        return {}
    return {name: Result(**each) for name, each in json.loads(path.read_text("utf-8")).items()}


def write_results(results: Mapping[str, Result], names: Iterable[str], path: Path) -> None:
    """Those of mutants that there are, in their order."""
    kept = {name: asdict(results[name]) for name in names if name in results}
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
