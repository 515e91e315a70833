"""What a worker process does: cases in, outcomes out."""

import os
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fuzz.case import Case, Kind, Outcome
from fuzz.command import empty
from fuzz.limits import limit_address_space

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
            connection.send(_answer(task, kinds[task.kind], folder))
            empty(folder)


def _answer(task: Task, kind: Kind, folder: Path) -> list[Outcome]:
    try:
        cases = [task.case] if task.case else [kind.draw(seed) for seed in task.seeds]
        return kind.judge(cases, folder)
    except Exception:  # noqa: BLE001 -- a fault of the fuzzer is shown, and is a failure
        broken = Outcome("the fuzzer is broken", failed=True, detail=traceback.format_exc())
    if len(task.seeds) == 1 or task.case is not None:
        return [broken]
    answers: list[Outcome] = []
    for seed in task.seeds:
        empty(folder)
        answers += _answer(Task(task.kind, (seed,)), kind, folder)
    # What no seed shows alone, all show together.
    return answers if any(each.failed for each in answers) else [broken, *answers[1:]]


def outcomes_of_end(task: Task, said: str) -> Sequence[Outcome]:
    """What is to be said of a task whose worker did not live to answer."""
    return [Outcome(said, failed=True)] * max(1, len(task.seeds))
