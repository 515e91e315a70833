"""Locks on directories and files that end with the process that holds them."""

import errno
import os
import stat
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from mcucc.errors import UsageError

_PATIENCE_S = 60.0
"""How long another mcucc may write; it takes some milliseconds."""

_POLL_S = 0.02


if sys.platform == "win32":

    def _flock(descriptor: int, *, wait: bool) -> None:  # noqa: ARG001 -- there is none
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
else:
    import fcntl

    def _flock(descriptor: int, *, wait: bool) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


@contextmanager
def locked(path: Path) -> Generator[bool]:
    """Hold the lock of a directory; yields whether there is a directory.

    Where the system or the file system has no such locks nothing is held.

    Raises:
        UsageError: another process held it for a minute.
        OSError: the directory cannot be opened.
    """
    descriptor = _locked_descriptor(path)
    try:
        yield descriptor is not None or path.is_dir()
    finally:
        if descriptor is not None:
            os.close(descriptor)


def hold(descriptor: int) -> None:
    """Lock what was just made and opened, for as long as it is open."""
    with suppress(OSError):  # there are no locks: nobody takes it for abandoned either
        _flock(descriptor, wait=True)


def abandoned(path: Path) -> bool:
    """Whether something is surely held by nobody."""
    if sys.platform == "win32":
        return False
    try:
        descriptor = _opened(path)
    except OSError:
        return False
    if descriptor is None:
        return False
    try:
        return _take(descriptor) is True
    finally:
        os.close(descriptor)


def _locked_descriptor(path: Path) -> int | None:
    """An open directory whose lock is held; None if there is none, or if locks are unknown."""
    if sys.platform == "win32":
        return None
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        descriptor = _opened(path)
        if descriptor is None:
            return None
        taken = _take(descriptor)
        if taken is None:
            os.close(descriptor)
            return None
        # Whoever held it may have put another directory in its place.
        if taken and _is_same(descriptor, path):
            return descriptor
        os.close(descriptor)
        if not taken:
            time.sleep(_POLL_S)
    raise UsageError(
        f"{path}: another mcucc has been writing there for {_PATIENCE_S:.0f} s: wait for it, or "
        "give another directory with -o"
    )


def _opened(path: Path) -> int | None:
    """A directory or a plain file, opened; None if there is neither."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode) or stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    return None


def _take(descriptor: int) -> bool | None:
    """Whether the lock was free; None where there are no locks."""
    try:
        _flock(descriptor, wait=False)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False
