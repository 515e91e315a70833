"""From a memory plan to C text."""

from mcucc.codegen.emit import emit, self_test
from mcucc.codegen.lower import ARENA_ALIGN, lower
from mcucc.codegen.program import Files, Io, Program, Provenance, SelfTest

__all__ = [
    "ARENA_ALIGN",
    "Files",
    "Io",
    "Program",
    "Provenance",
    "SelfTest",
    "emit",
    "lower",
    "self_test",
]
