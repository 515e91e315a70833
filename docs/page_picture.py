"""Draws the arena of the digits example as docs/arena.svg: `python docs/page_picture.py`.

It is the drawing of the page that `mcucc report --html` writes, by the same code, at a fixed width.
A test runs it and compares.
"""

from collections.abc import Iterator
from html import escape
from pathlib import Path

from mcucc.api.compile import CompileOptions, compile_model
from mcucc.report import Report
from mcucc.report.html.arena import Arena, Box, draw_arena

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "arena.svg"
MODEL = ROOT / "examples" / "digits" / "digits_int8.onnx"

_WIDTH, _LEFT, _RIGHT, _TOP = 860, 200, 70, 52
_PLOT = _WIDTH - _LEFT - _RIGHT
_COLORS = {
    "hue0": "#9ec5ee", "hue1": "#f4c08a", "hue2": "#a5d8a8", "hue3": "#d5b3e6", "hue4": "#f2a9b1",
    "hue5": "#9fd8d6", "port": "#c9ced6", "state": "#e3cf7a", "scratch": "#b3bac2",
}  # fmt: skip
_INK, _SOFT, _PEAK = "#1b1f24", "#57606a", "#c62828"


def example() -> Report:
    """The report of the example, for the computer: its arena needs no compiler."""
    return compile_model(MODEL, CompileOptions("host", name="digits")).report


def draw(report: Report) -> str:
    """The picture."""
    arena = draw_arena(report)
    height = _TOP + arena.height + 12
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {height}' "
        f"width='{_WIDTH}' height='{height}' role='img' "
        "font-family='Helvetica, Arial, sans-serif' font-size='12'>"
    )
    parts = [
        head,
        "<title>The arena of the digits network: bytes to the right, steps downwards</title>",
        "<rect width='100%' height='100%' fill='white'/>",
        _text(14, 20, f"{report.name}: {report.arena_bytes:,} bytes of arena", size=15),
        *_frame(arena),
        *(part for box in arena.boxes for part in _box(box, arena.row)),
        _outline(_TOP + report.peak.step * arena.row, arena.row),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _frame(arena: Arena) -> Iterator[str]:
    yield _rect(_LEFT, _TOP, _PLOT, arena.height, "#f5f7f9")
    for tick in arena.ticks:
        x = _LEFT + tick.left * _PLOT / 100
        yield _text(x, _TOP - 7, tick.text, fill=_SOFT, anchor=tick.anchor)
    yield _text(_WIDTH - 12, _TOP - 7, "live B", fill=_SOFT, anchor="end")
    for row in arena.rows:
        y, fill = _TOP + row.top + arena.row // 2 + 4, _PEAK if row.at_peak else _INK
        yield _text(14, y, f"{row.index} {row.name}", fill=fill)
        yield _text(_WIDTH - 12, y, f"{row.live:,}", fill=fill, anchor="end")


def _box(box: Box, row: int) -> Iterator[str]:
    x, width = _LEFT + box.left * _PLOT / 100, box.width * _PLOT / 100
    yield _rect(x, _TOP + box.top, width, box.height, _COLORS[box.kind])
    if box.room and int(box.room[1:]) <= _PLOT:
        yield _text(x + 5, _TOP + box.top + row // 2 + 4, box.label)


def _rect(x: float, y: int, width: float, height: int, fill: str) -> str:
    return (
        f"<rect x='{x:.1f}' y='{y}' width='{width:.1f}' height='{height}' fill='{fill}' "
        "stroke='white'/>"
    )


def _outline(y: int, height: int) -> str:
    return (
        f"<rect x='{_LEFT}' y='{y}' width='{_PLOT}' height='{height}' fill='none' "
        f"stroke='{_PEAK}' stroke-width='1.5'/>"
    )


def _text(
    x: float, y: int, text: str, *, fill: str = _INK, anchor: str = "start", size: int = 12
) -> str:
    return (
        f"<text x='{x:.1f}' y='{y}' fill='{fill}' text-anchor='{anchor}' font-size='{size}'>"
        f"{escape(text)}</text>"
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(example()), encoding="utf-8")
