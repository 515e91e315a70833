"""The one way in which tables are laid out: figures are never cut, names in the middle.

What does not fit a line goes, in this order: columns that can be spared, the middle of names, and
last the columns at the right end, which go on below each row with their titles. So every figure and
shape that is shown is shown whole, however narrow the terminal.
"""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from mcucc.report.text.figures import distinct_names, printable

_LEAST_BELOW = 12
"""Characters of a line below a row that are always left for text, however deep it is indented."""


@dataclass(frozen=True)
class Column:
    """A column of a table; unless it says otherwise its cells are never cut.

    Attributes:
        title: heading.
        cells: texts, one a row.
        total: what stands below the rows.
        right: whether the cells stand at the right, as figures do.
        spare: columns of the highest number are left out first, of 0 never.
        least: cells are names, which may be cut in the middle to this many characters; 0: they are
            not.
        most: characters of the longest name that is never cut; 0: there is no limit.
        yields: columns of names with the lowest number are cut first.
        wraps: whether names go on in a next line, at words, instead of being cut.
        cut: the names in at most so many characters, still told apart.
    """

    title: str
    cells: tuple[str, ...]
    total: str = ""
    right: bool = False
    spare: int = 0
    least: int = 0
    most: int = 0
    yields: int = 0
    wraps: bool = False
    cut: Callable[[Sequence[str], int], Sequence[str]] = distinct_names

    @property
    def width(self) -> int:
        """Characters of the widest cell, heading included; longer names are cut to it."""
        cells = max(map(cell_len, self.cells), default=0)
        cells = min(cells, self.most) if self.most else cells
        return max(cells, cell_len(self.title), cell_len(self.total))

    @property
    def least_width(self) -> int:
        """Characters without which something would be cut that must not be."""
        if not self.least:
            return self.width
        kept = max(cell_len(self.title), cell_len(self.total), self.least)
        return min(self.width, kept)


@dataclass(frozen=True)
class Grid:
    """A table, laid out for the width at which it is printed.

    Attributes:
        columns: from left to right, all with as many cells.
        styles: of rows, by their number.
    """

    columns: tuple[Column, ...]
    styles: Mapping[int, str] = field(default_factory=dict[int, str])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yields the lines."""
        yield from self.lines(options.max_width, "-" if options.ascii_only else "─")

    def lines(self, width: int, rule: str = "─") -> Iterator[Text]:
        """Heading, rows and totals in lines of at most `width` characters."""
        columns = tuple(_printable(column) for column in self.columns)
        plan = plan_columns(columns, width)
        titles = _line([(c.title, w, c.right) for c, w in plan.beside], plan.gap)
        length = max(cell_len(titles), sum(w + plan.gap for _, w in plan.beside) - plan.gap)
        yield _text(titles, "bold")
        yield _text(rule * length, "dim")
        shown = [_shown(column, w) for column, w in plan.beside]
        below = [column for column in columns if column in plan.below]
        for row in range(len(columns[0].cells)):
            style = self.styles.get(row, "")
            cells = [column[row] for column in shown]
            for part in range(max(map(len, cells))):
                parts = [cell[part] if part < len(cell) else "" for cell in cells]
                texts = [(p, w, c.right) for p, (c, w) in zip(parts, plan.beside, strict=True)]
                yield _text(_line(texts, plan.gap), style)
            rest = [(column.title, column.cells[row]) for column in below]
            yield from (_text(line, style) for line in _below(rest, plan, width))
        if any(column.total for column in columns):
            yield _text(rule * length, "dim")
            totals = [(c.total, w, c.right) for c, w in plan.beside]
            yield _text(_line(totals, plan.gap), "bold")
            rest = [(column.title, column.total) for column in below]
            yield from (_text(line, "bold") for line in _below(rest, plan, width))


@dataclass(frozen=True)
class Plan:
    """How columns share a line.

    Attributes:
        beside: those that stand beside each other, and their widths.
        below: those that follow below each row.
        gap: spaces between two columns.
    """

    beside: tuple[tuple[Column, int], ...]
    below: tuple[Column, ...]
    gap: int


def plan_columns(columns: Sequence[Column], width: int) -> Plan:
    """Fit columns into lines of some width; a first column that is too wide is alone."""
    kept = list(columns)
    while least_width(kept) > width and any(column.spare for column in kept):
        kept.remove(max(kept, key=lambda column: column.spare))
    below: list[Column] = []
    while least_width(kept) > width and len(kept) > 1:
        below.insert(0, kept.pop())
    gap = 2 if sum(column.width + 2 for column in kept) - 2 <= width else 1
    widths = [column.width for column in kept]
    excess = sum(widths) + gap * (len(kept) - 1) - width
    for i in sorted(range(len(kept)), key=lambda i: kept[i].yields):
        taken = min(max(excess, 0), widths[i] - kept[i].least_width)
        widths[i] -= taken
        excess -= taken
    return Plan(tuple(zip(kept, widths, strict=True)), tuple(below), gap)


def least_width(columns: Sequence[Column]) -> int:
    """Characters that columns need beside each other, a space between two."""
    return sum(column.least_width + 1 for column in columns) - 1


def _printable(column: Column) -> Column:
    """The column without what would break lines."""
    return replace(column, cells=tuple(map(printable, column.cells)))


def _shown(column: Column, width: int) -> Sequence[Sequence[str]]:
    """For each cell its lines."""
    if column.wraps:
        return [textwrap.wrap(cell, width) or [""] for cell in column.cells]
    cells = column.cut(column.cells, width) if column.least else column.cells
    return [[cell] for cell in cells]


def _below(cells: Iterable[tuple[str, str]], plan: Plan, width: int) -> Iterator[str]:
    """Lines of titles and cells, as many in a line as fit; a cell that has no room has a line."""
    indent = min(plan.beside[0][1] + plan.gap, max(width - _LEAST_BELOW, 0))
    line = ""
    for title, cell in cells:
        if not cell:
            continue
        part = f"{title} {cell}".strip()
        if line and indent + cell_len(line) + 2 + cell_len(part) > width:
            yield " " * indent + line
            line = ""
        line = f"{line}  {part}" if line else part
    if line:
        yield " " * indent + line


def _line(cells: Iterable[tuple[str, int, bool]], gap: int) -> str:
    """Texts in columns of these widths, at the right where that is said."""
    texts: list[str] = []
    for text, width, right in cells:
        blank = " " * max(width - cell_len(text), 0)
        texts.append(blank + text if right else text + blank)
    return (" " * gap).join(texts).rstrip()


def _text(line: str, style: str) -> Text:
    """A line that is never broken by who prints it."""
    return Text(line, style, no_wrap=True, overflow="ignore")
