"""Two directories change places in one step, where the system can do it.

Python has no name for it: Linux calls it `renameat2` with RENAME_EXCHANGE, macOS `renamex_np` with
RENAME_SWAP. Windows has nothing of the kind.
"""

import ctypes
import errno
import os
import sys
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_RENAME_SWAP = 2


def exchange(one: Path, other: Path) -> None:
    """Let two directories of one file system change places.

    Raises:
        OSError: the system, or the file system, cannot; nothing has changed.
    """
    sys.audit("os.rename", one, other, -1, -1)
    first, second = os.fsencode(one), os.fsencode(other)
    if sys.platform == "linux" and hasattr(libc := _libc(), "renameat2"):
        failed = libc.renameat2(_AT_FDCWD, first, _AT_FDCWD, second, _RENAME_EXCHANGE)
    elif sys.platform == "darwin" and hasattr(libc := _libc(), "renamex_np"):
        failed = libc.renamex_np(first, second, _RENAME_SWAP)
    else:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), os.fspath(one))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
