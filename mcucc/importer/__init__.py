"""From an ONNX file to the int8 graph."""

import re
from pathlib import Path

from mcucc.errors import UsageError
from mcucc.importer.qdq import lower_qdq
from mcucc.importer.reader import OnnxModel, OnnxPort, read_onnx

__all__ = ["OnnxModel", "OnnxPort", "check_name", "identifier", "lower_qdq", "read_onnx"]

# Names that a network cannot have: C's own, headers that `<name>.h` would hide, and the prefixes of
# what every network holds.
_RESERVED = frozenset(
    """auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef
    union unsigned void volatile while main
    assert ctype errno limits math setjmp signal stdarg stdbool stddef stdint stdio stdlib string
    time example_main at spec step""".split()  # noqa: SIM905 -- reads better than a list
)


def identifier(path: Path) -> str:
    """The file's stem as a lower-case C identifier."""
    name = re.sub(r"\W+", "_", path.stem, flags=re.ASCII).strip("_").lower()[:60]
    return name if _is_free(name) else f"net_{name}"


def check_name(name: str) -> str:
    """A name that the user chose, if it can prefix C symbols.

    Raises:
        UsageError: it is no lower-case C identifier, or it is taken.
    """
    if not _is_free(name):
        raise UsageError(
            f"name '{name}': use a lower-case C identifier such as '{identifier(Path(name))}'"
        )
    return name


def _is_free(name: str) -> bool:
    # 64 characters: file names and symbols are longer than the prefix.
    form = re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name) is not None
    return form and name not in _RESERVED and not name.startswith("mcucc_")
