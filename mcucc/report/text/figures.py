"""How figures and names are written in reports."""

import itertools
from collections.abc import Sequence

_KIB = 1024
_MIB = 1024 * 1024


def format_bytes(count: int) -> str:
    """Bytes in full, and from a KiB on also in the larger unit: `96,000 B (93.8 KiB)`."""
    if count >= _MIB:
        return f"{count:,} B ({count / _MIB:.1f} MiB)"
    if count >= _KIB:
        return f"{count:,} B ({count / _KIB:.1f} KiB)"
    return f"{count:,} B"


def format_shape(shape: Sequence[int]) -> str:
    """Extents joined by `x`; `scalar` without any."""
    return "x".join(str(extent) for extent in shape) or "scalar"


def percents(parts: Sequence[int], whole: int) -> tuple[str, ...]:
    """Each part in percent of the whole with one decimal, so that the rounded figures add up.

    They are rounded by largest remainders: the sum of what is returned is the sum of the parts,
    rounded once.

    Args:
        parts: not negative; their sum may exceed the whole.
        whole: may be 0, then every part is `0.0%`.
    """
    if whole == 0:
        return ("0.0%",) * len(parts)
    tenths = [1000 * part // whole for part in parts]
    missing = (1000 * sum(parts) + whole // 2) // whole - sum(tenths)
    by_remainder = sorted(range(len(parts)), key=lambda i: (-(1000 * parts[i] % whole), i))
    for i in by_remainder[: max(missing, 0)]:
        tenths[i] += 1
    return tuple(f"{value // 10}.{value % 10}%" for value in tenths)


def shorten(text: str, width: int) -> str:
    """The text, or its beginning and end with `..` between, in at most `width` >= 4 characters."""
    if len(text) <= width:
        return text
    tail = (width - 2) // 2
    return f"{text[: width - 2 - tail]}..{text[-tail:]}"


def short_name(name: str, width: int) -> str:
    """An ONNX name in at most `width` >= 4 characters.

    Exporters repeat folders, as in `/features/features.1/conv/conv.0/Conv`. A folder with which
    the next one begins says nothing and is left out: `/features.1/conv.0/Conv`. What tells paths
    apart is mostly at their end, so that is what is kept of them.
    """
    if len(name) <= width:
        return name
    parts = name.split("/")
    kept = [a for a, b in itertools.pairwise(parts) if not a or not b.startswith(a)]
    short = "/".join([*kept, parts[-1]])
    if kept and len(short) > width:
        return f"..{short[len(short) - width + 2 :]}"
    return shorten(short, width)


def join_origin(names: Sequence[str]) -> str:
    """ONNX node names in one line; what a name shares with the one before is left out.

    `conv_1` and `conv_1/Clip` become `conv_1 +Clip`; `/block/conv` and `/block/relu` become
    `/block/conv +relu`.
    """
    words: list[str] = []
    before = ""
    for name in names:
        words.append(f"+{_new_part(name, before)}" if words else name)
        before = name
    return " ".join(words)


def _new_part(name: str, before: str) -> str:
    if name.startswith(f"{before}/"):
        return name[len(before) + 1 :]
    folder, slash, last = name.rpartition("/")
    return last if slash and before.startswith(f"{folder}/") else name
