"""mcucc: compiles trained neural networks into plain C for microcontrollers.

>>> import mcucc
>>> mcucc.inspect("examples/digits/digits_float.onnx").supported
True

docs/api.md describes the names below, which are the public surface.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcucc.api.surface import (
        Board,
        BoardError,
        Boards,
        Comparison,
        Compilation,
        DoesNotFitError,
        Evaluation,
        InputFileError,
        Inspection,
        InvariantError,
        JudgeAbsentError,
        LoadedNetwork,
        McuccError,
        ModelPlans,
        Report,
        SimulationError,
        ToolchainError,
        UnsupportedModelError,
        UsageError,
        Verification,
        VerificationError,
        Violation,
        boards,
        compare,
        compile,  # noqa: A004 -- users write mcucc.compile
        evaluate,
        inspect,
        load,
        plan,
        verify,
    )

__version__ = "0.1.0"

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
    "__version__",
    "boards",
    "compare",
    "compile",
    "evaluate",
    "inspect",
    "load",
    "plan",
    "verify",
]

if not TYPE_CHECKING:  # a checker would take any name for one of these

    def __getattr__(name: str) -> object:
        """A name of the public surface, loaded when it is first asked for (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module 'mcucc' has no attribute '{name}'")
        from importlib import import_module  # noqa: PLC0415 -- `import mcucc` stays small

        return getattr(import_module("mcucc.api.surface"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
