"""How figures and names are written in reports."""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from rich.cells import cell_len

_KIB = 1024
_MIB = 1024 * _KIB
_GIB = 1024 * _MIB
_NAMED, _NAMED_CELLS = 4, 40
"""Names in a sentence, and how long each may be."""


def format_bytes(count: int) -> str:
    """Bytes in full, and from a KiB on also in the larger unit: `96,000 B (93.8 KiB)`."""
    if count >= _GIB:
        return f"{count:,} B ({count / _GIB:.1f} GiB)"
    if count >= _MIB:
        return f"{count:,} B ({count / _MIB:.1f} MiB)"
    if count >= _KIB:
        return f"{count:,} B ({count / _KIB:.1f} KiB)"
    return f"{count:,} B"


def plural(count: int, noun: str) -> str:
    """How many of what: `1 step`, `2 steps`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def judged_by_tflm(judged: int, tensors: int, unjudged: Sequence[str]) -> str:
    """How much of a network TensorFlow Lite Micro judges: `7 of 8 tensors judged by TFLM; ...`.

    Args:
        judged: how many tensors.
        tensors: of so many.
        unjudged: names of the others; the first few are said.
    """
    named = [printable(short_name(name, _NAMED_CELLS)) for name in unjudged[:_NAMED]]
    names = ", ".join([*named, *(["..."] if len(unjudged) > _NAMED else [])])
    return f"{judged:,} of {tensors:,} tensors judged by TFLM; unjudged: {names}"


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


def printable(text: str) -> str:
    """The text with `?` for what would break a line or move the cursor: names may hold anything."""
    return "".join(c if c.isprintable() else "?" for c in text)


def short_name(name: str, width: int) -> str:
    """An ONNX name in at most `width` >= 4 cells of the terminal, cut in the middle.

    Exporters repeat folders, as in `/features/features.1/conv/conv.0/Conv`. A folder with which
    the next one begins says nothing and is left out: `/features.1/conv.0/Conv`. What tells paths
    apart is mostly at their end, so more is kept of that.
    """
    if cell_len(name) <= width:
        return name
    parts = name.split("/")
    kept = [a for a, b in itertools.pairwise(parts) if not a or not b.startswith(a)]
    short = "/".join([*kept, parts[-1]])
    return _cut(short, width, (width - 2) * 2 // 3 if kept else (width - 2) // 2)


def distinct_names(names: Sequence[str], width: int) -> tuple[str, ...]:
    """Names as `short_name` gives them, and different ones for different names.

    Where their ends alone do not tell names apart, the place of the cut is moved; where no cut
    does, what they have in common is left out at the beginning too, or the end gives way to the
    number of the name.

    Args:
        names: may repeat.
        width: cells of the terminal, 8 at least.
    """
    found: dict[str, str] = {name: short_name(name, width) for name in names}
    for tail in range((width - 2) // 2, width - 2):
        clashing = _clashing(found)
        if not clashing:
            break
        taken = {short for name, short in found.items() if name not in clashing}
        moved = {name: _cut(name, width, tail) for name in clashing}
        if len(set(moved.values()) - taken) == len(clashing):
            found |= moved
    found |= _cores(_clashing(found), width)
    clashing = _clashing(found)
    taken = {short for name, short in found.items() if name not in clashing}
    for number, name in enumerate(found):
        if name in clashing and cell_len(name) > width:
            found[name] = _marked(name, width, number, taken)
            taken.add(found[name])
    return tuple(found[name] for name in names)


def _cores(names: AbstractSet[str], width: int) -> Mapping[str, str]:
    """Names by that in which they differ: `..blocks.7..Conv`; none where that is too long."""
    if not names:
        return {}
    prefix, suffix = _shared(names), _shared([name[::-1] for name in names])
    suffix = min(suffix, *(len(name) - prefix for name in names))
    short: dict[str, str] = {}
    for name in names:
        core, end = name[prefix : len(name) - suffix], name[len(name) - suffix :]
        room = width - 4 - cell_len(core)
        before = _tail(name[:prefix], room * 2 // 3)
        short[name] = f"..{before}{core}..{_tail(end, room - cell_len(before))}"
        if room < 0 or cell_len(short[name]) > width:
            return {}
    return short


def _shared(texts: Iterable[str]) -> int:
    """How many characters texts begin with in common."""
    places = zip(*texts, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda found: len(set(found)) == 1, places))


def _marked(name: str, width: int, number: int, taken: set[str]) -> str:
    """The beginning of a name and a number, this one or the next that is not taken."""
    for each in itertools.count(number):
        mark = f"..{each}"
        text = _head(name, width - len(mark)) + mark
        if text not in taken:
            return text
    raise AssertionError


def _clashing(short: Mapping[str, str]) -> set[str]:
    """The names whose short forms are those of others too."""
    count = Counter(short.values())
    return {name for name, text in short.items() if count[text] > 1}


def _cut(text: str, width: int, tail: int) -> str:
    """The text, or its beginning and at most `tail` cells of its end with `..` between."""
    if cell_len(text) <= width:
        return text
    end = _tail(text, tail)
    return f"{_head(text, width - 2 - cell_len(end))}..{end}"


def _head(text: str, width: int) -> str:
    """As much of the beginning as fits some cells; a character may take none, one or two."""
    end = 0
    while end < len(text) and cell_len(text[: end + 1]) <= width:
        end += 1
    return text[:end]


def _tail(text: str, width: int) -> str:
    """Likewise of the end."""
    begin = len(text)
    while begin and cell_len(text[begin - 1 :]) <= width:
        begin -= 1
    return text[begin:]


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
