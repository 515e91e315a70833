"""Writing a single file whole, or not at all."""

import os
import shutil
from pathlib import Path

from mcucc.compiled.output.staging import staging_file, sweep


def write_whole(path: Path, data: bytes) -> None:
    """Write a file at once: whoever looks finds the earlier content or the new one.

    A device or a pipe is written to directly; of a link the target is replaced.

    Raises:
        OSError: it cannot be written; an earlier file is as it was.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        target.write_bytes(data)
        return
    sweep(target.parent)
    with staging_file(target) as (staged, descriptor):
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(data)
        if target.exists():
            shutil.copymode(target, staged)
        staged.replace(target)
