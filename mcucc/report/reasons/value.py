"""Which reasons a reader wants first."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from mcucc.report.model import Reason

_UNITS: Mapping[str, int] = MappingProxyType(
    {"arena bytes": 0, "instructions": 1, "MACs": 2, "bytes written": 3, "channels": 4}
)


def by_value(reasons: Iterable[Reason]) -> list[Reason]:
    """What was declined and would bring most first, then what was declined, then what was done."""
    return sorted(reasons, key=_rank)


def _rank(reason: Reason) -> tuple[bool, int, int]:
    gain = reason.gain
    if gain is None:
        return reason.declined is None, len(_UNITS), 0
    return reason.declined is None, _UNITS[gain.unit], -gain.amount
