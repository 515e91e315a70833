"""Operators that make indices."""

from collections.abc import Mapping
from typing import Any

from mcucc.kernels.kernel import Access, Family, Kernel, Shape
from mcucc.kernels.use import Field, KernelUse, LayerCode, OperatorKernels
from mcucc.ops import Int8Op, NodeView
from mcucc.ops.index import ArgMax, TopKIndices, TopKValues

ARG_MAX = Family("argmax", Shape.PIXELS, Access.PIXEL, "arg", constants=(("largest", 1),))
ARG_MIN = Family("argmin", Shape.PIXELS, Access.PIXEL, "arg", constants=(("largest", 0),))
TOP_VALUES = Family("topvalues", Shape.PIXELS, Access.PIXEL, "top_k", constants=(("indices", 0),))
TOP_INDICES = Family("topindices", Shape.PIXELS, Access.PIXEL, "top_k", constants=(("indices", 1),))
FAMILIES = (ARG_MAX, ARG_MIN, TOP_VALUES, TOP_INDICES)


def _kernel(view: NodeView[Any]) -> Kernel:
    return Kernel(ARG_MAX if view.op.largest else ARG_MIN)


def _code(use: KernelUse[ArgMax]) -> LayerCode:
    channels = use.x.hwc[2]
    first, step = (channels - 1, -1) if use.op.last else (0, 1)
    fields: list[Field] = [("c", str(channels)), ("first", str(first)), ("step", str(step))]
    return use.code(fields)


def _top_k(use: KernelUse[TopKIndices | TopKValues]) -> LayerCode:
    flip = "0" if use.op.largest else "-1"
    return use.code([("c", str(use.x.hwc[2])), ("k", str(use.op.k)), ("flip", flip)])


OPERATORS: Mapping[type[Int8Op], OperatorKernels[Any]] = {
    ArgMax: OperatorKernels(_kernel, _code),
    TopKIndices: OperatorKernels(lambda _: Kernel(TOP_INDICES), _top_k),
    TopKValues: OperatorKernels(lambda _: Kernel(TOP_VALUES), _top_k),
}
