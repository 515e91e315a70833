"""How many instructions kernels take, as measured: for reasons, never for a decision."""

from collections.abc import Mapping
from types import MappingProxyType

from mcucc.kernels.kernel import Kernel, Unit
from mcucc.targets.core import Core

INSTRUCTIONS_PER_MAC: Mapping[str, Mapping[Unit, float]] = MappingProxyType(
    {
        "conv": MappingProxyType(
            {Unit.PORTABLE: 2.01, Unit.THUMB1: 4.03, Unit.DSP: 1.09, Unit.MVE: 0.19}
        ),
        "dw": MappingProxyType(
            {Unit.PORTABLE: 4.91, Unit.THUMB1: 8.55, Unit.DSP: 3.07, Unit.MVE: 0.99}
        ),
        "pw": MappingProxyType(
            {Unit.PORTABLE: 2.26, Unit.THUMB1: 4.76, Unit.DSP: 1.14, Unit.MVE: 0.24}
        ),
        "fc": MappingProxyType(
            {Unit.PORTABLE: 2.50, Unit.THUMB1: 3.77, Unit.DSP: 1.21, Unit.MVE: 0.20}
        ),
    }
)
"""Instructions for a multiply-accumulate, by family and unit, over all layers of bench/results.

Those of plain C on Cortex-M3, of 16-bit Thumb on M0+, of the DSP extension on M4, of Helium on M55;
a family that is not named has kernels for no unit, or was not measured.
"""


def instructions_saved(kernel: Kernel, unit: Unit, macs: int) -> int | None:
    """About how many instructions a layer would take less on another unit.

    Args:
        kernel: what executes it.
        unit: what would, if there were a kernel.
        macs: multiply-accumulates of the layer.

    Returns:
        None where its family was not measured on both, or if nothing would be saved.
    """
    known = INSTRUCTIONS_PER_MAC.get(kernel.family.name, {})
    if kernel.unit not in known or unit not in known:
        return None
    saved = round((known[kernel.unit] - known[unit]) * macs)
    return saved if saved > 0 else None


def predicted_instructions(kernel: str, macs: int, core: Core) -> int | None:
    """About how many instructions a layer takes.

    Args:
        kernel: name of what executes it.
        macs: multiply-accumulates of the layer.
        core: that runs it.

    Returns:
        None where its family was not measured on the unit. What was measured of plain C is that of
        a core with Thumb-2, and no guess is made for others.
    """
    family, _, rest = kernel.partition("_s8")
    last = rest.rpartition("_")[2]
    unit = Unit(last) if last in (Unit.THUMB1, Unit.DSP, Unit.MVE) else Unit.PORTABLE
    rate = INSTRUCTIONS_PER_MAC.get(family, {}).get(unit)
    if rate is None or (unit is Unit.PORTABLE and not core.has_thumb2):
        return None
    return round(rate * macs)
