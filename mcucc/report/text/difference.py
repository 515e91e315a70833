"""What changed from one compilation to another, for a terminal and for a pull request."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from mcucc.report.difference import Difference, FigureChange, LayerChange
from mcucc.report.text.figures import plural, printable
from mcucc.report.text.grid import Column, Grid

_MOST_WHY = 3
"""Sentences about a layer that are shown."""


def render_difference(found: Difference) -> RenderableType:
    """Facts, figures, the peak, layers, and the verdict."""
    rows = found.figures
    table = Grid(
        (
            Column("", tuple(each.name for each in rows)),
            Column("old", tuple(_value(each.old, each) for each in rows), right=True),
            Column("new", tuple(_value(each.new, each) for each in rows), right=True),
            Column("change", tuple(map(_change, rows)), right=True),
        )
    )
    lines = [Text(line) for line in _words(found)]
    return Group(Text(f"{found.old} -> {found.new}", "bold"), table, *lines, *_verdict(found))


def markdown_difference(found: Difference) -> str:
    """The same as Markdown, with the layers folded up."""
    lines = [f"**{_safe(found.old)} -> {_safe(found.new)}**", ""]
    lines += ["| | old | new | change |", "|---|--:|--:|--:|"]
    for each in found.figures:
        values = (each.name, _value(each.old, each), _value(each.new, each), _change(each))
        lines.append(f"| {' | '.join(values)} |")
    lines += ["", *(f"- {_safe(line.strip())}" for line in _network(found))]
    if found.layers:
        lines += ["", f"<details><summary>{plural(len(found.layers), 'layer')} differ</summary>"]
        lines += ["", *map(_item, _layers(found))]
        lines += ["", "</details>"]
    lines += ["", *(f"**Beyond a limit:** {_safe(text)}" for text in found.beyond)]
    return "\n".join(lines).rstrip()


def _item(line: str) -> str:
    """An item of a list, below the one before it where the line is set in."""
    return f"{'  ' if line.startswith(' ') else ''}- {_safe(line.strip())}"


def _safe(text: str) -> str:
    """Names are shown as they are: what Markdown would take as its own is escaped."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|" else c for c in printable(text))


def _words(found: Difference) -> Iterator[str]:
    yield ""
    yield from _network(found)
    yield from _layers(found)


def _network(found: Difference) -> Iterator[str]:
    for fact in found.facts:
        yield printable(f"{fact.name}: {fact.old} -> {fact.new}")
    before, after = found.peak
    if before == after:
        yield printable(f"peak as before: {after}")
    else:
        yield printable(f"peak before: {before}")
        yield printable(f"peak now: {after}")
    yield from (printable(f"planner: {text}") for text in found.why)
    if found.moved:
        yield f"{plural(found.moved, 'layer')} at another place of the order, else as before"
    if not found.layers:
        yield "every layer is as it was"


def _layers(found: Difference) -> Iterator[str]:
    for layer in found.layers:
        yield printable(f"{_which(layer)} {layer.name} {layer.kind}: {'; '.join(layer.changes)}")
        for text in layer.why[:_MOST_WHY]:
            yield printable(f"    {text}")


def _which(layer: LayerChange) -> str:
    return str(layer.old if layer.new is None else layer.new)


def _verdict(found: Difference) -> Iterator[Text]:
    yield Text()
    for text in found.beyond:
        yield Text(f"Beyond a limit: {text}", "bold red")
    if not found.beyond:
        yield Text("Within all limits that were given.")


def _value(value: float | None, figure: FigureChange) -> str:
    if value is None:
        return "unknown"
    text = f"{value:,.1f}" if figure.unit == "dB" else f"{value:,}"
    return f"{text} {figure.unit}".rstrip()


def _change(figure: FigureChange) -> str:
    change = figure.change
    if change is None:
        return ""
    if not change:
        return "="
    if figure.unit == "dB":
        return f"{change:+.1f} dB"
    share = f" ({100 * change / figure.old:+.2f}%)" if figure.old else ""
    return f"{change:+,}{share}"
