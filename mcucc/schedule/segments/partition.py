"""Where to cut the order into steps: dynamic programming over cut points, in two passes.

The first pass finds the smallest peak: what the worst step needs. The second finds the cheapest
steps of which none needs more than a budget. One pass that compares (peak, cost) would not do: the
cheapest way to a place may keep a way with a higher peak from being cheaper in the end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from mcucc.schedule.segments.candidates import StepCandidate, StepCandidates
from mcucc.schedule.segments.ordered_graph import OrderedGraph
from mcucc.schedule.segments.stacked import candidate_bytes

_NOT_ALLOWED = np.iinfo(np.int64).max // 4
"""Bytes of what executes too much again."""


@dataclass(frozen=True)
class Cut:
    """Steps that follow each other from the first item to the last.

    Attributes:
        steps: the candidates, in order.
        peak: bytes of the step that needs the most, by itself.
        cost: modelled instructions beside those of the kernels.
    """

    steps: tuple[StepCandidate, ...]
    peak: int
    cost: int


@dataclass(frozen=True)
class InStrips:
    """One of the `strip_cuts` of a segment.

    Attributes:
        way: its number.
        count: how many strips.
        macs_again: multiply-accumulates for columns that are made in several of them.
    """

    way: int
    count: int
    macs_again: int


class _Choice(NamedTuple):
    """A way to run the items up to some place: from where on, with panels or not, in strips."""

    begin: int
    panels: bool
    strips: InStrips | None = None


class StepPartitioner:
    """Looks for cuts of one network; remembers what each candidate needs.

    Args:
        ordered: the network in an order.
        alignment: of every buffer, bytes.
        rows: whether segments are allowed at all.
        macs_again: multiply-accumulates that the first segment may execute again so that it can run
            in strips; None where it may not.
    """

    def __init__(
        self,
        ordered: OrderedGraph,
        alignment: int,
        *,
        rows: bool = True,
        macs_again: int | None = None,
    ) -> None:
        self._ordered = ordered
        self._alignment = alignment
        self._sizes = [-(-t.size // alignment) * alignment for t in ordered.lifetimes]
        self._bytes = np.array([t.size for t in ordered.lifetimes], dtype=np.int64)
        self._born = np.array([t.born for t in ordered.lifetimes], dtype=np.int64)
        self._last = np.array([t.last for t in ordered.lifetimes], dtype=np.int64)
        self._families = {
            panels: [
                StepCandidates(ordered, end + 1, panels=panels) for end in range(len(ordered.items))
            ]
            for panels in (False, True)
        }
        self._rows = rows
        self._macs_again = macs_again
        self._strips: dict[int, tuple[_Choice, ...]] = {}
        self._known: dict[tuple[_Choice, int], tuple[StepCandidate, int]] = {}

    def smallest(self) -> Cut:
        """The cut with the smallest peak, and among these the cheapest."""
        best: list[int] = [0]
        for end in range(1, len(self._ordered.items) + 1):
            peak = None
            for choice in self._choices(end):
                before = best[choice.begin]
                if peak is not None and max(before, self._least(choice, end)) >= peak:
                    continue
                reached = max(before, self._need(choice, end))
                peak = reached if peak is None else min(peak, reached)
            assert peak is not None
            best.append(peak)
        found = self.cheapest(best[-1])
        assert found is not None
        return found

    def layer_bytes(self, position: int) -> int:
        """What a single item needs if it runs as a layer."""
        return self._need(_Choice(position, panels=False), position + 1)

    def first(self, end: int) -> int:
        """Where the longest segment that ends at a place begins."""
        return self._families[False][end - 1].first

    def why_apart(self, before: StepCandidate, after: StepCandidate, peak: int) -> str:
        """Why two steps of a cut, which could be one segment, are not.

        Args:
            before: a step.
            after: the one that follows it.
            peak: of the cut.
        """
        end = after.end
        ways = [_Choice(before.begin, panels=False)]
        if self._families[True][end - 1].has_panels(before.begin):
            ways.append(_Choice(before.begin, panels=True))
        needs = [self._known_need(way, end) for way in ways]
        if min(needs) > peak:
            return f"it would need at least {min(needs):,} bytes; the fullest step has {peak:,}"
        possible = [way for way, need in zip(ways, needs, strict=True) if need <= peak]
        costs = [self._cost(way, end) - before.cost - after.cost for way in possible]
        if min(costs) > 0:
            more = f"it would cost {min(costs):,} instructions more a run"
            return f"{more}, and the arena need not be smaller"
        need = min(self._need(way, end) for way in possible)
        if need > peak:
            return f"it would need {need:,} bytes; the fullest step has {peak:,}"
        return "the buffers of the cut that joins them were not placed in less"

    def _known_need(self, choice: _Choice, end: int) -> int:
        """What a candidate needs if that is known, else the least that it needs in any case."""
        known = self._known.get((choice, end))
        return self._least(choice, end) if known is None else known[1]

    def by_peak(self, most: int) -> Iterator[Cut]:
        """Cuts with ascending peaks, each the cheapest within its peak."""
        cut: Cut | None = self.smallest()
        budget: int | None = cut.peak
        seen: set[tuple[int, ...]] = set()
        while cut is not None and len(seen) < most:
            begins = tuple(candidate.begin for candidate in cut.steps)
            if begins not in seen:
                seen.add(begins)
                yield cut
            budget = None if budget is None else self._next_need(budget)
            cut = None if budget is None else self.cheapest(budget)

    def longest(self) -> Cut:
        """The cut with the fewest steps: rows wherever they are possible, panels too."""
        ways: list[tuple[int, _Choice]] = [(0, _Choice(0, panels=False))]
        for end in range(1, len(self._ordered.items) + 1):
            choices = (choice for choice in self._choices(end) if choice.strips is None)
            steps = [(ways[choice.begin][0] + 1, choice) for choice in choices]
            ways.append(min(steps, key=lambda step: (step[0], step[1].begin, not step[1].panels)))
        return self._path(ways)

    def _next_need(self, peak: int) -> int | None:
        """The smallest need of a known candidate that is above a peak."""
        return min((need for _, need in self._known.values() if need > peak), default=None)

    def without_one_place(self, cut: Cut, most: int) -> Iterator[Cut]:
        """The cheapest cuts within a cut's peak that leave out one of its places each.

        The places between the steps that need most come first.

        A tensor between two steps lies at one address in both; where that keeps the buffers from
        being placed in what each step needs by itself, another cut may do.
        """
        needs = [self._bytes_of(candidate) for candidate in cut.steps]
        beside = {
            candidate.begin: sum(pair)
            for candidate, pair in zip(cut.steps[1:], pairwise(needs), strict=True)
        }
        for place in sorted(beside, key=lambda place: (-beside[place], place))[:most]:
            other = self.cheapest(cut.peak, leave_out=place)
            if other is not None:
                yield other

    def cheapest(self, budget: int | None, *, leave_out: int = 0) -> Cut | None:
        """The cheapest cut of which no step needs more than a budget of bytes, if there is one.

        Args:
            budget: bytes; None for no limit.
            leave_out: a place at which it must not cut; 0 for none.
        """
        ways: list[tuple[int, _Choice] | None] = [(0, _Choice(0, panels=False))]
        for end in range(1, len(self._ordered.items) + 1):
            found: tuple[int, _Choice] | None = None
            for choice in () if end == leave_out else self._choices(end):
                before = ways[choice.begin]
                if before is None:
                    continue
                cost = before[0] + self._cost(choice, end)
                if (found is None or cost < found[0]) and self._is_within(choice, end, budget):
                    found = (cost, choice)
            ways.append(found)
        return None if ways[-1] is None else self._path(ways)

    def _path(self, ways: Sequence[tuple[int, _Choice] | None]) -> Cut:
        """The cut that the last of some ways comes from."""
        candidates: list[StepCandidate] = []
        cost, peak, end = 0, 0, len(ways) - 1
        while end:
            way = ways[end]
            assert way is not None
            candidate, need = self._candidate(way[1], end)
            candidates.append(candidate)
            cost, peak, end = cost + candidate.cost, max(peak, need), candidate.begin
        return Cut(tuple(reversed(candidates)), peak, cost)

    def _choices(self, end: int) -> Iterator[_Choice]:
        """How a candidate may end at a place: as a layer first, then as longer and longer segments.

        A streamed image is no layer, but a segment of its own.
        """
        yield _Choice(end - 1, panels=False)
        if not self._rows:
            return
        family, with_panels = self._families[False][end - 1], self._families[True][end - 1]
        for begin in range(end - 2, family.first - 1, -1):
            if family.has_stages(begin):
                yield _Choice(begin, panels=False)
            if with_panels.has_panels(begin):
                yield _Choice(begin, panels=True)
        yield from self._in_strips(end)

    def _in_strips(self, end: int) -> tuple[_Choice, ...]:
        """The ways to run the items up to a place in strips of columns, more of them for less."""
        if end not in self._strips:
            self._strips[end] = tuple(self._find_strips(end))
        return self._strips[end]

    def _find_strips(self, end: int) -> Iterator[_Choice]:
        cuts = self._families[False][end - 1].strip_cuts
        if self._macs_again is None or cuts is None:
            return
        again = self._families[False][end - 1].macs_again(cuts)
        for panels in (False, True):
            family = self._families[panels][end - 1]
            if panels and not family.has_panels(0):
                continue
            made = np.where(again <= self._macs_again, family.bytes_in_strips(cuts), _NOT_ALLOWED)
            least = family.made_bytes(0)
            for count in np.unique(cuts.counts):
                way = int(np.where(cuts.counts == count, made, _NOT_ALLOWED).argmin())
                if made[way] < least:
                    least = int(made[way])
                    yield _Choice(0, panels, InStrips(way, int(count), int(again[way])))

    def _family(self, choice: _Choice, end: int) -> StepCandidates:
        return self._families[choice.panels][end - 1]

    def _is_layer(self, choice: _Choice, end: int) -> bool:
        return choice.begin == end - 1 and self._ordered.items[choice.begin].node is not None

    def _cost(self, choice: _Choice, end: int) -> int:
        if self._is_layer(choice, end):
            return 0
        family = self._family(choice, end)
        if choice.strips is None:
            return family.cost(choice.begin)
        return family.cost_in_strips(choice.strips.count) + choice.strips.macs_again

    def _is_within(self, choice: _Choice, end: int, budget: int | None) -> bool:
        if budget is None:
            return True
        return self._least(choice, end) <= budget and self._need(choice, end) <= budget

    def _least(self, choice: _Choice, end: int) -> int:
        """Bytes that a candidate needs in any case; cheap to compute."""
        begin, family = choice.begin, self._family(choice, end)
        if begin == end - 1:
            return 0
        made = 0 if choice.strips else family.made_bytes(begin)
        before = self._born < begin
        passing = int(self._bytes[before & (self._last >= end)].sum())
        dying = int(self._bytes[before & (self._last >= begin) & (self._last < end)].sum())
        return passing + max(dying, made)

    def _need(self, choice: _Choice, end: int) -> int:
        return self._candidate(choice, end)[1]

    def _bytes_of(self, candidate: StepCandidate) -> int:
        return candidate_bytes(self._ordered, candidate, self._alignment, self._sizes)

    def _candidate(self, choice: _Choice, end: int) -> tuple[StepCandidate, int]:
        key = (choice, end)
        if key not in self._known:
            family = self._family(choice, end)
            candidate = self._strip_candidate(choice, end) or family.candidate(choice.begin)
            self._known[key] = (candidate, self._bytes_of(candidate))
        return self._known[key]

    def _strip_candidate(self, choice: _Choice, end: int) -> StepCandidate | None:
        if choice.strips is None:
            return None
        family, cuts = self._family(choice, end), self._families[False][end - 1].strip_cuts
        assert cuts is not None
        candidate = family.in_strips(cuts.strips(choice.strips.way))
        return replace(candidate, cost=self._cost(choice, end))
