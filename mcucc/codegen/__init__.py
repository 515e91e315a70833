"""From a memory plan to C text."""

from mcucc.codegen.emit import EXAMPLE, emit, self_test
from mcucc.codegen.lower import lower
from mcucc.codegen.program import Files, Io, Program, Provenance, SelfTest

__all__ = [
    "EXAMPLE",
    "Files",
    "Io",
    "Program",
    "Provenance",
    "SelfTest",
    "emit",
    "lower",
    "self_test",
]
