"""A result in one line of text and in a plain table of HTML, as notebooks show it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape


@dataclass(frozen=True)
class Summary:
    """What is shown of a result.

    Attributes:
        kind: name of its type.
        facts: the few that matter, by name.
        head: titles of a table's columns; empty for no table.
        rows: of that table.
    """

    kind: str
    facts: Mapping[str, object]
    head: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = field(default_factory=tuple[Sequence[object], ...])

    def line(self) -> str:
        """The facts in one line, as `repr` gives it."""
        facts = ", ".join(f"{name}={value!r}" for name, value in self.facts.items())
        return f"{self.kind}({facts})"

    def html(self) -> str:
        """Tables without scripts and styles; every text is escaped."""
        facts = "".join(_row("th", [name], [value]) for name, value in self.facts.items())
        shown = f"<table><caption>{escape(self.kind)}</caption>{facts}</table>"
        if not self.rows:
            return shown
        body = "".join(_row("td", (), row) for row in self.rows)
        return f"{shown}<table>{_row('th', self.head, ())}{body}</table>"


class Summarized(ABC):
    """A result with a short `repr` and a table for notebooks."""

    @abstractmethod
    def summary(self) -> Summary:
        """What is shown."""

    def __repr__(self) -> str:
        return self.summary().line()

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        return self.summary().html()


def _row(tag: str, titles: Sequence[str], values: Sequence[object]) -> str:
    cells = "".join(f"<{tag}>{escape(title)}</{tag}>" for title in titles)
    return f"<tr>{cells}{''.join(f'<td>{escape(_text(value))}</td>' for value in values)}</tr>"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)
