"""Rewrites of graphs that change no output: no bit in int8, no more than rounding in float."""

from mcucc.passes.base import FloatPass, Int8Pass, Pass, PassEvent, run_passes
from mcucc.passes.pipelines import FLOAT, INT8, INT8_WHOLE, PRUNE

__all__ = [
    "FLOAT",
    "INT8",
    "INT8_WHOLE",
    "PRUNE",
    "FloatPass",
    "Int8Pass",
    "Pass",
    "PassEvent",
    "run_passes",
]
