"""How close behind the reads of a dying tensor another may be written.

Both lie in the arena from low to high rows. While tensor `b` is written from its start and `a` is
read for the last time from its start, they may share bytes as long as no byte of `a` is overwritten
that is still needed: offset(a) - offset(b) >= D. D is the largest value, over all writes into `b`,
of "end of the write, within b" less "oldest byte still needed, within a". It may be negative: what
of `a` is dead before the first write makes room below it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcucc.kernels import Access
from mcucc.schedule.segments.pulls import Pulls, oldest_needed
from mcucc.schedule.stages import RowRead, Rows, Stage, earliest

_DEAD = np.iinfo(np.int64).max // 4
"""The oldest byte needed of what is needed no more."""


@dataclass(frozen=True)
class Writer:
    """A stage that writes, and which of its writes matter.

    Attributes:
        key: of the stage.
        stage: that stage.
        slots: how many rows of what it makes are held; later rows take the places of earlier ones.
        panel: how many pixels are held if even a row is not; None where rows are.
        inline: keys of the stages whose rows are made within its turns, `run` pixels at a time,
            each run before its own.
        run: pixels that are made at a time.
    """

    key: int
    stage: Stage
    slots: int
    panel: int | None
    inline: frozenset[int]
    run: int

    @property
    def turns(self) -> Rows:
        """The turns in which it writes to places for the first time."""
        if self.stage.is_reduction:
            return np.array([self.stage.turns - 1])
        return np.arange(min(self.slots, self.stage.turns))

    @property
    def rows(self) -> Rows:
        """The rows that it writes in these turns."""
        return np.zeros(1, dtype=np.int64) if self.stage.is_reduction else self.turns

    @property
    def columns(self) -> Rows:
        """The pixels that it writes in each of them."""
        return np.arange(self.stage.shape[1] if self.panel is None else self.panel)


def least_distance(
    pulls: Pulls, writer: Writer, readers: Sequence[tuple[int, RowRead]]
) -> int | None:
    """The distance that a dying tensor must keep from what a stage writes.

    Args:
        pulls: the order of turns.
        writer: what is written.
        readers: key of each stage that reads the dying tensor, and how.

    Returns:
        Bytes, None if nothing is written before the tensor is dead.
    """
    places = pulls.at[writer.key][writer.turns]
    needed = np.full((len(places), 1), _DEAD)
    by_pixel = writer.panel is not None
    for reader, read in readers:
        if reader == writer.key or reader in writer.inline:
            by_pixel = True
            if not writer.stage.is_reduction:  # which writes when it has read everything
                needed = np.minimum(needed, _needed_by_pixel(writer, reader, read))
            continue
        oldest = oldest_needed(pulls, reader, read, places) * read.row_bytes
        dead = oldest >= read.shape[0] * read.row_bytes
        needed = np.minimum(needed, np.where(dead, _DEAD, oldest)[:, None])
    ends = _ends(writer, by_pixel=by_pixel)
    needed, ends = np.broadcast_arrays(needed, ends)
    alive = needed < _DEAD
    if not alive.any():
        return None
    return int((ends - needed)[alive].max())


def _ends(writer: Writer, *, by_pixel: bool) -> Rows:
    """Where the write of each pixel, or of each row, ends within the tensor (rows, pixels)."""
    rows, channels = writer.rows[:, None], writer.stage.shape[2]
    if not by_pixel:
        return (rows + 1) * writer.stage.row_bytes
    return rows * writer.stage.row_bytes + (writer.columns[None, :] + 1) * channels


def _needed_by_pixel(writer: Writer, reader: int, read: RowRead) -> Rows:
    """The oldest byte needed of an input that the writer's own turns read, by pixel written."""
    rows = writer.rows
    here = read.first[rows][:, None] * read.row_bytes
    kernel = writer.stage.kernel
    if read.is_gate or kernel is None or kernel.access is Access.WHOLE:
        return np.zeros_like(here)
    in_step = reader == writer.key and kernel.access is Access.ELEMENT
    needed = here + _column_bytes(writer, reader, read)[None, :]
    # An element is read just before it is written over, so even the last one keeps its distance.
    past_the_end = (needed >= read.shape[0] * read.row_bytes) & (not in_step)
    later = np.append(read.first[1:], read.shape[0])[rows][:, None] * read.row_bytes
    following = np.where(rows[:, None] == read.turns - 1, _DEAD, later)
    return np.minimum(np.where(past_the_end, _DEAD, needed), following)


def _column_bytes(writer: Writer, reader: int, read: RowRead) -> Rows:
    """Bytes of the top row under the window that are dead while each pixel is written."""
    _, pixels, channels = read.shape
    columns, axis = writer.columns, read.window.columns
    if reader in writer.inline:
        columns = (columns // writer.run + 1) * writer.run  # the whole run was read before
        ended = columns >= writer.stage.shape[1]
    elif writer.stage.kernel is not None and writer.stage.kernel.access is Access.ELEMENT:
        return (columns + 1) * channels
    else:
        ended = np.zeros(len(columns), dtype=np.bool_)
    every = np.arange(writer.stage.shape[1], dtype=np.int64)
    oldest = earliest(np.clip(axis.first(every), 0, pixels))
    first = oldest[np.minimum(columns, len(every) - 1)]
    return np.where(ended, pixels, first) * channels
