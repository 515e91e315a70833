"""From an ONNX file to the int8 graph."""

import re
from pathlib import Path

from mcucc.errors import UsageError
from mcucc.importer.file.external import model_digest
from mcucc.importer.file.reader import OnnxModel, OnnxPort, read_onnx
from mcucc.importer.float_lower import is_quantized, lower_float
from mcucc.importer.qdq import lower_qdq

__all__ = [
    "OnnxModel",
    "OnnxPort",
    "check_name",
    "identifier",
    "is_quantized",
    "lower_float",
    "lower_qdq",
    "model_digest",
    "read_onnx",
]

# Names that a network cannot have: C's own, headers that `<name>.h` would hide, and the prefixes of
# what every network holds.
_RESERVED = frozenset(
    """auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef
    union unsigned void volatile while main
    assert ctype errno limits math setjmp signal stdarg stdbool stddef stdint stdio stdlib string
    time example_main at spec step mcucc con nul aux prn""".split()  # noqa: SIM905 -- reads better than a list
)
_DEVICE = re.compile(r"(com|lpt)[0-9]")
"""Like con, nul, aux and prn no names of files on Windows."""


def identifier(path: Path) -> str:
    """The file's stem as a lower-case C identifier."""
    name = re.sub(r"[\W_]+", "_", path.stem, flags=re.ASCII).lower()[:60].strip("_")
    return name if _is_identifier(name) and not _is_reserved(name) else f"net_{name}".rstrip("_")


def check_name(name: str) -> str:
    """A name that the user chose, if it can prefix C symbols.

    Raises:
        UsageError: it is no lower-case C identifier, or it is reserved.
    """
    other = identifier(Path(name))
    if not _is_identifier(name):
        raise UsageError(
            f"name '{name}': use a lower-case C identifier such as '{other}', of at most 64 "
            "characters"
        )
    if _is_reserved(name):
        raise UsageError(
            f"name '{name}' is reserved (for C, its headers, the compiler, file systems or mcucc): "
            f"use another, such as '{other}'"
        )
    return name


def _is_identifier(name: str) -> bool:
    # 64 characters: file names and symbols are longer than the prefix.
    return re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name) is not None


def _is_reserved(name: str) -> bool:
    taken = name in _RESERVED or _DEVICE.fullmatch(name) is not None
    # C++ keeps two underscores in a row for itself; symbols are `<name>_...`.
    return taken or name.startswith("mcucc_") or "__" in f"{name}_"
