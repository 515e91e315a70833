"""Where the data files live: `templates/`, `runtime_c/` and `boards/`; how a plain file is read.

In a checkout they lie at the top level, in an installed wheel under `mcucc/_data`. Only this
module knows the difference.
"""

import os
import stat
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from mcucc.errors import InputFileError

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_data"
_ROOT = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent

TEMPLATES: Path = _ROOT / "templates"
RUNTIME_C: Path = _ROOT / "runtime_c"
BOARDS: Path = _ROOT / "boards"


@cache
def runtime_headers() -> Mapping[str, Path]:
    """The headers of `runtime_c/` by name: one folder a kernel family, flat in the output."""
    return MappingProxyType({path.name: path for path in sorted(RUNTIME_C.glob("*/mcucc_*.h"))})


def runtime_includes() -> tuple[str, ...]:
    """The compiler's `-I` options that find the headers where they lie."""
    return tuple(f"-I{folder}" for folder in sorted({p.parent for p in runtime_headers().values()}))


def read_plain(path: Path, limit: int, missing: str) -> bytes:
    """The content of a file; a pipe or a device, which may have no end, is never waited for.

    Args:
        path: of the file.
        limit: bytes that no file of its kind has.
        missing: what is said of a file that does not exist.

    Raises:
        InputFileError: it is missing, is no file, cannot be read, or is larger.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            _check(path, os.fstat(descriptor), limit)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return file.read(limit)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputFileError(path, missing) from error
    except OSError as error:
        raise InputFileError(path, f"cannot be read: {error.strerror}") from error


def _check(path: Path, status: os.stat_result, limit: int) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise InputFileError(path, "is a directory, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise InputFileError(path, "is a pipe or a device, not a file")
    if status.st_size > limit:
        raise InputFileError(
            path, f"has {status.st_size:,} bytes, and no such file has more than {limit:,}"
        )
