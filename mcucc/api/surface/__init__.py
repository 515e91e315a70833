"""The public surface: all of `mcucc` that programs may rest on, which docs/api.md describes.

`import mcucc` offers the same names and loads this package when the first of them is used.
"""

from mcucc.api.compare import Comparison
from mcucc.api.compile import Compilation
from mcucc.api.evaluate import Evaluation
from mcucc.api.inspect import Inspection
from mcucc.api.plan import ModelPlans
from mcucc.api.surface.functions import (
    boards,
    compare,
    compile,  # noqa: A004 -- users write mcucc.compile
    evaluate,
    inspect,
    load,
    plan,
    verify,
)
from mcucc.api.surface.loaded import LoadedNetwork
from mcucc.api.surface.tables import Boards
from mcucc.api.verify import Verification
from mcucc.errors import (
    BoardError,
    DoesNotFitError,
    InputFileError,
    InvariantError,
    JudgeAbsentError,
    McuccError,
    SimulationError,
    ToolchainError,
    UnsupportedModelError,
    UsageError,
    VerificationError,
    Violation,
)
from mcucc.report import Report
from mcucc.targets.board import Board

__all__ = [
    "Board",
    "BoardError",
    "Boards",
    "Comparison",
    "Compilation",
    "DoesNotFitError",
    "Evaluation",
    "InputFileError",
    "Inspection",
    "InvariantError",
    "JudgeAbsentError",
    "LoadedNetwork",
    "McuccError",
    "ModelPlans",
    "Report",
    "SimulationError",
    "ToolchainError",
    "UnsupportedModelError",
    "UsageError",
    "Verification",
    "VerificationError",
    "Violation",
    "boards",
    "compare",
    "compile",
    "evaluate",
    "inspect",
    "load",
    "plan",
    "verify",
]
