"""How much is run: `make full` runs cases that `make test` leaves out for their time."""

import os
from collections.abc import Iterable
from typing import TypeVar

IS_FULL = os.environ.get("MCUCC_FULL") == "1"
Case = TypeVar("Case")


def cases(always: Iterable[Case], *, only_full: Iterable[Case]) -> tuple[Case, ...]:
    """The cases of a test; those of the long form prove nothing new but on another network."""
    return (*always, *only_full) if IS_FULL else tuple(always)
