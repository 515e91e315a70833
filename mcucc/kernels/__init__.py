"""Which C kernel computes which node."""

from mcucc.kernels.kernel import Access, Family, Kernel, Shape, Unit, Window, parse_kernel
from mcucc.kernels.rows import row_kernel
from mcucc.kernels.select import select_kernels

__all__ = [
    "Access",
    "Family",
    "Kernel",
    "Shape",
    "Unit",
    "Window",
    "parse_kernel",
    "row_kernel",
    "select_kernels",
]
