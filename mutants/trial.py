"""Runs tests in a copy of the checkout that has a fault."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mutants.mutant import ROOT, Mutant, Result

MOST_SECONDS = 300.0
"""For the tests of a fault."""
_FAILED = re.compile(r"^FAILED (.+?)(?: - |$)", re.M)
_EXIT_FAILED = 1
_NOT_COMPILED = "ToolchainError"
"""A fault that a C compiler refuses is a bad one: it says nothing of the tests."""


@dataclass(frozen=True)
class Ran:
    """How a run of tests ended.

    Attributes:
        passed: all of them.
        failed: the first that failed; empty if none did, or none could be run.
        seconds: by the clock.
        output: what pytest printed.
    """

    passed: bool
    failed: str
    seconds: float
    output: str


class Copy:
    """A copy of the files that git knows, in which one fault at a time is tried."""

    def __init__(self, folder: Path) -> None:
        """Copy the checkout as it is now, changes included."""
        self.root = folder
        listed = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
        names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True)
        for name in names.stdout.splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)

    def try_mutant(self, mutant: Mutant) -> Result:
        """Its tests with the fault; the file is put back."""
        path, digest = self.root / mutant.file, mutant.digest(self.root)
        if not digest:
            return Result("broken", digest)
        before = path.read_bytes()
        path.write_text(mutant.mutated(self.root), encoding="utf-8")
        try:
            ran = self.run(mutant.tests)
        finally:
            path.write_bytes(before)
        if ran.failed:
            return Result("killed", digest, ran.failed, round(ran.seconds, 1))
        if ran.passed:
            return Result("survived", digest, seconds=round(ran.seconds, 1))
        sys.stderr.write(ran.output[-3000:])
        return Result("broken", digest, seconds=round(ran.seconds, 1))

    def run(self, tests: Sequence[str], most_seconds: float = MOST_SECONDS) -> Ran:
        """Tests up to the first that fails. One that cannot be set up has not failed."""
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-rf", "-p", "no:cacheprovider"]
        begun = time.monotonic()
        try:
            done = subprocess.run(
                [*command, "--tb=line", *tests],
                cwd=self.root,
                env={**os.environ, **self._environment()},
                capture_output=True,
                text=True,
                timeout=most_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            seconds = time.monotonic() - begun
            return Ran(passed=False, failed="", seconds=seconds, output="no end in time\n")
        found = _FAILED.search(done.stdout)
        noticed = done.returncode == _EXIT_FAILED and _NOT_COMPILED not in done.stdout
        failed = found[1] if found is not None and noticed else ""
        seconds = time.monotonic() - begun
        return Ran(done.returncode == 0, failed, seconds, done.stdout + done.stderr)

    def _environment(self) -> dict[str, str]:
        """The copy comes before an installed mcucc; the models are those of the checkout."""
        models = os.environ.get("MCUCC_MODELS", str(ROOT.parent / "shared" / "models"))
        return {
            "PYTHONPATH": str(self.root),
            "PYTHONDONTWRITEBYTECODE": "1",
            "MCUCC_MODELS": models,
            "MCUCC_REQUIRE_MODELS": "1",
            "MCUCC_SHRINK": "0",
        }
