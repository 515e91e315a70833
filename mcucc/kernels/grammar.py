"""Kernels from their names, the reverse of `Kernel.name`."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from mcucc.errors import InvariantError
from mcucc.kernels.families import FAMILIES
from mcucc.kernels.kernel import Kernel, Unit, Variant, Window
from mcucc.reference.fixed_point import RequantClass

_VARIANTS: Mapping[tuple[str, Unit, str], Variant] = MappingProxyType(
    {
        (name, variant.unit, variant.name): variant
        for name, family in FAMILIES.items()
        for variant in family.variants
    }
)
"""By family, unit and name of its own."""
_OWN = "|".join(sorted({variant for _, _, variant in _VARIANTS})) or "(?!)"

_NAME = re.compile(
    r"(?P<family>[a-z]+)_s8"
    r"(_k(?P<kh>\d+)x(?P<kw>\d+)s(?P<stride>\d+)(d(?P<dilation>\d+))?)?"
    r"(_(?P<requant>fast|wide|general))?"
    r"(?P<clamp>_clamp)?(_x(?P<multiple>\d+))?(?P<pairs>_pairs)?"
    rf"(_(?P<variant>{_OWN}))?(_(?P<unit>thumb1|dsp|mve))?"
)


def parse_kernel(name: str) -> Kernel:
    """The kernel with this name.

    Raises:
        InvariantError: the name does not follow the grammar.
    """
    found = _NAME.fullmatch(name)
    if found is None or found["family"] not in FAMILIES:
        raise InvariantError(f"'{name}' is no kernel name")
    unit = Unit(found["unit"] or "")
    variant = _VARIANTS.get((found["family"], unit, found["variant"] or ""))
    if found["variant"] is not None and variant is None:
        raise InvariantError(f"'{name}' is no kernel name")
    window = None
    if found["kh"] is not None:
        numbers = (found["kh"], found["kw"], found["stride"], found["dilation"] or "1")
        window = Window(*(int(number) for number in numbers))
    requant = RequantClass[found["requant"].upper()] if found["requant"] else None
    return Kernel(
        FAMILIES[found["family"]],
        window,
        requant,
        clamps=found["clamp"] is not None,
        multiple=int(found["multiple"] or "1"),
        pairs=found["pairs"] is not None,
        unit=unit,
        variant=variant,
    )
