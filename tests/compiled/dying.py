"""Lets a function die, as by kill -9, before its k-th file operation."""

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_EVENTS = re.compile(
    r"os\.(rename|remove|rmdir|mkdir|link|symlink|chmod|chown|truncate|utime|setxattr)"
    r"|shutil\.(rmtree|move|copyfile|copystat)"
)
"""Audit events that come before a file operation; `open` is told by its flags."""

DIED = 9


@dataclass
class _Clock:
    """Counts operations, and stops the process at one of them."""

    fatal: int
    count: int = 0

    def tick(self) -> None:
        self.count += 1
        if self.count == self.fatal:
            os._exit(DIED)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING
        if writes or _EVENTS.fullmatch(event):
            self.tick()

    def write_bytes(self, path: Path, data: bytes) -> int:
        """As `Path.write_bytes`, which tells nobody when half of the bytes are written."""
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
            file.flush()
            self.tick()
            file.write(data[len(data) // 2 :])
        return len(data)


def dies_at(fatal: int, act: Callable[[], object]) -> bool:
    """Run a function in a child that dies before its `fatal`-th file operation, from 1.

    Returns:
        Whether it died; False if it ended before. What it raises fails the test.
    """
    child = os.fork()
    if child == 0:
        _run(_Clock(fatal), act)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, DIED), status
    return status == DIED


def _run(clock: _Clock, act: Callable[[], object]) -> NoReturn:
    status = 1
    try:
        sys.addaudithook(clock.hook)
        Path.write_bytes = lambda self, data: clock.write_bytes(self, bytes(data))
        act()
        status = 0
    finally:
        os._exit(status)
