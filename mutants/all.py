"""All deliberate faults."""

from collections.abc import Mapping
from types import MappingProxyType

from mutants import (
    code,
    kernels,
    movement,
    planner,
    quantizer,
    rewrites,
    states,
    units,
    variants,
)
from mutants.mutant import Mutant

LISTS: tuple[tuple[Mutant, ...], ...] = (
    kernels.MUTANTS,
    units.MUTANTS,
    planner.MUTANTS,
    quantizer.MUTANTS,
    rewrites.MUTANTS,
    code.MUTANTS,
    states.MUTANTS,
    movement.MUTANTS,
    variants.MUTANTS,
)

MUTANTS: Mapping[str, Mutant] = MappingProxyType(
    {mutant.name: mutant for mutants in LISTS for mutant in mutants}
)
"""By name."""
