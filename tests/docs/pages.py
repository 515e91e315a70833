"""What the tests read of the Markdown pages: code, quoted code, links, headings and tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
DOCS = CHECKOUT / "docs"

_FENCE = re.compile(r"^\s*```")
_SPAN = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """A Markdown file; fenced and indented blocks are code, the rest is prose."""

    path: Path

    def __str__(self) -> str:
        return str(self.path.relative_to(CHECKOUT))

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """The lines outside code blocks."""
        return "\n".join(line for line, is_code in self._lines() if not is_code)

    @property
    def code_lines(self) -> list[str]:
        """The lines of code blocks, without indentation."""
        return [line.strip() for line, is_code in self._lines() if is_code]

    @property
    def spans(self) -> list[str]:
        """What is quoted as code within prose; a line break counts as a blank."""
        return [span.replace("\n", " ") for span in _SPAN.findall(self.prose)]

    @property
    def links(self) -> list[str]:
        return _LINK.findall(self.prose)

    @property
    def anchors(self) -> set[str]:
        """Targets of links within the page, as GitHub makes them of headings."""
        plain = (re.sub(r"[^\w\- ]", "", h.lower()) for h in _HEADING.findall(self.prose))
        return {heading.replace(" ", "-") for heading in plain}

    def section(self, heading: str) -> str:
        """The text under a heading of the second level."""
        found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", self.text, re.M | re.S)
        assert found is not None, f"{self} has no section '{heading}'"
        return found[1]

    def _lines(self) -> Iterator[tuple[str, bool]]:
        fenced = False
        for line in self.text.splitlines():
            if _FENCE.match(line):
                fenced = not fenced
            else:
                yield line, fenced or line.startswith("    ")


def pages() -> list[Page]:
    """README, CONTRIBUTING and everything under docs/."""
    top = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md"]
    return [Page(path) for path in (*top, *sorted(DOCS.rglob("*.md")))]


def rows(section: str) -> list[list[str]]:
    """The cells of a section's tables, heads and rulers left out."""
    lines = [line for line in section.splitlines() if line.startswith("|")]
    rulers = {i for i, line in enumerate(lines) if re.fullmatch(r"[|\- ]+", line)}
    kept = [line for i, line in enumerate(lines) if i not in rulers and i + 1 not in rulers]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in kept]


def quoted(cell: str) -> set[str]:
    """Everything in backquotes."""
    return set(re.findall(r"`([^`]+)`", cell))
