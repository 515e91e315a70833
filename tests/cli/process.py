"""Calls the command line as a user does: in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.forks import forks

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLE = CHECKOUT / "examples" / "digits"
DIGITS = EXAMPLE / "digits_int8.onnx"
FLOAT_DIGITS = EXAMPLE / "digits_float.onnx"
CALIBRATION = EXAMPLE / "calibration.npz"
IMAGES = EXAMPLE / "test_images.npz"
BOARD = "nucleo-f446re"

_STARTED: set[str] = set()
"""Commands that this process has started with an interpreter of their own."""


@dataclass(frozen=True)
class Finished:
    """A process that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The only JSON document of stdout, which has the version of its format."""
        document = json.loads(self.out)
        assert next(iter(document)) == "schema"
        assert isinstance(document["schema"], int)
        return document

    @property
    def error(self) -> str:
        """The message of the JSON document of an error, whose exit code must be the process's."""
        error = self.document["error"]
        assert error["exit_code"] == self.code
        assert error["type"]
        return str(error["message"])


def mcucc(
    *arguments: str | Path, cwd: Path = CHECKOUT, environment: Mapping[str, str] | None = None
) -> Finished:
    """Run `python -m mcucc` with these arguments.

    The first call of each command starts an interpreter, and so does one with an environment of its
    own; others are forked from a process that has imported the command line (`tests.cli.forks`).
    """
    texts = [str(each) for each in arguments]
    command = texts[0] if texts else ""
    if command in _STARTED and environment is None:
        inherited = {**os.environ, "PYTHONPATH": str(CHECKOUT), "COLUMNS": "80"}
        code, out, err = forks(CHECKOUT).run(texts, cwd, inherited)
        return Finished(code, out.decode(), err.decode())
    _STARTED.add(command)
    done = subprocess.run(
        [sys.executable, "-m", "mcucc", *texts],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "COLUMNS": "80", **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=300,
        check=False,
    )
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())


def compile_digits(
    directory: Path, *more: str | Path, environment: Mapping[str, str] | None = None
) -> Finished:
    """Compile the example into a directory, with JSON on stdout."""
    arguments = ("compile", DIGITS, "--board", BOARD, "-o", directory, "--json", *more)
    return mcucc(*arguments, environment=environment)


def compile_float(
    directory: Path, *more: str | Path, environment: Mapping[str, str] | None = None
) -> Finished:
    """Compile the example's float network into a directory, with JSON on stdout."""
    arguments = ("compile", FLOAT_DIGITS, "--board", BOARD, "-o", directory, "--json", *more)
    return mcucc(*arguments, environment=environment)


def contents(directory: Path) -> dict[str, bytes]:
    """Every file of a directory and its folders by name."""
    paths = sorted(path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}
