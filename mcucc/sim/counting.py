"""From the log of the instruction counter to instructions per inference and per step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mcucc.codegen.program import RUN_FUNCTIONS
from mcucc.errors import SimulationError
from mcucc.sim.result import RunResult

EVENTS_FILE = "events.bin"

RUN_END = "mcucc_harness_run_end"
"""Where the harness's call of the network returns to."""
_HOOK_RETURN_INSTRUCTIONS = 1  # the empty hook at the begin of a step


def run_entries(network: str) -> tuple[str, ...]:
    """The functions of which a run is one: its image in the arena, or handed over."""
    return tuple(f"{network}_{function}" for function in RUN_FUNCTIONS)


@dataclass(frozen=True)
class Event:
    """A pass through a marked instruction.

    Attributes:
        symbol: name of the mark.
        executed: instructions executed before, since the machine started.
    """

    symbol: str
    executed: int


@dataclass(frozen=True)
class Marks:
    """The marks of a run.

    Attributes:
        network: prefix of the network's symbols.
        extra: symbols that the caller wants counted.
    """

    network: str
    extra: tuple[str, ...]

    @property
    def entries(self) -> tuple[str, ...]:
        """The first instruction of an inference: its image in the arena, or handed over."""
        return run_entries(self.network)

    @property
    def step_begin(self) -> str:
        """The hook before a step."""
        return f"{self.network}_step_begin"

    @property
    def step_end(self) -> str:
        """The hook after a step."""
        return f"{self.network}_step_end"

    @staticmethod
    def symbols(network: str, extra: Sequence[str]) -> tuple[str, ...]:
        """Returns all symbols to mark; those a program does not have are no error."""
        marks = Marks(network, tuple(extra))
        own = (*marks.entries, RUN_END, marks.step_begin, marks.step_end)
        return (*own, *(symbol for symbol in extra if symbol not in own))


def read_events(path: Path, symbols: Sequence[str]) -> tuple[Event, ...]:
    """Reads the log of `count_insn.c`: pairs of uint64, index of the mark and count.

    Args:
        path: the log.
        symbols: names of the marks by index.

    Raises:
        SimulationError: there is no log: the simulator did not load the plugin.
    """
    if not path.is_file():
        raise SimulationError("the instruction counter was not loaded by the simulator")
    pairs = np.fromfile(path, np.uint64).reshape(-1, 2)
    return tuple(Event(symbols[int(mark)], int(count)) for mark, count in pairs)


def add_counts(result: RunResult, events: Sequence[Event], marks: Marks) -> RunResult:
    """Returns `result` with the counts of each inference."""
    runs = tuple(_inferences(events, marks))
    steps = tuple(_step_counts(run, marks) for run in runs)
    passes = tuple({symbol: _passes(run, symbol) for symbol in marks.extra} for run in runs)
    return replace(
        result,
        instructions=tuple(run[-1].executed - run[0].executed for run in runs),
        step_instructions=steps if any(steps) else None,
        marks=passes if marks.extra else None,
    )


def _inferences(events: Sequence[Event], marks: Marks) -> Iterator[list[Event]]:
    """Yields the events of each inference, from the run function's entry to its return."""
    run: list[Event] = []
    for event in events:
        if event.symbol in marks.entries and not run:
            run = [event]
        elif run:
            run.append(event)
            if event.symbol == RUN_END:
                yield run
                run = []


def _step_counts(run: Sequence[Event], marks: Marks) -> tuple[int, ...]:
    begins = [e.executed for e in run if e.symbol == marks.step_begin]
    ends = [e.executed for e in run if e.symbol == marks.step_end]
    if len(begins) != len(ends):
        raise SimulationError(f"{len(begins)} steps have begun, {len(ends)} have ended")
    return tuple(
        end - begin - _HOOK_RETURN_INSTRUCTIONS for begin, end in zip(begins, ends, strict=True)
    )


def _passes(run: Sequence[Event], symbol: str) -> tuple[int, ...]:
    return tuple(e.executed - run[0].executed for e in run if e.symbol == symbol)
