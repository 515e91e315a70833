"""The order in which the stages of a segment run, and how many rows of each tensor it keeps.

A segment pulls: to make a row of its last tensor, a stage first has the stages above it make the
rows that it still needs, input by input. The C code does the same, with the same counters.

Stages above a stage never change the order of those below, so one replay of a long candidate gives
the order of each shorter one that ends with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mcucc.schedule.stages import RowRead, Rows, Stage


@dataclass(frozen=True)
class Pulls:
    """An order of turns.

    Attributes:
        at: for each stage, by its key, when its turns come: ascending places in the order.
        sinks: keys of the stages that are run to their ends, one after the other, the last of the
            segment first; the turns of all others are pulled.
    """

    at: Mapping[int, Rows]
    sinks: tuple[int, ...]

    def turns_before(self, stage: int, places: Rows) -> Rows:
        """How many turns a stage has had before each of some places in the order."""
        return np.searchsorted(self.at[stage], places).astype(np.int64)


def pull(stages: Mapping[int, Stage], panels: Mapping[int, int]) -> Pulls:
    """Replays a segment.

    Rows that nobody needs (those a stride leaves at the bottom) are made too, at the end, so that
    a tensor is whole however it is made, and each row of an image is taken.

    Args:
        stages: by ascending keys; a stage comes after those that make its inputs. What no stage
            makes lies there whole.
        panels: key of a stage whose rows are made within the turns of another, its only reader, a
            few pixels at a time; with the key of that reader.
    """
    run = _Run(stages, panels)
    sinks: list[int] = []
    for key in sorted(stages.keys() - panels.keys(), reverse=True):
        if run.made[key] < stages[key].turns:
            sinks.append(key)
        while run.made[key] < stages[key].turns:
            run.turn(key)
    places = np.array(run.order, dtype=np.int64)
    at = {key: np.flatnonzero(places == key).astype(np.int64) for key in stages}
    return Pulls(at, tuple(sinks))


class _Run:
    """A replay: how many turns each stage has had, and in which order they came."""

    def __init__(self, stages: Mapping[int, Stage], panels: Mapping[int, int]) -> None:
        maker = {stage.content: key for key, stage in stages.items()}
        self.made = dict.fromkeys(stages, 0)
        self.order: list[int] = []
        self._panels = panels
        self._sources = {
            key: [(maker[r.content], r.needed.tolist()) for r in stage.reads if r.content in maker]
            for key, stage in stages.items()
        }

    def turn(self, key: int) -> None:
        """Runs a stage once, and before it what it pulls."""
        self._pull(key)
        self._take(key)

    def _pull(self, key: int) -> None:
        for source, needed in self._sources[key]:
            if self._panels.get(source) == key:
                self._pull(source)
                continue
            while self.made[source] < needed[self.made[key]]:
                self.turn(source)

    def _take(self, key: int) -> None:
        for source, _ in self._sources[key]:
            if self._panels.get(source) == key:
                self._take(source)
        self.order.append(key)
        self.made[key] += 1


def kept_rows(pulls: Pulls, key: int, stage: Stage, readers: Sequence[tuple[int, RowRead]]) -> int:
    """How many rows of a tensor must be held: from the oldest that is still needed to the newest.

    Args:
        pulls: the order.
        key: of the stage that makes the tensor.
        stage: that stage.
        readers: key of each stage that reads it, and how; at least one.
    """
    places = pulls.at[key]
    made = np.arange(1, len(places) + 1)
    oldest = np.full(len(places), stage.shape[0], dtype=np.int64)
    for reader, read in readers:
        oldest = np.minimum(oldest, oldest_needed(pulls, reader, read, places))
    return max(1, int((made - oldest).max(initial=1)))


def oldest_needed(pulls: Pulls, reader: int, read: RowRead, places: Rows) -> Rows:
    """The oldest row of an input that a reader still needs at each of some places in the order.

    It is the number of rows of the input where the reader is done with it.
    """
    turns = pulls.turns_before(reader, places)
    done = turns >= read.turns
    first = read.first[np.minimum(turns, read.turns - 1)]
    return np.where(done, read.shape[0], first)
