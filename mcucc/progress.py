"""What a command says while it works."""

from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Stage(Protocol):
    """Names what is being done now, and how much of it is done."""

    def __call__(self, description: str, done: float | None = None) -> None:
        """Report a stage; `done` is the share from 0 to 1, None if it is not known."""


def silent(description: str, done: float | None = None) -> None:
    """A stage that nobody watches."""


class progress:  # noqa: N801 -- used like a function
    """A bar on stderr with the current stage and its time; silent where nobody watches.

    Args:
        quiet: whether to be silent on a terminal too.
    """

    def __init__(self, *, quiet: bool) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> Stage:
        """Start; the function that is given back names the next stage."""
        self._progress.start()
        return self._stage

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _stage(self, description: str, done: float | None = None) -> None:
        total = None if done is None else 1.0
        self._progress.update(self._task, description=description, total=total, completed=done or 0)
