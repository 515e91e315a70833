"""Which C kernel computes which node, and what it reads."""

from mcucc.kernels.families import FAMILIES
from mcucc.kernels.grammar import parse_kernel
from mcucc.kernels.kernel import Access, Family, Kernel, Shape, Unit, Variant, Window
from mcucc.kernels.select import Choice, choose_kernels, row_kernel, select_kernels
from mcucc.kernels.use import Declined

__all__ = [
    "FAMILIES",
    "Access",
    "Choice",
    "Declined",
    "Family",
    "Kernel",
    "Shape",
    "Unit",
    "Variant",
    "Window",
    "choose_kernels",
    "parse_kernel",
    "row_kernel",
    "select_kernels",
]
