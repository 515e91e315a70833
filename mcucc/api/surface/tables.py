"""Sequences of results that show themselves as a table."""

from mcucc.report.summary import Summary
from mcucc.targets.board import Board

_FEW = 6
"""Boards that a line names."""


class Boards(tuple[Board, ...]):
    """The boards that come with mcucc, sorted by id."""

    __slots__ = ()

    def summary(self) -> Summary:
        """A row for each board."""
        rows = [
            (each.id, each.name, each.core.name, each.largest_sram.size, each.flash.size)
            for each in self
        ]
        head = ("id", "name", "core", "SRAM, bytes", "flash, bytes")
        return Summary("Boards", {"boards": len(self)}, head, rows)

    def __repr__(self) -> str:
        shown = [each.id for each in self[:_FEW]]
        left = [f"and {len(self) - _FEW} more"] if len(self) > _FEW else []
        return f"Boards({', '.join(shown + left)})"

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        return self.summary().html()
