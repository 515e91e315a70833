"""A placement as a timeline in plain ASCII, made to stand in a C comment.

One row per step, the arena from left to right, one letter per buffer, or two where one does not do:

    step   0         40        80          live
    0 conv aaaaaaaaaaaaaaaaaaaabbbbbbbb     112  <- peak
    1 dw   ccccccc.............bbbbbbbb      60
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product
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
    """What stands for each buffer, by name: a letter or digit, beyond 62 buffers two or more.

    No two buffers have the same, and all are of one length.
    """
    by_life = sorted(problem.buffers, key=lambda b: (b.start, b.end))
    length = _length(len(by_life))
    texts = map("".join, product(_GLYPHS, repeat=length))
    return {buffer.name: text for buffer, text in zip(by_life, texts, strict=False)}


def _length(count: int) -> int:
    """How many letters tell so many buffers apart."""
    length = 1
    while len(_GLYPHS) ** length < count:
        length += 1
    return length


def draw(
    problem: Problem, placement: Placement, step_names: Sequence[str], *, width: int = 96
) -> str:
    """Draws the arena over the steps of the schedule.

    A column, as wide as the letters of a buffer, stands for a fixed number of bytes and shows the
    smallest buffer that touches it, or `=` if a byte of it belongs to two, one written over the
    other as that dies.
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
    letters = glyphs(problem)
    size = _length(len(problem.buffers))
    columns = (width - len(labels[0]) - live_digits - len(_MARK) - 3) // size
    unit = _round_unit(-(-placement.height // columns))
    cells = -(-placement.height // unit)
    ruler = _ruler(cells, unit, size)
    lines = [f"{labels[0]} {ruler}  {'live':>{live_digits}}"]
    peak = peak_step(problem)
    for step, label in enumerate(labels[1:]):
        runs = _runs(problem, placement, step, letters, _SHARED * size)
        row = _row(runs, [_FREE * size] * cells, unit)
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


def _ruler(cells: int, unit: int, size: int) -> str:
    """Addresses over every tenth column, as far as they do not touch."""
    ruler = ""
    for cell in range(0, cells, _TICK_CELLS):
        tick, at = str(cell * unit), cell * size
        if (not ruler or len(ruler) < at) and at + len(tick) <= cells * size:
            ruler = f"{ruler:<{at}}{tick}"
    return f"{ruler:<{cells * size}}"


def _runs(
    problem: Problem, placement: Placement, step: int, letters: Mapping[str, str], shared: str
) -> Iterator[tuple[int, int, str]]:
    """Begin, end and letters of what is live in one step, and of what two share.

    Small buffers are painted last, or large ones could hide them.
    """
    live = sorted(problem.live_at(step), key=lambda b: -b.size)
    runs = [(placement.offset(b.name), placement.offset(b.name) + b.size) for b in live]
    for buffer, (begin, end) in zip(live, runs, strict=True):
        yield begin, end, letters[buffer.name]
    for (begin, end), (other_begin, other_end) in combinations(runs, 2):
        first, last = max(begin, other_begin), min(end, other_end)
        if first < last:
            yield first, last, shared


def _row(runs: Iterable[tuple[int, int, str]], cells: list[str], unit: int) -> str:
    """The arena in one step, painted over cells of free bytes."""
    for begin, end, letters in runs:
        first, last = begin // unit, -(-end // unit)
        cells[first:last] = [letters] * (last - first)
    return "".join(cells)
