"""Which C kernel computes which node."""

from mcucc.kernels.kernel import Family, Kernel, Shape, Window, parse_kernel
from mcucc.kernels.select import select_kernels

__all__ = ["Family", "Kernel", "Shape", "Window", "parse_kernel", "select_kernels"]
