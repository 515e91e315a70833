"""A placement as a timeline in plain ASCII, made to stand in a C comment.

One row per step, the arena from left to right, one letter per buffer:

    step   0         40        80          live
    0 conv aaaaaaaaaaaaaaaaaaaabbbbbbbb     112  <- peak
    1 dw   ccccccc.............bbbbbbbb      60
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from string import ascii_lowercase, ascii_uppercase, digits

from mcucc.errors import InvariantError
from mcucc.memory.bound import least_bytes, peak_step
from mcucc.memory.problem import Placement, Problem

_GLYPHS = ascii_lowercase + ascii_uppercase + digits
_FREE = "."
_SHARED = "="
_MARK = "  <- peak"
_LONGEST_NAME = 24
_TICK_CELLS = 10


def glyphs(problem: Problem) -> Mapping[str, str]:
    """The letter or digit that stands for each buffer, by name; reused after 62 buffers."""
    by_life = sorted(problem.buffers, key=lambda b: (b.start, b.end))
    return {buffer.name: _GLYPHS[i % len(_GLYPHS)] for i, buffer in enumerate(by_life)}


def draw(
    problem: Problem, placement: Placement, step_names: Sequence[str], *, width: int = 96
) -> str:
    """Draws the arena over the steps of the schedule.

    A column stands for a fixed number of bytes and shows the smallest buffer that touches it, or
    `=` if a byte of it belongs to two, one written over the other as that dies.
    The number on the right is the fewest bytes that hold the live buffers of
    the step, padding included, so that of the peak step is the lower bound.

    Args:
        problem: the buffers; no life ends after the last step.
        placement: a valid placement of them.
        step_names: one name per step; what could end a comment or is not ASCII becomes `_`.
        width: the most characters in a line, 60 to 100.

    Returns:
        Lines without trailing spaces or a final newline.

    Raises:
        InvariantError: `width` is out of range or a buffer lives beyond the steps.
    """
    _check(problem, step_names, width)
    labels = _labels(step_names)
    live_digits = max(len(str(placement.lower_bound)), len("live"))
    columns = width - len(labels[0]) - live_digits - len(_MARK) - 3
    unit = _round_unit(-(-placement.height // columns))
    cells = -(-placement.height // unit)
    lines = [f"{labels[0]} {_ruler(cells, unit)}  {'live':>{live_digits}}"]
    peak = peak_step(problem)
    for step, label in enumerate(labels[1:]):
        row = _row(problem, placement, step, cells, unit)
        live = least_bytes(problem.live_at(step), problem.overlaps)
        mark = _MARK if step == peak and live else ""
        lines.append(f"{label} {row}  {live:>{live_digits}}{mark}")
    return "\n".join(lines)


def _check(problem: Problem, step_names: Sequence[str], width: int) -> None:
    if not 60 <= width <= 100:
        raise InvariantError(f"a drawing is 60 to 100 characters wide, not {width}")
    for buffer in problem.buffers:
        if buffer.end > len(step_names):
            raise InvariantError(
                f"buffer '{buffer.name}' lives until step {buffer.end} of {len(step_names)}"
            )


def _labels(step_names: Sequence[str]) -> list[str]:
    """The heading and then number and name of each step, all of one length."""
    number = len(str(max(len(step_names) - 1, 0)))
    names = [_plain(name) for name in step_names]
    labels = ["step", *(f"{i:>{number}} {name}" for i, name in enumerate(names))]
    longest = max(len(label) for label in labels)
    return [f"{label:<{longest}}" for label in labels]


def _plain(name: str) -> str:
    """A name that may stand in a C comment, shortened in the middle."""
    plain = "".join(c if " " <= c <= "~" and c not in "*\\" else "_" for c in name)
    if len(plain) <= _LONGEST_NAME:
        return plain
    half = _LONGEST_NAME // 2 - 1
    return f"{plain[:half]}..{plain[-half:]}"


def _round_unit(least: int) -> int:
    """Bytes per column: two significant digits, rounded up, so that the ruler reads well."""
    step = 10 ** max(len(str(least)) - 2, 0)
    return max(1, -(-least // step) * step)


def _ruler(cells: int, unit: int) -> str:
    """Addresses over every tenth column, as far as they do not touch."""
    ruler = ""
    for cell in range(0, cells, _TICK_CELLS):
        tick = str(cell * unit)
        if (not ruler or len(ruler) < cell) and cell + len(tick) <= cells:
            ruler = f"{ruler:<{cell}}{tick}"
    return f"{ruler:<{cells}}"


def _row(problem: Problem, placement: Placement, step: int, cells: int, unit: int) -> str:
    """The arena in one step; small buffers are painted last, or large ones could hide them."""
    letters = glyphs(problem)
    live = sorted(problem.live_at(step), key=lambda b: -b.size)
    runs = [(placement.offset(b.name), placement.offset(b.name) + b.size) for b in live]
    row = [_FREE] * cells
    for buffer, run in zip(live, runs, strict=True):
        _paint(row, run, unit, letters[buffer.name])
    for (begin, end), (other_begin, other_end) in combinations(runs, 2):
        shared = max(begin, other_begin), min(end, other_end)
        if shared[0] < shared[1]:
            _paint(row, shared, unit, _SHARED)
    return "".join(row)


def _paint(row: list[str], run: tuple[int, int], unit: int, letter: str) -> None:
    first, last = run[0] // unit, -(-run[1] // unit)
    row[first:last] = letter * (last - first)
