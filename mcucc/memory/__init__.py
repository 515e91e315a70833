"""Placing buffers in one arena: a problem goes in, a validated placement comes out.

Pure integers; this package knows nothing of graphs or of C.
"""

from mcucc.memory.bound import least_bytes, lower_bound, peak_step
from mcucc.memory.draw import draw, glyphs
from mcucc.memory.problem import ALIGNMENT, Buffer, Overlap, Placement, Problem
from mcucc.memory.solve import DEFAULT_BUDGET, Solver, place, place_greedy
from mcucc.memory.validate import Fault, Rule, validate

__all__ = [
    "ALIGNMENT",
    "DEFAULT_BUDGET",
    "Buffer",
    "Fault",
    "Overlap",
    "Placement",
    "Problem",
    "Rule",
    "Solver",
    "draw",
    "glyphs",
    "least_bytes",
    "lower_bound",
    "peak_step",
    "place",
    "place_greedy",
    "validate",
]
