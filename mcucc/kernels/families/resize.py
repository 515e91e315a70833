"""Resizes: pixels that are repeated."""

from collections.abc import Mapping
from typing import Any

from mcucc.kernels.kernel import Access, Family, Shape
from mcucc.kernels.use import KernelUse, LayerCode, OperatorKernels, plain
from mcucc.ops import Int8Op
from mcucc.ops.resize import ResizeNearest

RESIZE = Family("resize", Shape.WINDOW, Access.PIXEL, "resize", leaves_padding_out=True)
FAMILIES = (RESIZE,)


def _resize(use: KernelUse[ResizeNearest]) -> LayerCode:
    return use.code([("c", str(use.x.hwc[2])), ("columns", str(use.op.factor[1]))])


OPERATORS: Mapping[type[Int8Op], OperatorKernels[Any]] = {
    ResizeNearest: OperatorKernels(plain(RESIZE), _resize),
}
