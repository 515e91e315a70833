"""Rewrites of graphs that change no output bit."""

from mcucc.passes.base import Int8Pass, PassEvent, run_passes
from mcucc.passes.pipelines import INT8

__all__ = ["INT8", "Int8Pass", "PassEvent", "run_passes"]
