"""Worker processes that may crash, hang or swell without harm to the rest."""

import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from fuzz.case import Kind, Outcome
from fuzz.limits import MOST_BYTES, resident_bytes
from fuzz.worker import Task, outcomes_of_end, serve

if TYPE_CHECKING:
    from fuzz.worker import Channel

_PATIENCE_S = 180.0
"""Seconds by the clock for a case with all its child processes, on a busy machine."""

_POLL_S = 0.2


@dataclass
class _Worker:
    process: BaseProcess
    connection: "Channel"
    sanitized: bool
    task: Task | None = None
    since: float = 0.0


@dataclass
class _Split:
    """A batch whose worker did not live to answer, while its seeds are tried alone.

    Attributes:
        said: how it ended.
        left: how many seeds have no answer yet.
        failed: whether one of them failed.
    """

    said: str
    left: int
    failed: bool = False

    def settled(self, outcomes: list[Outcome]) -> list[Outcome]:
        """The answers of a seed; the last one fails if none did, for all of them together have."""
        self.left -= 1
        self.failed = self.failed or any(each.failed for each in outcomes)
        if self.left or self.failed:
            return outcomes
        return [Outcome(f"{self.said}, among others", failed=True)]


class Pool:
    """A few worker processes; a worker's end is an outcome of what it was doing."""

    def __init__(self, kinds: Mapping[str, Kind], jobs: int) -> None:
        """Prepare a pool.

        Args:
            kinds: by name.
            jobs: how many cases run at once.
        """
        self._kinds = dict(kinds)
        self._jobs = jobs
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for worker in list(self._workers):
            self._end(worker)

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, list[Outcome]]]:
        """Try tasks, as many at once as there are jobs; answers come as they are ready."""
        source, waiting, splits = iter(tasks), deque[Task](), dict[tuple[str, int], _Split]()
        while True:
            self._hand_out(source, waiting)
            busy = [worker for worker in self._workers if worker.task is not None]
            if not busy:
                return
            ready = wait([worker.connection for worker in busy], timeout=_POLL_S)
            for worker in busy:
                task = worker.task
                assert task is not None
                if worker.connection in ready:
                    outcomes = self._receive(worker)
                else:
                    outcomes = self._overdue(worker)
                if outcomes is None:
                    continue
                if isinstance(outcomes, str) and len(task.seeds) > 1:
                    alone = [Task(task.kind, (seed,)) for seed in task.seeds]
                    split = _Split(outcomes, len(alone))
                    splits |= {(task.kind, seed): split for seed in task.seeds}
                    waiting.extend(alone)
                    continue
                if isinstance(outcomes, str):
                    outcomes = list(outcomes_of_end(task, outcomes))
                for seed in task.seeds:
                    if (split := splits.pop((task.kind, seed), None)) is not None:
                        outcomes = split.settled(outcomes)
                yield task, outcomes

    def _hand_out(self, source: Iterator[Task], waiting: deque[Task]) -> None:
        while sum(worker.task is not None for worker in self._workers) < self._jobs:
            task = waiting.popleft() if waiting else next(source, None)
            if task is None:
                return
            worker = self._idle(sanitized=self._kinds[task.kind].starts_sanitized)
            worker.task, worker.since = task, time.monotonic()
            worker.connection.send(task)

    def _idle(self, *, sanitized: bool) -> _Worker:
        for worker in self._workers:
            if worker.task is None and worker.sanitized == sanitized:
                return worker
        context = multiprocessing.get_context("fork")
        ours, theirs = cast("tuple[Channel, Channel]", context.Pipe())
        process = context.Process(
            target=serve, args=(theirs, self._kinds), kwargs={"sanitized": sanitized}, daemon=True
        )
        process.start()
        theirs.close()
        self._workers.append(_Worker(process, ours, sanitized))
        return self._workers[-1]

    def _receive(self, worker: _Worker) -> list[Outcome] | str:
        try:
            outcomes: list[Outcome] = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            worker.process.join()
            code = worker.process.exitcode or 0
            self._end(worker)
            return f"crashed: {signal.Signals(-code).name if code < 0 else f'status {code}'}"
        worker.task = None
        return outcomes

    def _overdue(self, worker: _Worker) -> str | None:
        """What is wrong with a worker that has not answered yet, which is its end."""
        task = worker.task
        assert task is not None
        if resident_bytes(worker.process.pid or 0) > 2 * MOST_BYTES:
            self._end(worker)
            return "more than 2 GiB"
        if time.monotonic() - worker.since > _PATIENCE_S * max(1, len(task.seeds)):
            self._end(worker)
            return f"no end after {_PATIENCE_S:g} s"
        return None

    def _end(self, worker: _Worker) -> None:
        worker.process.kill()
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
