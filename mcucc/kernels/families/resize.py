"""Resizes: pixels that are repeated, and those that lie between others."""

from collections.abc import Mapping
from typing import Any

from mcucc.kernels.kernel import Access, Family, Shape
from mcucc.kernels.use import KernelUse, LayerCode, OperatorKernels, plain
from mcucc.ops import Int8Op
from mcucc.ops.resize import PickNearest, Places, ResizeBilinear, ResizeNearest

RESIZE = Family("resize", Shape.WINDOW, Access.PIXEL, "resize", leaves_padding_out=True)
BILINEAR = Family(
    *("bilinear", Shape.WINDOW, Access.PIXEL, "bilinear"),
    leaves_padding_out=True,
    takes_row=True,
)
NEAREST = Family("nearest", Shape.WINDOW, Access.PIXEL, "nearest", leaves_padding_out=True)
FAMILIES = (RESIZE, BILINEAR, NEAREST)


def _resize(use: KernelUse[ResizeNearest]) -> LayerCode:
    return use.code([("c", str(use.x.hwc[2])), ("columns", str(use.op.factor[1]))])


def _bilinear(use: KernelUse[ResizeBilinear]) -> LayerCode:
    _, in_w, in_c = use.x.hwc
    rows, columns = use.op.places(use.x)
    return use.code(
        [
            ("in_w", str(in_w)),
            ("c", str(in_c)),
            ("rows", _places(rows)),
            ("columns", _places(columns)),
        ]
    )


def _nearest(use: KernelUse[PickNearest]) -> LayerCode:
    columns = use.op.window([use.x]).columns
    return use.code(
        [
            ("c", str(use.x.hwc[2])),
            ("stride", str(columns.stride)),
            ("phase", str(columns.phase)),
            ("repeat", str(columns.repeat)),
        ]
    )


def _places(places: Places) -> str:
    return f"{{.step = {places.step}, .start = {places.start}, .per = {places.per}}}"


OPERATORS: Mapping[type[Int8Op], OperatorKernels[Any]] = {
    PickNearest: OperatorKernels(plain(NEAREST), _nearest),
    ResizeBilinear: OperatorKernels(plain(BILINEAR), _bilinear),
    ResizeNearest: OperatorKernels(plain(RESIZE), _resize),
}
