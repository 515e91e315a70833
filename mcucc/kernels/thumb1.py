"""Which layers have a kernel for cores with 16-bit Thumb instructions only."""

from dataclasses import replace

from mcucc.kernels.kernel import Family, Kernel, Unit

_FAMILIES = (Family.CONV, Family.POINTWISE, Family.DENSE)


def thumb1_kernel(portable: Kernel) -> Kernel:
    """The kernel that does the work of one in plain C on Armv6-M, or that one itself."""
    return replace(portable, unit=Unit.THUMB1) if portable.family in _FAMILIES else portable
