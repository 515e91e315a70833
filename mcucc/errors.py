"""Every error a user can meet, each with the exit code of the command line.

An error names the thing that is wrong and says what to do. `InvariantError` alone means a bug
in mcucc.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_NAMED_NODES = 3
"""Of a group of nodes that break the same rule."""


class McuccError(Exception):
    """Base class of all errors that mcucc raises on purpose."""

    exit_code: int = 70


class UsageError(McuccError):
    """The caller asked for something that does not exist or does not go together."""

    exit_code = 2


class BoardError(UsageError):
    """A board file has an unknown, missing or impossible key, or the board does not exist."""


class InputFileError(McuccError):
    """A file cannot be read as what it should be."""

    exit_code = 3

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


@dataclass(frozen=True)
class Violation:
    """One reason why a model cannot be compiled.

    Attributes:
        node: name of the ONNX node (or tensor) that breaks the rule.
        op: its ONNX operator type.
        rule: the rule, as a sentence.
        actual: what the model has instead.
        hint: what the user can do.
    """

    node: str
    op: str
    rule: str
    actual: str
    hint: str

    def __str__(self) -> str:
        return f"{self.op} '{self.node}': {self.rule}; here: {self.actual}. {self.hint}"


def grouped(violations: Iterable[Violation]) -> tuple[str, ...]:
    """The violations as sentences; nodes that break the same rule share one.

    The first nodes of a group are named, and its value and hint are those of the first.
    """
    groups: dict[tuple[str, str], list[Violation]] = {}
    for violation in violations:
        groups.setdefault((violation.op, violation.rule), []).append(violation)
    return tuple(_sentence(group) for group in groups.values())


def _sentence(group: Sequence[Violation]) -> str:
    first, nodes = group[0], list(dict.fromkeys(f"'{violation.node}'" for violation in group))
    if len(nodes) == 1:
        return str(first)
    more = f" and {len(nodes) - _NAMED_NODES} more" if len(nodes) > _NAMED_NODES else ""
    same = all(violation.actual == first.actual for violation in group)
    here = "here" if same else f"here, at {nodes[0]}"
    return (
        f"{first.op}, {len(nodes)} nodes ({', '.join(nodes[:_NAMED_NODES])}{more}): {first.rule}; "
        f"{here}: {first.actual}. {first.hint}"
    )


class UnsupportedModelError(McuccError):
    """The model breaks one or more rules; all of them are listed at once."""

    exit_code = 3

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        reasons = grouped(violations)
        lines = "\n".join(f"  - {reason}" for reason in reasons)
        super().__init__(f"the model cannot be compiled, {len(reasons)} reason(s):\n{lines}")
        self.violations = violations


class DoesNotFitError(McuccError):
    """The model needs more memory than the board or the budget has."""

    exit_code = 4


class ToolchainError(McuccError):
    """A compiler is missing or failed."""

    exit_code = 5


class SimulationError(McuccError):
    """A built network could not be run: it crashed, hung or gave garbage."""

    exit_code = 5


class JudgeAbsentError(SimulationError):
    """A judge of `verify` is not installed, or a known limit of its own keeps it from judging."""


class VerificationError(McuccError):
    """Two links of the verification ladder disagree."""

    exit_code = 1


class InvariantError(McuccError):
    """A bug in mcucc itself: something that its own stages promise each other does not hold."""

    exit_code = 70
