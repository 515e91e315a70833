"""Processes of `mcucc` that need not begin with a second of imports.

`python -m tests.cli.forks` imports the command line once. For each line of its stdin, a `Call` as
JSON, it forks: the child becomes what `python -m mcucc` would be, with arguments, a folder, an
environment and files for its output of its own, and ends as an interpreter ends. The line that
comes back holds its exit code, or minus the signal that killed it.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from mcucc.cli import main as cli

TIMEOUT_S = 300


class Forks:
    """The process that forks, and how to ask it."""

    def __init__(self, checkout: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mcucc-forks-")
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.forks"],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout), "COLUMNS": "80"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self._end)

    def _end(self) -> None:
        self._server.communicate()
        self._folder.cleanup()

    def run(
        self, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str]
    ) -> tuple[int, bytes, bytes]:
        """Returns the exit code, stdout and stderr of `mcucc` with these arguments."""
        out, err = (Path(self._folder.name) / name for name in ("out", "err"))
        call = {
            "arguments": list(arguments),
            "cwd": str(cwd),
            "environment": dict(environment),
            "files": [os.devnull, str(out), str(err)],
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(call) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline()), out.read_bytes(), err.read_bytes()


@functools.cache
def forks(checkout: Path) -> Forks:
    """The only one of this process; it ends as its stdin does."""
    return Forks(checkout)


def _serve() -> None:
    importlib.import_module("mcucc.api.surface")  # the command line does it as late as it can
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(json.loads(line))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


def _become(call: Mapping[str, object]) -> None:
    """Be the process that was asked for, to its end."""
    for number, name in enumerate(_texts(call["files"])):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        file = os.open(name, flags, 0o600)
        os.dup2(file, number)
        os.close(file)
    os.chdir(str(call["cwd"]))
    os.environ.clear()
    environment = call["environment"]
    assert isinstance(environment, dict)
    os.environ.update(environment)  # pyright: ignore[reportUnknownArgumentType] # from JSON
    sys.argv = [str(Path(cli.__file__).parents[1] / "__main__.py"), *_texts(call["arguments"])]
    signal.alarm(TIMEOUT_S)
    cli.main()


def _texts(value: object) -> list[str]:
    assert isinstance(value, list)
    return [str(each) for each in value]  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType] # from JSON


if __name__ == "__main__":
    _serve()
