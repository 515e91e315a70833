"""Runs the command line of mcucc within this process, many times."""

import contextlib
import io
import os
import shutil
import sys
import traceback
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fuzz.case import Case, Outcome, write_files
from fuzz.limits import (
    MOST_BYTES,
    MOST_SECONDS,
    OverTime,
    forget_peak,
    limited_time,
    peak_bytes,
)
from mcucc.cli.main import main

INTERNAL = 70
REFUSALS = (0, 2, 3, 4)
"""Exit codes that a command may have where no compiler is asked."""

_DETAIL_CHARACTERS = 1500
_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Called:
    """How a command ended.

    Attributes:
        code: its exit code.
        stdout: what it printed.
        stderr: what it printed there.
    """

    code: int
    stdout: str
    stderr: str


def call(arguments: Sequence[str]) -> Called:
    """Run a command in this process."""
    stdout, stderr = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    before = sys.argv
    sys.argv = ["mcucc", *arguments]
    code = 0
    try:
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.argv = before
    return Called(code, _text(stdout), _text(stderr))


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()


@contextlib.contextmanager
def no_compilers() -> Generator[None]:
    """Within, no program is found: nothing is built to be measured."""
    before = os.environ["PATH"]
    os.environ["PATH"] = os.devnull
    try:
        yield
    finally:
        os.environ["PATH"] = before


def judge_command(
    case: Case,
    folder: Path,
    allowed: Sequence[int] = REFUSALS,
    prepare: Callable[[], None] = lambda: None,
) -> Outcome:
    """Whether a command in an empty folder ends as it may: one of the codes, no bug of mcucc.

    Args:
        case: its files are written.
        folder: is emptied first.
        allowed: exit codes.
        prepare: makes what is no file.
    """
    empty(folder)
    write_files(case.files, folder)
    prepare()
    forget_peak()
    try:
        with limited_time(MOST_SECONDS):
            called = call(case.arguments)
    except OverTime:
        return Outcome(f"more than {MOST_SECONDS:g} s", failed=True)
    if peak_bytes() > MOST_BYTES:
        return Outcome("more than 1 GiB", failed=True)
    if called.code == INTERNAL:
        return Outcome(f"exit 70: {_raised(case)}", failed=True, detail=_end(called.stderr))
    said, detail = f"exit {called.code}", _end(called.stderr)
    if called.code and not called.stderr.strip() and called.code != 1:
        return Outcome(f"{said} without a word", failed=True)
    return Outcome(said, failed=called.code not in allowed, detail=detail)


def _raised(case: Case) -> str:
    """Which exception a command ends with, and where in mcucc it comes from."""
    try:
        call(("--debug", *case.arguments))
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is what we are after
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if "/mcucc/" in frame.filename]
        last = ours[-1] if ours else frames[-1]
        return f"{type(error).__name__} in {Path(last.filename).name}:{last.name}"
    return "gone when tried again"


def _end(text: str) -> str:
    return text.strip()[-_DETAIL_CHARACTERS:]


def empty(folder: Path) -> None:
    """Remove all that is in a folder."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
