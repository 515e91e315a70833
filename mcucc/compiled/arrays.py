"""Arrays by name: given as such, or read from .npy and .npz files.

What a file says of itself is checked before it is unpacked.
"""

import ast
import lzma
import math
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from mcucc.compiled.array_hints import not_arrays
from mcucc.errors import InputFileError
from mcucc.ir import Shape
from mcucc.ir.limits import DEFAULT_LIMIT, Limit, real_bytes

_UNREADABLE = (
    EOFError,
    MemoryError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    lzma.LZMAError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy and zipfile raise on damaged files."""

_MAGIC = b"\x93NUMPY"
_SHORT_HEADER = 128
_REALS_PER_BYTE = 8
"""Bytes as float32 for each byte of a file: uint8 samples, packed to half of their size."""
_LONGEST_HEADER = 10_000
"""Bytes; numpy does not read longer ones."""


@dataclass(frozen=True, eq=False)
class GivenArrays:
    """Arrays that lie in memory, in place of a file.

    Attributes:
        what: they are for, such as "calibration", as errors name them.
        arrays: by name; an array alone stands for a name that is alone.
    """

    what: str
    arrays: Mapping[str, NDArray[np.generic]]


ArraySource = Path | GivenArrays
"""Where arrays come from."""


def label(source: ArraySource) -> Path:
    """What errors name: the path of a file, or what the arrays are for."""
    return Path(source.what) if isinstance(source, GivenArrays) else source


def read_arrays(
    source: ArraySource,
    names: Sequence[str],
    *,
    kind: str = "input",
    shapes: Mapping[str, Shape] | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Mapping[str, NDArray[np.generic]]:
    """The arrays of these names; an array that is alone may stand for a name that is alone.

    Args:
        source: arrays, or the path of an .npy or .npz file.
        names: of the arrays.
        kind: what the names are, for the error.
        shapes: of a sample of each input, by name, for the error.
        limit: what they may take together.

    Raises:
        InputFileError: the file cannot be read, holds no such arrays, or larger ones than the
            limit allows.
    """
    if isinstance(source, GivenArrays):
        return _given(source, names, kind)
    path = source
    try:
        with path.open("rb") as file:
            if zipfile.is_zipfile(file):
                return _members(path, file, names, kind, limit)
            _pick(path, names, ["one array without a name"], kind)
            file.seek(0)
            _demand_room(path, limit, _declared_bytes(file))
            file.seek(0)
            return {names[0]: cast("NDArray[np.generic]", np.load(file, allow_pickle=False))}
    except OSError as error:
        raise InputFileError(path, f"cannot be read: {error.strerror or error}") from error
    except _UNREADABLE as error:
        raise InputFileError(path, not_arrays(path, shapes or {}, str(error))) from error


def _given(
    source: GivenArrays, names: Sequence[str], kind: str
) -> Mapping[str, NDArray[np.generic]]:
    alone = len(names) == 1 and len(source.arrays) == 1
    if alone:
        return dict(zip(names, source.arrays.values(), strict=True))
    for name in names:
        if name not in source.arrays:
            held = ", ".join(sorted(filter(None, source.arrays))) or "no array with a name"
            raise InputFileError(
                label(source),
                f"holds no array named as {kind} '{name}' (it holds {held}): give a dictionary "
                f"with it, {{'{name}': data}}",
            )
    return {name: source.arrays[name] for name in names}


def _members(
    path: Path, file: IO[bytes], names: Sequence[str], kind: str, limit: Limit
) -> Mapping[str, NDArray[np.generic]]:
    with zipfile.ZipFile(file) as archive:
        if archive.namelist() and not any(n.endswith(".npy") for n in archive.namelist()):
            raise ValueError("an archive of something else")
        members = {name.removesuffix(".npy"): name for name in archive.namelist()}
        keys = _pick(path, names, list(members), kind)
        wanted = 0
        for key in keys:
            with archive.open(members[key]) as member:
                unpacked = archive.getinfo(members[key]).file_size
                wanted += max((unpacked - _SHORT_HEADER) // 2, _declared_bytes(member))
        _demand_room(path, limit, wanted)
        found: dict[str, NDArray[np.generic]] = {}
        for name, key in zip(names, keys, strict=True):
            with archive.open(members[key]) as member:
                found[name] = np.lib.format.read_array(member, allow_pickle=False)
        return found


def _declared_bytes(file: IO[bytes]) -> int:
    """Bytes of an array as float32, as its header says.

    Raises:
        ValueError: there is no header that numpy reads.
    """
    start = file.read(len(_MAGIC) + 2)
    if start[: len(_MAGIC)] != _MAGIC:
        raise ValueError("no .npy")
    major = start[len(_MAGIC)]
    length = int.from_bytes(file.read(2 if major == 1 else 4), "little")
    if length > _LONGEST_HEADER:
        raise ValueError("a header that is too long")
    text = file.read(length).decode("latin-1" if major < 3 else "utf-8")
    found = cast("object", ast.literal_eval(text.strip()))
    if not isinstance(found, dict):
        raise TypeError("a header that is no dictionary")
    shape = cast("Mapping[str, object]", found).get("shape")
    if not isinstance(shape, tuple):
        raise TypeError("a header without a shape")
    sizes = cast("tuple[object, ...]", shape)
    if not all(isinstance(size, int) and size >= 0 for size in sizes):
        raise ValueError("a shape that is none")
    return real_bytes(math.prod(cast("tuple[int, ...]", sizes)))


def room_bytes(limit: Limit, paths: Sequence[Path]) -> int:
    """Bytes as float32 that may be read from files: a large file may hold much, a small one not."""
    held = sum(path.stat().st_size for path in paths if path.exists())  # reading says what lacks
    return max(limit.together_bytes, _REALS_PER_BYTE * held)


def _demand_room(path: Path, limit: Limit, wanted: int) -> None:
    most = room_bytes(limit, [path])
    if wanted > most:
        raise InputFileError(
            path,
            f"unpacks to {wanted:,} bytes as float32; at most {most:,} are read from it (four "
            f"times --max-tensor-bytes, or {_REALS_PER_BYTE} times its own size): give fewer "
            "samples, or raise --max-tensor-bytes",
        )


def _pick(path: Path, names: Sequence[str], found: Sequence[str], kind: str) -> Sequence[str]:
    """Which of the arrays that were found to take for each name."""
    if len(names) == len(found) == 1:
        return found
    for name in names:
        if name not in found:
            held = ", ".join(sorted(found)) or "nothing"
            named = f"'{name}'" if kind == name else f"as {kind} '{name}'"
            raise InputFileError(
                path,
                f"holds no array named {named} (it holds {held}): save it under that name, "
                f"np.savez('{path.name}', **{{'{name}': data}})",
            )
    return names
