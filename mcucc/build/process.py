"""Child processes that end in time, whatever they do."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Completed:
    """How a child process ended.

    Attributes:
        returncode: its exit status, or minus the number of the signal that killed it.
        stdout: what it printed.
        stderr: what it printed there.
        timed_out: whether it was killed because its time was over.
    """

    returncode: int
    stdout: str
    stderr: str
    timed_out: bool


def run_child(
    command: Sequence[str],
    *,
    cwd: Path,
    timeout_s: float,
    environment: Mapping[str, str] | None = None,
) -> Completed:
    """Runs a program without standard input and returns how it ended.

    The program leads a process group of its own. The whole group is killed when the time is
    over, and when the wait is interrupted.

    Args:
        command: the program's path and its arguments.
        cwd: its working directory.
        timeout_s: seconds it may take.
        environment: variables set beside the inherited ones.

    Raises:
        OSError: the program cannot be started.
    """
    with subprocess.Popen(
        list(command),
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as child:
        timed_out = False
        try:
            stdout, stderr = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            timed_out = True
            _kill_group(child)
            stdout, stderr = child.communicate()
        except BaseException:
            _kill_group(child)
            raise
    return Completed(child.returncode, stdout, stderr, timed_out)


def _kill_group(child: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def tail(text: str, *, lines: int = 20) -> str:
    """Returns the last lines of a program's messages."""
    return "\n".join(text.rstrip().splitlines()[-lines:])
