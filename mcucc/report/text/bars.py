"""RAM and flash as bars with a line per part."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from mcucc.report.model import Report
from mcucc.report.text.figures import format_bytes, percents

_LONGEST_BAR = 60
_ASCII = {"█": "#", "▓": "=", "▒": "-", "░": "."}


@dataclass(frozen=True)
class _Part:
    """A part of a memory: what it is, its bytes, and how it is drawn."""

    label: str
    size: int
    cell: str
    style: str


@dataclass(frozen=True)
class _Bar:
    """The parts as one bar, with a line per part below; drawn in ASCII where nothing else can be.

    Attributes:
        label: name of the memory.
        limit: its bytes.
        parts: what takes them; their sum may exceed the limit.
        cells: length of the bar.
    """

    label: str
    limit: int
    parts: tuple[_Part, ...]
    cells: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yields the bar and its lines."""
        used = sum(part.size for part in self.parts)
        free = _Part("free", max(self.limit - used, 0), "░", "dim")
        parts = (*self.parts, free)
        shares = percents([part.size for part in parts], self.limit)
        yield _drawn(self._bar(parts), ascii_only=options.ascii_only)
        for part, share in zip(parts, shares, strict=True):
            line = f" {part.label:<22} {format_bytes(part.size):>24}  {share:>6}"
            text = Text("  ").append(part.cell, part.style).append(line)
            yield _drawn(text, ascii_only=options.ascii_only)
        if used > self.limit:
            line = f"    {'MISSING':<22} {format_bytes(used - self.limit):>24}"
            yield Text(f"{line}  {percents([used - self.limit], self.limit)[0]:>6}", "bold red")

    def _bar(self, parts: Sequence[_Part]) -> Text:
        used = sum(part.size for part in self.parts)
        drawn = Text()
        for part, cells in zip(parts, _share([p.size for p in parts], self.cells), strict=True):
            drawn.append(part.cell * cells, part.style)
        if used > self.limit:
            end = self.cells * self.limit // used
            drawn = Text("|", "bold red").join((drawn[:end], drawn[end + 1 :]))
        share = percents([used], self.limit)[0]
        figures = Text(f"{share} of {format_bytes(self.limit)}", "bold")
        return Text.assemble(f"{self.label:<5} [", drawn, "] ", figures)


def ram_bar(report: Report, width: int) -> RenderableType:
    """What the arena and the stack take of the SRAM that the budget allows."""
    parts = (_Part("arena", report.arena_bytes, "█", "cyan"), *_stack_parts(report))
    bar = _Bar("RAM", report.sram_bytes, parts, _bar_cells(width))
    return Group(bar, *(Text(line, "dim") for line in (_stack_note(report), _bound_note(report))))


def flash_bar(report: Report, width: int) -> RenderableType:
    """What weights and code take of the flash, as far as it is known."""
    flash = report.flash
    if flash.weights_bytes is None or flash.code_bytes is None:
        weights = sum(layer.weights_bytes for layer in report.layers)
        return Text(
            f"Flash unknown: nothing was built for a core, so nothing could be measured. "
            f"Weights and biases alone are {format_bytes(weights)} "
            f"of {format_bytes(report.flash_limit_bytes)}."
        )
    parts = (
        _Part("weights", flash.weights_bytes, "█", "magenta"),
        _Part("code", flash.code_bytes, "▓", "yellow"),
    )
    return _Bar("Flash", report.flash_limit_bytes, parts, _bar_cells(width))


def _bar_cells(width: int) -> int:
    """Leaves room for the label and the figures at both ends."""
    return max(min(width - 42, _LONGEST_BAR), 8)


def _stack_parts(report: Report) -> tuple[_Part, ...]:
    """The reserve, divided into what `run` was seen to need and the rest."""
    reserve = report.stack_reserve_bytes
    if report.stack_bytes is None:
        return (_Part("stack reserve", reserve, "▒", "green"),)
    measured = min(report.stack_bytes, reserve)
    return (
        _Part("stack of run, at most", measured, "▓", "yellow"),
        _Part("rest of stack reserve", reserve - measured, "▒", "green"),
    )


def _stack_note(report: Report) -> str:
    name = f"{report.name}_{report.run_function}"
    stack, reserve = report.stack_bytes, report.stack_reserve_bytes
    if stack is None:
        need = f"The stack of {name} is unknown, as nothing was built for a core"
        return f"{need}; {format_bytes(reserve)} are set aside for it."
    need = f"{name} needs at most {format_bytes(stack)} of stack"
    if stack > reserve:
        return f"{need}, MORE than the {format_bytes(reserve)} set aside: enlarge the stack."
    return f"{need}; the rest of the {format_bytes(reserve)} set aside is for its caller."


def _bound_note(report: Report) -> str:
    peak, bound = report.peak, report.arena_lower_bound_bytes
    holds = f"Step {peak.step}, '{peak.layer}', holds {format_bytes(peak.live_bytes)} at once"
    gap = report.arena_bytes - bound
    if gap <= 0:
        return f"{holds}: no placement of these steps gives a smaller arena."
    share = percents([gap], bound)[0]
    return (
        f"{holds}: no placement of these steps is below {format_bytes(bound)}. "
        f"The arena is {format_bytes(gap)} ({share}) above that, lost in gaps between buffers."
    )


def _share(sizes: Sequence[int], cells: int) -> list[int]:
    """Divides cells in proportion to sizes; what is not 0 gets one cell at least."""
    total = sum(sizes)
    counts = [max(cells * size // total, 1) if size else 0 for size in sizes] if total else []
    if not counts:
        return [0] * len(sizes)
    largest = max(range(len(counts)), key=lambda i: sizes[i])
    counts[largest] += cells - sum(counts)
    return counts


def _drawn(text: Text, *, ascii_only: bool) -> Text:
    if ascii_only:
        text.plain = "".join(_ASCII.get(char, char) for char in text.plain)
    return text
