"""What a worker process does: cases in, outcomes out."""

import os
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fuzz.case import Case, Kind, Outcome
from fuzz.command import empty
from fuzz.limits import (
    MOST_BYTES,
    MOST_SECONDS,
    OverTime,
    forget_peak,
    limit_address_space,
    limited_time,
    peak_bytes,
)

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    Channel = Connection[Any, Any]


@dataclass(frozen=True)
class Task:
    """Seeds of a kind, or one case of it.

    Attributes:
        kind: its name.
        seeds: what to draw; empty if the case is given.
        case: what to try; None if seeds are given.
    """

    kind: str
    seeds: tuple[int, ...] = ()
    case: Case | None = None


def serve(connection: "Channel", kinds: dict[str, Kind], *, sanitized: bool) -> None:
    """Answer tasks until there are none; runs in a process of its own."""
    if not sanitized:
        limit_address_space()
    with tempfile.TemporaryDirectory(prefix="mcucc-fuzz-") as name:
        folder = Path(name)
        os.chdir(folder)
        while (task := connection.recv()) is not None:
            connection.send(_guarded(task, kinds[task.kind], folder))
            empty(folder)


def _guarded(task: Task, kind: Kind, folder: Path) -> Sequence[Outcome]:
    try:
        return _answer(task, kind, folder)
    except Exception:  # noqa: BLE001 -- a fault of the fuzzer is shown, and is a failure
        if len(task.seeds) > 1:
            return _one_by_one(task, kind, folder)
        return [Outcome("the fuzzer is broken", failed=True, detail=traceback.format_exc())]


def _answer(task: Task, kind: Kind, folder: Path) -> list[Outcome]:
    forget_peak()
    try:
        cases = [task.case] if task.case else [kind.draw(seed) for seed in task.seeds]
        with limited_time(MOST_SECONDS * len(cases)):
            outcomes = kind.judge(cases, folder)
    except OverTime:
        if len(task.seeds) > 1:
            return _one_by_one(task, kind, folder)
        return [Outcome(f"more than {MOST_SECONDS:g} s", failed=True)]
    return _within_memory(task, kind, folder, outcomes)


def _within_memory(task: Task, kind: Kind, folder: Path, outcomes: list[Outcome]) -> list[Outcome]:
    peak = peak_bytes()
    if peak <= MOST_BYTES:
        return outcomes
    if len(outcomes) > 1:
        return _one_by_one(task, kind, folder)
    return [replace(outcomes[0], said="more than 1 GiB", failed=True)]


def _one_by_one(task: Task, kind: Kind, folder: Path) -> list[Outcome]:
    found: list[Outcome] = []
    for seed in task.seeds:
        empty(folder)
        found += _guarded(Task(task.kind, (seed,)), kind, folder)
    return found


def outcomes_of_end(task: Task, said: str) -> Sequence[Outcome]:
    """What is to be said of a task whose worker did not live to answer."""
    return [Outcome(said, failed=True)] * max(1, len(task.seeds))
