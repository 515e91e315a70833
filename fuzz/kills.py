"""The kind `kill`: compiling is killed, or the system fails it, at each of its file operations."""

import functools
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from errno import ENOSPC
from pathlib import Path
from typing import Any

from fuzz.case import Case, Kind, Outcome, write_files
from fuzz.command import call, empty, no_compilers

TARGET = "out"
_OPERATIONS = 113
"""More than there are; a prime, so that every so many seeds lie all over them."""
_STRIDE = 29
_KILLED = 9
_FAILED = 64
"""What is added to the exit code of a compilation in which an operation failed."""

_EXAMPLES = Path(__file__).parents[1] / "examples" / "digits"
_MODEL = str(_EXAMPLES / "digits_int8.onnx")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGES = (
    *("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"),
    *("os.chmod", "os.utime", "shutil.move", "shutil.rmtree"),
)
"""What Python reports before it is done."""

_PLAN: tuple[tuple[str, str, str], ...] = (
    ("old", "speed", "dies"),
    ("old", "speed", "fails"),
    ("none", "speed", "dies"),
    ("none", "speed", "fails"),
    ("old", "misfit", "dies"),
    ("own", "speed", "dies"),
)
"""What is there before, what is compiled, and what happens at an operation."""

_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "old": ("--objective", "memory", "--selftest", "2", "--name", "digits"),
    "speed": ("--objective", "speed", "--name", "digits"),
    "misfit": ("--sram", "1000", "--name", "digits"),
}
_MISFIT = 4


@dataclass(frozen=True)
class Kills(Kind):
    """A directory is as it was, or as it should become; and the next compilation mends all."""

    name: str = "kill"
    per_round: int = 1
    batch: int = 3

    def draw(self, seed: int) -> Case:
        """A plan and the number of the operation at which it happens."""
        before, wanted, event = _PLAN[seed % len(_PLAN)]
        number = 1 + seed // len(_PLAN) * _STRIDE % _OPERATIONS
        arguments = (before, wanted, event, str(number))
        files = {f"{TARGET}/{n}": c for n, c in _before(before).items()}
        return Case(self.name, seed, arguments, files)

    def judge(self, cases: Sequence[Case], folder: Path) -> list[Outcome]:
        """Old or new, never between."""
        return [_judge(case, folder) for case in cases]

    def smaller(self, case: Case) -> Iterator[Case]:
        """Nothing is smaller."""
        del case
        yield from ()


def _before(name: str) -> Mapping[str, bytes]:
    if name == "none":
        return {}
    own = {"notes.txt": b"my own"} if name == "own" else {}
    return {**_compiled("old"), **own}


@functools.cache
def _compiled(name: str) -> Mapping[str, bytes]:
    """What a compilation leaves in an empty directory."""
    with tempfile.TemporaryDirectory() as folder, no_compilers():
        call(_arguments(name, Path(folder) / TARGET))
        return contents(Path(folder) / TARGET)


def _arguments(name: str, target: Path) -> tuple[str, ...]:
    return ("compile", _MODEL, "--board", "nucleo-f446re", "-o", str(target), *_OPTIONS[name])


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by its relative path."""
    paths = sorted(folder.rglob("*")) if folder.is_dir() else []
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths if p.is_file()}


def _judge(case: Case, folder: Path) -> Outcome:
    before, wanted, event, number = case.arguments
    empty(folder)
    write_files(case.files, folder)
    old = contents(folder / TARGET)
    with no_compilers():
        new = _expected(before, wanted)
        status = _interrupted(wanted, folder, int(number), dies=event == "dies")
        left = contents(folder / TARGET)
        state = "old" if left == old else "new" if left == new else "between"
        mended = call(_arguments(wanted, folder / TARGET))
    happened = status == _KILLED or status >= _FAILED
    said = f"{event}: {state}" if happened else "after the last operation"
    if status not in (0, _MISFIT, _KILLED, _FAILED, _FAILED + 2, _FAILED + _MISFIT):
        return Outcome(f"{event}: exit {status % _FAILED}", failed=True)
    if happened and int(number) == _OPERATIONS:
        return Outcome("more operations than are tried", failed=True)
    if state == "between" or (status == _FAILED and state != "new"):
        return Outcome(said, failed=True, detail=f"{sorted(left)} at operation {number}")
    after = contents(folder / TARGET)
    if mended.code not in (0, _MISFIT) or (wanted != "misfit" and after != new):
        return Outcome(f"{said}, then not mended", failed=True, detail=mended.stderr[-500:])
    rest = [path.name for path in folder.iterdir() if path.name != TARGET]
    if rest:
        return Outcome(f"{said}, leaves {len(rest)} beside", failed=True, detail=str(rest))
    return Outcome(said, failed=False)


@functools.cache
def _expected(before: str, wanted: str) -> Mapping[str, bytes]:
    """What an uninterrupted compilation makes of what was there before."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / TARGET
        write_files(_before(before), target)
        call(_arguments(wanted, target))
        return contents(target)


def _interrupted(wanted: str, folder: Path, number: int, *, dies: bool) -> int:
    """Compile in a child, in which something happens at an operation; its exit code."""
    child = os.fork()
    if child == 0:
        counter = _Counter(folder, number, dies=dies)
        sys.addaudithook(counter.hook)
        code = call(_arguments(wanted, folder / TARGET)).code
        os._exit(code + (_FAILED if counter.left <= 0 else 0))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class _Counter:
    """Counts changes below a folder, as Python reports them before they are done."""

    def __init__(self, folder: Path, number: int, *, dies: bool) -> None:
        self._folder = str(folder.resolve())
        self.left = number
        self._dies = dies

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """What Python calls before it does anything."""
        changes = event in _CHANGES or (event == "open" and _writes(arguments))
        if not changes or not any(self._is_below(a) for a in arguments[:2]):
            return
        self.left -= 1
        if self.left == 0 and self._dies:
            os._exit(_KILLED)
        if self.left == 0:
            raise OSError(ENOSPC, os.strerror(ENOSPC), str(arguments[0]))

    def _is_below(self, path: object) -> bool:
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if not isinstance(path, str | Path):
            return False
        # Names alone are relative to a folder that is open: only removing trees does so here.
        return not Path(path).is_absolute() or str(path).startswith(self._folder)


def _writes(arguments: tuple[Any, ...]) -> bool:
    """Whether an `open` may change a file: (path, mode, flags)."""
    mode, flags = arguments[1], arguments[2]
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & _WRITES)
