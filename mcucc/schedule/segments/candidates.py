"""What consecutive nodes of the order need if they run as one step: their bytes and their cost.

One node is a layer: a kernel over its whole tensor. Several are a segment: its
stages pull rows from each other, and what only they read is a ring of a few rows. What must outlive
the segment is made whole.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from mcucc.kernels import Shape
from mcucc.ops.verify import node_macs
from mcucc.schedule.order.memory_graph import MANY_NODES
from mcucc.schedule.segments.distance import Writer, least_distance
from mcucc.schedule.segments.ordered_graph import Lifetime, OrderedGraph
from mcucc.schedule.segments.pulls import Pulls, kept_rows, pull
from mcucc.schedule.stages import RowRead, Rows, Stage, counter_bytes
from mcucc.schedule.strips import StripCuts, Strips, strip_cuts, takes_strips

PANEL_PIXELS = 4
"""Pixels of a panel: enough to make up for the calls of two kernels, few enough to save memory."""

_TURN_COST = 40
"""Instructions of a turn of a stage beside its kernel: call, counters, pointers to rows."""
_RUN_COST = 40
"""Instructions of a run of pixels within a turn: two calls of kernels, pointers to rows."""
_CODE_COST = 600
"""What the code of a stage is worth, in instructions: it takes some 120 bytes of flash."""

NumberT = TypeVar("NumberT", int, Rows)
"""A number, or one for each of many ways."""

Distances = Mapping[str, int]
"""For a dying tensor: by the name of each tensor that is written, the least distance to it."""


_LONGEST_OF_MANY = 16
"""Items of the longest segment that is tried where there are more than `MANY_NODES` nodes."""


@dataclass(frozen=True)
class StepCandidate:
    """The items from `begin` to `end` (half-open) as one step.

    Attributes:
        begin: first position.
        end: one more than the last.
        stages: what runs, in order; empty for a single layer.
        kept: for each content that is made, its name and the bytes that it takes.
        rows: for each content that the stages make, how many of its rows are held; for a panel 1.
        panels: for each content of which not even a row is held, how many pixels are.
        sinks: names of the contents that are made to their ends, one after the other.
        distances: for each dying content that may share bytes with what is written.
        cost: modelled instructions beside those of the kernels.
        layer_scratch: bytes that the kernel of a single layer needs while it runs.
        strips: the columns of its stages, where it runs once for each strip; else None.
    """

    begin: int
    end: int
    stages: tuple[Stage, ...]
    kept: Mapping[str, int]
    rows: Mapping[str, int]
    panels: Mapping[str, int]
    sinks: tuple[str, ...]
    distances: Mapping[str, Distances]
    cost: int
    layer_scratch: int = 0
    strips: Strips | None = None

    @property
    def counter_bytes(self) -> int:
        """Bytes that hold the stages' counters."""
        return counter_bytes(self.stages, self.panels)

    @property
    def extra_bytes(self) -> int:
        """Bytes beside the contents: counters, sums, and the scratch that all kernels share."""
        scratch = max((stage.scratch_bytes for stage in self.stages), default=self.layer_scratch)
        return self.counter_bytes + sum(stage.sum_bytes for stage in self.stages) + scratch


class StepCandidates:
    """All candidates that end at one place: they share a replay.

    Args:
        ordered: the network.
        end: one more than the last position of every candidate.
        panels: whether a tensor that is read pixel by pixel, by one stage alone, is held as a panel
            of a few pixels: its maker runs within the turns of its reader.
    """

    def __init__(self, ordered: OrderedGraph, end: int, *, panels: bool) -> None:
        self._ordered = ordered
        self.end = end
        self.first = _longest(ordered, end)
        self._with_panels = panels

    def candidate(self, begin: int) -> StepCandidate:
        """The candidate from a position on; `begin` is `first` or more, or `end` - 1."""
        single = begin == self.end - 1 and self._ordered.items[begin].node is not None
        return self._layer() if single else self._segment(begin)

    def in_strips(self, strips: Strips) -> StepCandidate:
        """The segment from the image on, once for each strip.

        Nothing dies in it but what it makes itself.
        """
        return replace(
            self._segment(0),
            kept={
                stage.content: self._strip_bytes(i, stage, strips.widest(stage.content))
                for i, stage in self._stages.items()
            },
            strips=strips,
        )

    @cached_property
    def takes_strips(self) -> bool:
        """Whether the segment from the image on may run in strips of columns."""
        items = self._ordered.items[: self.end]
        alone = self._ordered.streamed and self.first == 0 and not self._ordered.states
        return alone and all(i.rows is not None and takes_strips(i.rows) for i in items)

    @cached_property
    def strip_cuts(self) -> StripCuts | None:
        """The ways to cut that segment into strips, if it takes any."""
        if not self.takes_strips or len(self._stages) == 1:
            return None
        whole = frozenset(s.content for i, s in self._stages.items() if self._is_whole(i))
        return strip_cuts(tuple(self._stages.values()), whole)

    def macs_again(self, cuts: StripCuts) -> Rows:
        """For each cut the multiply-accumulates for columns that are made in several strips."""
        again = np.zeros(len(cuts.counts), dtype=np.int64)
        for stage in self._stages.values():
            if stage.node is not None:
                columns = cuts.made(stage.content) - stage.shape[1]
                again += node_macs(self._ordered.graph, stage.node) * columns // stage.shape[1]
        return again

    def cost_in_strips(self, count: int) -> int:
        """As `cost`, of that segment in so many strips, without what is made again."""
        code = _CODE_COST * len(self._stages)
        return code + count * (self.cost(0) - code)

    def bytes_in_strips(self, cuts: StripCuts) -> Rows:
        """For each cut as `made_bytes`, of that segment."""
        made = np.zeros(len(cuts.counts), dtype=np.int64)
        for i, stage in self._stages.items():
            made += self._strip_bytes(i, stage, cuts.widest(stage.content))
        return made

    def _strip_bytes(self, position: int, stage: Stage, columns: NumberT) -> NumberT | int:
        """Bytes of what is held of a content in strips that are so wide."""
        if position in self._panels or self._is_whole(position):
            return self._sizes[position]
        return self._kept_rows[position] * stage.shape[2] * columns

    def has_stages(self, begin: int) -> bool:
        """Whether anything is executed from a position on: there may be reshapes alone."""
        return any(position >= begin for position in self._stages)

    def has_panels(self, begin: int) -> bool:
        """Whether the segment from a position on has a panel."""
        return any(position >= begin for position in self._panels)

    def cost(self, begin: int) -> int:
        """Modelled instructions of the segment from a position on, beside those of the kernels."""
        stages = {i: stage for i, stage in self._stages.items() if i >= begin}
        runs = sum(
            stages[i].turns * -(-stages[i].shape[1] // PANEL_PIXELS)
            for i in self._panels
            if i >= begin
        )
        turns = sum(_TURN_COST * stage.turns + _CODE_COST for stage in stages.values())
        return turns + _RUN_COST * runs

    def made_bytes(self, begin: int) -> int:
        """Bytes of all that the segment from a position on makes: the least that it needs."""
        sizes = self._sizes
        return sum(size for position, size in sizes.items() if position >= begin)

    @cached_property
    def _stages(self) -> dict[int, Stage]:
        """By position, reshapes left out."""
        items = self._ordered.items
        found = ((i, items[i].rows) for i in range(self.first, self.end))
        return {i: stage for i, stage in found if stage is not None}

    @cached_property
    def _pulls(self) -> Pulls:
        return pull(self._stages, self._panels)

    @cached_property
    def _panels(self) -> dict[int, int]:
        """Position of each stage whose tensor is a panel, with that of the one that reads it."""
        found: dict[int, int] = {}
        if self._with_panels:
            for i, stage in self._stages.items():
                readers = self._readers(self._ordered.items[i].writes, self.first)
                if len(readers) == 1 and self._may_be_panel(i, stage, *readers[0]):
                    found[i] = readers[0][0]
        return found

    def _may_be_panel(self, position: int, stage: Stage, reader: int, read: RowRead) -> bool:
        taker = self._stages.get(reader)
        made_by_pixel = stage.kernel is not None and not stage.is_reduction
        if taker is None or taker.kernel is None or not made_by_pixel or self._is_whole(position):
            return False
        is_last = [r.content for r in taker.reads if not r.is_gate][-1:] == [stage.content]
        return (
            taker.kernel.shape is Shape.PIXELS
            and is_last
            and not read.is_gate
            and read.value == stage.value
            and taker.turns == stage.turns
            and stage.shape[1] > PANEL_PIXELS
        )

    def _upstream(self, position: int) -> frozenset[int]:
        """The stages that run within the turns of one, directly or through others."""
        direct = [i for i, reader in self._panels.items() if reader == position]
        return frozenset(direct).union(*(self._upstream(i) for i in direct))

    def _is_whole(self, position: int) -> bool:
        """Whether somebody beyond the end reads what an item makes, or nobody does."""
        lifetime = self._made_by(position)
        return lifetime.last >= self.end or lifetime.last == lifetime.born

    @cached_property
    def _kept_rows(self) -> dict[int, int]:
        return {i: self._rows_of(i) for i in self._stages}

    def _rows_of(self, position: int) -> int:
        stage = self._stages[position]
        if self._is_whole(position):
            return stage.shape[0]
        if position in self._panels:
            return 1
        readers = self._readers(self._ordered.items[position].writes, self.first)
        return kept_rows(self._pulls, position, stage, readers)

    @cached_property
    def _sizes(self) -> dict[int, int]:
        return {i: self._size(i, stage) for i, stage in self._stages.items()}

    def _size(self, position: int, stage: Stage) -> int:
        if stage.content in self._ordered.state_names:
            return 0
        if position in self._panels:
            return PANEL_PIXELS * stage.shape[2]
        return self._kept_rows[position] * stage.row_bytes

    def _made_by(self, position: int) -> Lifetime:
        content = self._ordered.items[position].writes
        assert content is not None
        return self._ordered.lifetimes[content]

    def _readers(self, content: int | None, begin: int) -> list[tuple[int, RowRead]]:
        """The stages from a position on that read a content."""
        readers = () if content is None else self._ordered.row_readers[content]
        return [(i, read) for i, read in readers if begin <= i < self.end]

    def _segment(self, begin: int) -> StepCandidate:
        stages = {i: stage for i, stage in self._stages.items() if i >= begin}
        return StepCandidate(
            begin=begin,
            end=self.end,
            stages=tuple(stages.values()),
            kept={stage.content: self._sizes[i] for i, stage in stages.items()},
            rows={stage.content: self._kept_rows[i] for i, stage in stages.items()},
            panels={self._stages[i].content: PANEL_PIXELS for i in self._panels if i >= begin},
            sinks=tuple(self._stages[i].content for i in self._pulls.sinks if i >= begin),
            distances={
                self._ordered.lifetimes[content].name: self._distances(content, begin, stages)
                for content in _dying(self._ordered, begin, self.end)
            },
            cost=self.cost(begin),
        )

    def _distances(self, content: int, begin: int, stages: Mapping[int, Stage]) -> Distances:
        readers = self._readers(content, begin)
        size = self._ordered.lifetimes[content].size
        found: dict[str, int] = {}
        for i, stage in stages.items():
            if stage.content in self._ordered.state_names:
                continue
            writer = Writer(
                i,
                stage,
                self._kept_rows[i],
                PANEL_PIXELS if i in self._panels else None,
                self._upstream(i),
                PANEL_PIXELS,
            )
            distance = least_distance(self._pulls, writer, readers)
            least = -size if distance is None else max(distance, -size)
            found[stage.content] = min(least, self._sizes[i])
        return found

    def _layer(self) -> StepCandidate:
        position = self.end - 1
        item = self._ordered.items[position]
        if item.writes is None:
            return StepCandidate(position, self.end, (), {}, {}, {}, (), {}, 0)
        made = self._ordered.lifetimes[item.writes]
        return StepCandidate(
            begin=position,
            end=self.end,
            stages=(),
            kept={made.name: made.size},
            rows={},
            panels={},
            sinks=(),
            distances=dict(_layer_distances(self._ordered, position, made)),
            cost=0,
            layer_scratch=0 if item.kernel is None else item.kernel.scratch_bytes,
        )


def _layer_distances(
    ordered: OrderedGraph, position: int, made: Lifetime
) -> Iterator[tuple[str, Distances]]:
    """The distances of a layer's dying inputs from its output."""
    item = ordered.items[position]
    if made.name in ordered.state_names:
        return
    for content in _dying(ordered, position, position + 1):
        dying = ordered.lifetimes[content]
        if item.layer is not None:
            turns = np.arange(item.layer.turns, dtype=np.int64)
            readers = [(position, r) for r in item.layer.reads if r.content == dying.name]
            pulls = Pulls({position: turns}, (position,))
            writer = Writer(position, item.layer, len(turns), None, frozenset(), 1)
            distance = least_distance(pulls, writer, readers)
            least = -dying.size if distance is None else max(distance, -dying.size)
            if least < made.size:
                yield dying.name, {made.name: least}
        elif item.runs_in_place and dying.size == made.size:
            yield dying.name, {made.name: 0}


def _dying(ordered: OrderedGraph, begin: int, end: int) -> tuple[int, ...]:
    """Contents that lie there before a candidate and are read for the last time in it."""
    return tuple(i for i in ordered.crossing[begin] if ordered.lifetimes[i].last < end)


def _longest(ordered: OrderedGraph, end: int) -> int:
    """How far back a segment that ends at a place can reach, or is tried to reach."""
    begin = end
    most = end if len(ordered.items) <= MANY_NODES else _LONGEST_OF_MANY
    while begin > max(0, end - most) and hindrance(ordered, begin - 1, begin, end) is None:
        begin -= 1
    return begin


def hindrance(ordered: OrderedGraph, position: int, begin: int, end: int) -> str | None:
    """Why an item cannot run by rows ahead of the items from `begin` to `end`; None if it can."""
    item = ordered.items[position]
    if item.is_reshape:
        return None
    if item.rows is None or item.writes is None:
        return "it works on whole tensors"
    rewritten = {new for old, new in ordered.states if old in item.reads}
    late = [i for i in range(begin, end) if ordered.items[i].writes in rewritten]
    if late:
        return "what it reads is overwritten for the next run"
    readers = [(i, read) for i, read in ordered.row_readers[item.writes] if begin <= i < end]
    read_whole = {i for i in range(begin, end) if item.writes in ordered.items[i].reads}
    read_by_rows = {i for i, _ in readers}
    reshaped = {i for i in read_whole if ordered.items[i].is_reshape}
    if item.rows.is_reduction and readers:
        return "it makes its output with the last row of its input"
    height, row_bytes = item.rows.shape[0], item.rows.row_bytes
    odd = {i for i, r in readers if r.shape[0] != height or r.row_bytes != row_bytes}
    odd |= read_whole - read_by_rows - reshaped
    reader = ordered.items[min(odd)].node if odd else None
    return None if reader is None else f"'{reader.name}' does not read its rows as they are made"
