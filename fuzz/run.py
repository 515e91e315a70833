"""A run: seeds to outcomes, failures to small cases, both to files."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fuzz.case import Case, Kind, Outcome, save_case
from fuzz.kinds import KINDS
from fuzz.ledger import Entry, Key, Ledger, code_state, ranges
from fuzz.pool import Pool
from fuzz.shrink import shrink
from fuzz.worker import Task

_APPEND_EVERY_S = 20.0
_SHRUNK_PER_FAULT = 1
"""How many failures with one label are made smaller: others are most likely the same fault."""
_SHOWN = 12
"""Failures of a kind in the summary."""


@dataclass(frozen=True)
class Wanted:
    """Seeds [first, end) of a kind."""

    kind: Kind
    first: int
    end: int


@dataclass
class Run:
    """A run of the fuzzer.

    Attributes:
        ledger: what is known, and where new results go.
        cases: folder for failures; None to write none.
        jobs: how many cases run at once.
        seconds: by the clock, after which nothing new begins; None for no end.
    """

    ledger: Ledger
    cases: Path | None
    jobs: int
    seconds: float | None
    _failures: list[tuple[Case, Outcome]] = field(default_factory=list[tuple[Case, Outcome]])

    def attack(self, wanted: Sequence[Wanted]) -> int:
        """Try all seeds that are not known yet; 1 if anything failed, or had failed before."""
        state, begun = code_state(), time.monotonic()
        fresh: dict[Key, Entry] = {}
        saved = begun
        with Pool(KINDS, self.jobs) as pool:
            try:
                for task, outcomes in pool.run(self._tasks(wanted, state, begun)):
                    kind = KINDS[task.kind]
                    key = (state, kind.name, kind.drawing)
                    fresh.setdefault(key, Entry()).add(self._entry(kind, task, outcomes))
                    if time.monotonic() - saved > _APPEND_EVERY_S:
                        saved = time.monotonic()
                        self._append(fresh)
            finally:
                self._append(fresh)
                self.ledger.compact()
            self._shrink(pool)
        return self._summarize(wanted, state, time.monotonic() - begun)

    def judge(self, case: Case) -> Outcome:
        """Try one case in a process of its own."""
        with Pool(KINDS, 1) as pool:
            return _judged(pool, case)

    def _tasks(self, wanted: Sequence[Wanted], state: str, begun: float) -> Iterator[Task]:
        for each in wanted:
            done = self.ledger.done((state, each.kind.name, each.kind.drawing))
            left = [seed for seed in range(each.first, each.end) if seed not in done]
            for at in range(0, len(left), each.kind.batch):
                if self.seconds is not None and time.monotonic() - begun > self.seconds:
                    return
                yield Task(each.kind.name, tuple(left[at : at + each.kind.batch]))

    def _entry(self, kind: Kind, task: Task, outcomes: Sequence[Outcome]) -> Entry:
        failures: dict[int, str] = {}
        for seed, outcome in zip(task.seeds, outcomes, strict=True):
            if outcome.failed:
                failures[seed] = outcome.said
                self._failures.append((kind.draw(seed), outcome))
                print(f"FAILED {kind.name}:{seed}: {outcome.said}", flush=True)
        return Entry(set(task.seeds), Counter(o.said for o in outcomes), failures)

    def _append(self, fresh: dict[Key, Entry]) -> None:
        for key, entry in fresh.items():
            self.ledger.append(key, entry)
        fresh.clear()

    def _shrink(self, pool: Pool) -> None:
        """Make the first failures of each label smaller and write them down."""
        seen: Counter[tuple[str, str]] = Counter()
        for case, outcome in sorted(self._failures, key=lambda each: _size(each[0])):
            fault = (case.kind, outcome.said)
            seen[fault] += 1
            if self.cases is None or seen[fault] > _SHRUNK_PER_FAULT:
                continue
            small = shrink(case, outcome.said, KINDS[case.kind], lambda c: _judged(pool, c))
            path = save_case(small, outcome.said, self.cases)
            print(f"{path}: {outcome.said}\n{outcome.detail}\n")

    def _summarize(self, wanted: Sequence[Wanted], state: str, seconds: float) -> int:
        failed = 0
        print(f"state {state}, {seconds:.0f} s")
        for each in wanted:
            key = (state, each.kind.name, each.kind.drawing)
            entry = self.ledger.entries.get(key, Entry())
            failed += len(entry.failures)
            counts = ", ".join(f"{n:,} {said}" for said, n in entry.outcomes.most_common())
            spans = " ".join(f"{a}..{b}" for a, b in ranges(entry.seeds))
            print(f"{each.kind.name:12} {len(entry.seeds):6,} seeds ({spans}): {counts}")
            for seed, said in list(entry.failures.items())[:_SHOWN]:
                print(f"{'':12} FAILED {each.kind.name}:{seed}: {said}")
        print(f"{failed} failed" if failed else "nothing failed")
        return int(failed > 0)


def _judged(pool: Pool, case: Case) -> Outcome:
    return next(outcomes[0] for _, outcomes in pool.run([Task(case.kind, case=case)]))


def _size(case: Case) -> int:
    return sum(len(content) for content in case.files.values())
