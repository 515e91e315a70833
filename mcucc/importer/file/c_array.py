"""`.tflite` models that lie in a C source as arrays of bytes, as firmware holds them."""

import re
from collections.abc import Mapping
from pathlib import Path

from mcucc.errors import InputFileError, UsageError

_SIGNATURE = re.compile(
    rb"0x54\W+0x46\W+0x4c\W+0x33\b|\b84\s*,\s*70\s*,\s*76\s*,\s*51\b", re.IGNORECASE
)
"""The bytes TFL3 as numbers of C."""

_COMMENT = re.compile(rb"//[^\n]*|/\*.*?\*/", re.DOTALL)
_ARRAY = re.compile(rb"(\w+)\s*\[[^\]{};]{0,200}\][^=;{}]{0,200}=\s*\{([^{}]*)\}")
_NUMBER = re.compile(rb"0[xX][0-9a-fA-F]+|\d+")
_HEAD = 1 << 16
_ZERO_BYTES = b"\0"


def has_c_arrays(raw: bytes) -> bool:
    """Whether a file is a text that holds the bytes of a `.tflite` model as numbers."""
    return _ZERO_BYTES not in raw[:_HEAD] and _SIGNATURE.search(raw) is not None


def model_in_source(path: Path, raw: bytes, name: str | None) -> bytes:
    """The bytes of the model in a C source.

    Args:
        path: of the source, for messages.
        raw: its text.
        name: of the array; None if there is one model.

    Raises:
        InputFileError: it holds several models, or none that is whole.
        UsageError: no array of that name holds a model.
    """
    found = _models(raw)
    if not found:
        raise InputFileError(
            path,
            "looks like a C source that holds a .tflite model, and no array of bytes in it is one: "
            "give the file that defines the array",
        )
    names = ", ".join(found)
    if name is None and len(found) > 1:
        raise InputFileError(path, f"holds {len(found)} models: name one of them, --array {names}")
    if name is not None and name not in found:
        raise UsageError(f"--array {name}: {path} holds no model in such an array; it has {names}")
    return next(iter(found.values())) if name is None else found[name]


def _models(raw: bytes) -> Mapping[str, bytes]:
    """The arrays that begin as a `.tflite` file does, by name."""
    found: dict[str, bytes] = {}
    for name, body in _ARRAY.findall(_COMMENT.sub(b" ", raw)):
        if _SIGNATURE.search(body) is None:
            continue
        numbers = [int(number, 0) for number in map(_plain, _NUMBER.findall(body))]
        if max(numbers) <= 255 and bytes(numbers[4:8]) == b"TFL3":
            found[name.decode()] = bytes(numbers)
    return found


def _plain(number: bytes) -> bytes:
    """A number as Python reads it: C's leading zeros would be octal there, and hardly occur."""
    return number if number[:2] in (b"0x", b"0X") else number.lstrip(b"0") or b"0"
