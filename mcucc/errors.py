"""Every error a user can meet, each with the exit code of the command line.

An error names the thing that is wrong and says what to do. `InvariantError` alone means a bug
in mcucc.
"""

from dataclasses import dataclass
from pathlib import Path


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


class UnsupportedModelError(McuccError):
    """The model breaks one or more rules; all of them are listed at once."""

    exit_code = 3

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        lines = "\n".join(f"  - {violation}" for violation in violations)
        super().__init__(f"the model cannot be compiled, {len(violations)} reason(s):\n{lines}")
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


class VerificationError(McuccError):
    """Two links of the verification ladder disagree."""

    exit_code = 1


class InvariantError(McuccError):
    """A bug in mcucc itself: something that its own stages promise each other does not hold."""

    exit_code = 70
