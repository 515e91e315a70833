"""Bytes of arena that the network needs, side by side, with the command that makes each plan."""

from collections.abc import Iterator
from dataclasses import dataclass

from mcucc.report.html.beside import Beside
from mcucc.report.model import Report


@dataclass(frozen=True)
class Bar:
    """A plan: its bytes, and how long its bar is in percent of the longest.

    `kind` is the class of its style: `mine` for what was compiled, `plan`, `other`, `limit`.
    """

    name: str
    kind: str
    bytes: int
    width: float
    command: str
    note: str


def plan_bars(report: Report, beside: Beside) -> tuple[Bar, ...]:
    """The plans by falling size, this one among them, and what the board has."""
    found = sorted(_bars(report, beside), key=lambda bar: -bar.bytes)
    limit = max(report.sram_bytes - report.stack_reserve_bytes, 0)
    longest = max((bar.bytes for bar in found), default=1)
    # Where the board has far more than any plan needs, its bar would leave nothing of theirs.
    whole = min(max(longest, limit), 2 * longest) or 1
    far = f"; the bar is cut at {whole:,}" if limit > whole else ""
    room = Bar("room on the board", "limit", limit, 0, "", f"what the arena may take{far}")
    return tuple(
        Bar(x.name, x.kind, x.bytes, min(100.0, 100 * x.bytes / whole), x.command, x.note)
        for x in (room, *found)
    )


def _bars(report: Report, beside: Beside) -> Iterator[Bar]:
    options = report.options or "no options"
    yield Bar("this compilation", "mine", report.arena_bytes, 0, "", options)
    for point in beside.points:
        kind = "plan" if point.command else "other"
        yield Bar(point.name, kind, point.arena_bytes, 0, point.command, point.note)
    streamed = report.arena_bytes_streamed_input
    known = any("streamed" in point.name for point in beside.points)
    if streamed is not None and not report.stream_input and not known:
        command = f"mcucc compile MODEL --board {report.board} --stream-input"
        yield Bar("streamed input", "plan", streamed, 0, command, "rows of the input handed over")
