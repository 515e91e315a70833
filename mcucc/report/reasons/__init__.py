"""What was done to a network and what was declined, each with its reason."""

from mcucc.report.reasons.collect import Collected, Grounds, collect

__all__ = ["Collected", "Grounds", "collect"]
