"""The arena over the steps, a row per step."""

from collections.abc import Mapping
from string import ascii_lowercase, ascii_uppercase, digits

from rich.cells import cell_len
from rich.text import Text

from mcucc.report.model import Report
from mcucc.report.occupancy import Span, live_bytes, live_spans
from mcucc.report.text.figures import distinct_names, printable

_LETTERS = ascii_lowercase + ascii_uppercase + digits
_STYLES = ("cyan", "magenta", "green", "yellow", "blue", "red")
_FREE = "."
_SCRATCH = "#"
_MARK = " <- peak"
_MOST_CELLS = 96
_TICK_CELLS = 10


def timeline(report: Report, width: int) -> Text:
    """A drawing: steps downwards, the arena from left to right, a letter per buffer.

    A column shows the smallest of the buffers that touch it. Tensors that share their bytes
    share a letter.

    Args:
        report: of the compilation.
        width: characters that a line may have, 40 at least.
    """
    labels = _labels(report, 24 if width >= 100 else 14)
    live = [f"{live_bytes(report, i):,}" for i in range(len(report.steps))]
    digits_wide = max(len("live B"), *(len(text) for text in live))
    wide = cell_len(labels[0])
    cells = min(width - wide - digits_wide - len(_MARK) - 2, _MOST_CELLS)
    cells = max(min(cells, report.arena_bytes), 1)
    letters = _letters(report)
    ruler = _ruler(cells, report.arena_bytes)
    head = f"{'step':<{wide}} {ruler} {'live B':>{digits_wide}}"
    drawing = Text(head, no_wrap=True, overflow="crop")
    for step, label in enumerate(labels):
        at_peak = step == report.peak.step
        drawing.append(f"\n{label} ", "bold red" if at_peak else "")
        drawing.append_text(_row(report, step, cells, letters))
        drawing.append(f" {live[step]:>{digits_wide}}", "bold red" if at_peak else "")
        drawing.append(_MARK if at_peak else "", "bold red")
    return drawing


def legend(report: Report) -> str:
    """What the drawing shows, in words."""
    spans = [span for i in range(len(report.steps)) for span in live_spans(report, i)]
    scratch = f"; {_SCRATCH} is scratch memory" if any(not s.tensors for s in spans) else ""
    return (
        f"From left to right the {report.arena_bytes:,} bytes of the arena. A letter is a buffer, "
        f"first seen in the row of the step that writes it{scratch}; a dot is free memory."
    )


def _labels(report: Report, longest: int) -> list[str]:
    number = len(str(max(len(report.steps) - 1, 0)))
    names = distinct_names([printable(step.name) for step in report.steps], longest)
    texts = [f"{i:>{number}} {name}" for i, name in enumerate(names)]
    width = max(len("step"), *(cell_len(text) for text in texts))
    return [text + " " * (width - cell_len(text)) for text in texts]


def _letters(report: Report) -> Mapping[int, int]:
    """The number of the letter of each tensor, by its id."""
    found: dict[int, int] = {}
    count = 0
    for step in range(len(report.steps)):
        for span in sorted(live_spans(report, step), key=_first_step):
            known = [found[t.id] for t in span.tensors if t.id in found]
            letter = known[0] if known else count
            count += 0 if known or not span.tensors else 1
            found |= {t.id: letter for t in span.tensors if t.id not in found}
    return found


def _first_step(span: Span) -> int:
    """The step in which the first tensor of a span begins to live; -1 for scratch."""
    return min((t.first for t in span.tensors), default=-1)


def _row(report: Report, step: int, cells: int, letters: Mapping[int, int]) -> Text:
    """Small buffers are painted last, or large ones could hide them."""
    row = [(_FREE, "dim")] * cells
    for span in sorted(live_spans(report, step), key=lambda s: s.begin - s.end):
        first = span.begin * cells // report.arena_bytes
        last = -(-span.end * cells // report.arena_bytes)
        row[first:last] = [_glyph(span, letters)] * (last - first)
    return Text.assemble(*row)


def _glyph(span: Span, letters: Mapping[int, int]) -> tuple[str, str]:
    if not span.tensors:
        return (_SCRATCH, "white")
    letter = letters[span.tensors[0].id]
    return (_LETTERS[letter % len(_LETTERS)], _STYLES[letter % len(_STYLES)])


def _ruler(cells: int, arena_bytes: int) -> str:
    """Addresses over every tenth column, as far as they do not touch."""
    ruler = ""
    for cell in range(0, cells, _TICK_CELLS):
        tick = f"{-(-cell * arena_bytes // cells):,}"
        if (not ruler or len(ruler) < cell) and cell + len(tick) <= cells:
            ruler = f"{ruler:<{cell}}{tick}"
    return f"{ruler:<{cells}}"
