"""Strips of columns: a segment that runs once for each, so that its rings are no wider than that.

An image that lies elsewhere can be read in any order. Its first layers then make their map strip by
strip from the left to the right, each strip row by row: every tensor in between is held for the
columns of one strip alone. What the windows of two neighboring strips both cover, the halo, is made
twice. MCUNetV2's patches (Lin et al., 2021, section 3.1) are cut along both axes and held whole;
rings of rows need no cut along the height.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mcucc.kernels import Shape
from mcucc.ops import Axis
from mcucc.schedule.stages import Stage

MOST_COLUMNS = 65535
"""Of a map that is made in strips: mcucc_strip_t has 16 bits for each number."""

MOST_STRIPS = 32
"""Of a segment; more would be narrower than the windows of most networks."""
_MORE, _FEW_STRIPS = range(5), 8
"""Columns that the first and the last strip are tried to have more than the others: all pairs of
these for few strips, else the same for both."""
_WAYS = tuple(
    (count, left, right)
    for count in range(2, MOST_STRIPS + 1)
    for left, right in product(_MORE, _MORE)
    if count <= _FEW_STRIPS or left == right
)
"""The numbers of strips, each with those columns."""

Columns = tuple[int, int]
"""The first column, and one more than the last."""


@dataclass(frozen=True)
class Strips:
    """Which columns the stages of a segment make in each strip.

    Attributes:
        count: how many strips.
        columns: for each content that is made, in each strip; at least one column.
        whole: names of the contents of which every column is kept.
    """

    count: int
    columns: Mapping[str, tuple[Columns, ...]]
    whole: frozenset[str]

    def widest(self, content: str) -> int:
        """Columns of a content in its widest strip: what a row of its ring holds."""
        return max(end - begin for begin, end in self.columns[content])

    def made(self, content: str) -> int:
        """Columns that are made in all strips, those of halos once for each."""
        return sum(end - begin for begin, end in self.columns[content])

    def held(self, content: str, width: int, strip: int) -> Columns:
        """The columns that lie in a row of a content during a strip.

        Args:
            content: its name.
            width: columns of the whole map.
            strip: which one.
        """
        outside = content not in self.columns or content in self.whole
        return (0, width) if outside else self.columns[content][strip]


def takes_strips(stage: Stage) -> bool:
    """Whether a stage can make some columns from rows that hold some columns."""
    if stage.shape[1] > MOST_COLUMNS:
        return False
    if stage.kernel is None:
        return True
    if stage.kernel.shape is Shape.WINDOW:
        return stage.kernel.family.takes_columns
    pixelwise = all(read.window.columns == Axis() for read in stage.reads)
    return stage.kernel.shape is Shape.PIXELS and pixelwise


@dataclass(frozen=True)
class StripCuts:
    """Many ways to cut a segment into strips, side by side.

    Attributes:
        counts: for each way how many strips.
        begins: where the strips of each way begin among those of all.
        columns: for each content that is made first column and end (2, strips of all ways).
        whole: names of the contents of which every column is kept.
    """

    counts: NDArray[np.int64]
    begins: NDArray[np.int64]
    columns: Mapping[str, NDArray[np.int64]]
    whole: frozenset[str]

    def widest(self, content: str) -> NDArray[np.int64]:
        """For each way the columns of a content in its widest strip."""
        begin, end = self.columns[content]
        return np.maximum.reduceat(end - begin, self.begins)

    def made(self, content: str) -> NDArray[np.int64]:
        """For each way the columns that are made in all strips."""
        begin, end = self.columns[content]
        return np.add.reduceat(end - begin, self.begins)

    def strips(self, way: int) -> Strips:
        """One of the ways."""
        count, first = int(self.counts[way]), int(self.begins[way])
        columns = {
            name: tuple((int(begin), int(end)) for begin, end in found[:, first : first + count].T)
            for name, found in self.columns.items()
        }
        return Strips(count, columns, self.whole)


def strip_cuts(stages: Sequence[Stage], whole: frozenset[str]) -> StripCuts | None:
    """The ways to cut the maps that outlive a segment, with the columns that these need.

    The first and the last strip have a halo on one side only: they may have more columns of those
    maps than the others.

    Args:
        stages: in the order of execution; all take strips.
        whole: the contents that outlive the segment.

    Returns:
        None if one of these maps has too few columns for two strips.
    """
    widths = {stage.content: stage.shape[1] for stage in stages}
    narrowest = min(widths[name] for name in whole)
    ways = [way for way in _WAYS if sum(way) <= narrowest]
    if not ways:
        return None
    counts = np.array([way[0] for way in ways], dtype=np.int64)
    begins = np.concatenate([[0], np.cumsum(counts)[:-1]])
    needed = {name: _shares(ways, widths[name]) for name in sorted(whole)}
    for stage in reversed(stages):
        for read in stage.reads:
            if read.content in widths:
                width = widths[read.content]
                found = _input(read.window.columns, needed[stage.content], width)
                known = needed.get(read.content)
                found = found if known is None else _hull(known, found)
                needed[read.content] = _without_gaps(found, begins, width)
    return StripCuts(counts, begins, needed, whole)


def _shares(ways: Sequence[tuple[int, int, int]], width: int) -> NDArray[np.int64]:
    """First column and end of each strip: about equal, but the outer ones have some more."""
    parts: list[NDArray[np.int64]] = []
    for count, left, right in ways:
        inner = left + (width - left - right) * np.arange(1, count, dtype=np.int64) // count
        parts.append(np.stack([np.append(0, inner), np.append(inner, width)]))
    return np.concatenate(parts, axis=1)


def _input(axis: Axis, own: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """The columns under the windows of some columns; one at least, be they all of padding."""
    begin = np.clip(axis.first(own[0]), 0, width - 1)
    return np.stack([begin, np.clip(axis.end(own[1] - 1), begin + 1, width)])


def _without_gaps(
    found: NDArray[np.int64], begins: NDArray[np.int64], width: int
) -> NDArray[np.int64]:
    """The same and the columns that no window covers, so that a map is whole however it is made."""
    begin, end = found.copy()
    end[np.append(begins[1:], len(end)) - 1] = width
    begin[1:] = np.minimum(begin[1:], end[:-1])
    begin[begins] = 0
    return np.stack([begin, end])


def _hull(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.stack([np.minimum(one[0], other[0]), np.maximum(one[1], other[1])])
