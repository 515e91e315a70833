"""Brings lines of generated C to at most 100 characters; a model's names have any length."""

import re
import textwrap

WIDTH = 100
"""The most characters in a line of generated C."""

_INDENT = "    "
_OPENING, _CLOSING = "([{", ")]}"
_BLOCK_END = " */"
_CUT = f"..{_BLOCK_END}"


def fit_lines(text: str) -> str:
    """The same C with long lines broken: comments between words, code after commas.

    A comment behind code is cut off. What offers no place to break stays as it is:
    preprocessor lines, and code in which a single word is that long.
    """
    return "".join(f"{line}\n" for long in text.splitlines() for line in _fit(long))


def _fit(line: str) -> list[str]:
    code = line.lstrip()
    if len(line) <= WIDTH or code.startswith("#"):
        return [line]
    if code.startswith(("/*", "* ")):
        return _broken_comment(line)
    if code.endswith(_BLOCK_END):
        return [_cut_comment(line)]
    return _broken_code(line)


def _broken_comment(line: str) -> list[str]:
    """One line of a comment as several; those after the first stand four characters further in."""
    ends = line.endswith(_BLOCK_END)
    body = line.removesuffix(_BLOCK_END)
    margin = " " * (len(line) - len(line.lstrip()))
    margin += " " if line.lstrip().startswith("/*") else ""
    lines = textwrap.wrap(
        body,
        WIDTH - len(_BLOCK_END),
        subsequent_indent=f"{margin}*{_INDENT}",
        break_on_hyphens=False,
    )
    return [*lines[:-1], lines[-1] + _BLOCK_END] if ends else lines


def _cut_comment(line: str) -> str:
    """Code that is followed by a comment, whose end makes way; as it is if that is not enough."""
    if line.rindex("/* ") + len("/* ") + len(_CUT) > WIDTH:
        return line
    return f"{line[: WIDTH - len(_CUT)]}{_CUT}"


def _broken_code(line: str) -> list[str]:
    """Arguments below the first one; if one is too long for that, below the line's beginning."""
    start = _list_start(line)
    if start == len(line):
        return [line]
    pieces = _pieces(line[start:])
    margin = line[: len(line) - len(line.lstrip())] + _INDENT
    aligned = _filled(line[:start], pieces, " " * start)
    if all(len(each) <= WIDTH for each in aligned):
        return aligned
    return [line[:start].rstrip(), *_filled(margin, pieces, margin)]


def _list_start(line: str) -> int:
    """Where the first list of several elements begins, else that of a call with one argument."""
    starts = [i + 1 for i, character in enumerate(line) if character in "({"]
    several = [start for start in starts if len(_pieces(line[start:])) > 1]
    calls = [start for start in starts if re.match(r"\w[({]", line[start - 2 : start])]
    return next(iter([*several, *calls]), len(line))


def _pieces(text: str) -> list[str]:
    """The elements of a list, each with its comma; the last one with all that follows."""
    depth, begin, pieces = 0, 0, list[str]()
    for i, character in enumerate(text):
        depth += (character in _OPENING) - (character in _CLOSING)
        if depth < 0:
            break
        if depth == 0 and text[i : i + 2] == ", ":
            pieces.append(text[begin : i + 1])
            begin = i + 2
    return [*pieces, text[begin:]]


def _filled(first: str, pieces: list[str], margin: str) -> list[str]:
    """As many pieces on each line as it holds."""
    lines = [first + pieces[0]]
    for piece in pieces[1:]:
        if len(lines[-1]) + 1 + len(piece) <= WIDTH:
            lines[-1] += f" {piece}"
        else:
            lines.append(margin + piece)
    return lines
