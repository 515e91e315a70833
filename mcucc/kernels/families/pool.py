"""Pools and means: over windows, over whole maps, and over maps whose rows come one by one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mcucc.kernels.kernel import Access, Family, Kernel, Shape, Unit, Window
from mcucc.kernels.use import (
    Field,
    KernelUse,
    LayerCode,
    OperatorKernels,
    always,
    channel_literal,
    plain,
)
from mcucc.ops import Int8Op, NodeView
from mcucc.ops.pool import AveragePool2D, MaxPool2D, Mean
from mcucc.reference.parameters import mean_parameters

AVERAGE_POOL = Family(
    *("avgpool", Shape.WINDOW, Access.PIXEL, "average_pool"),
    dilates=False,
    leaves_padding_out=True,
    takes_columns=True,
)
MAX_POOL = Family(
    *("maxpool", Shape.WINDOW, Access.PIXEL, "max_pool"),
    dilates=False,
    leaves_padding_out=True,
    takes_columns=True,
)
MEAN = Family("mean", Shape.TENSOR, Access.WHOLE, "mean")
MEAN_ROWS = Family("meanrows", Shape.REDUCTION, Access.WHOLE, "mean_rows")
AVERAGE_ROWS = Family("avgrows", Shape.REDUCTION, Access.WHOLE, "average_rows")
FAMILIES = (AVERAGE_POOL, MAX_POOL, MEAN, MEAN_ROWS, AVERAGE_ROWS)


def _average_pool(view: NodeView[AveragePool2D]) -> Kernel:
    return Kernel(AVERAGE_POOL, Window(*view.op.kernel, view.op.stride[1]))


def _max_pool(view: NodeView[MaxPool2D]) -> Kernel:
    return Kernel(MAX_POOL, Window(*view.op.kernel, view.op.stride[1]))


def _mean_by_rows(view: NodeView[Any]) -> Kernel | None:
    """A mean over a whole map needs four bytes a channel; the map need not be held."""
    whole = view.output.hwc[:2] == (1, 1) and view.x.hwc[0] > 1
    return Kernel(MEAN_ROWS) if whole else None


def _average_by_rows(view: NodeView[AveragePool2D]) -> Kernel | None:
    """The same of an average pool over a whole map without padding."""
    op, (rows, pixels, _) = view.op, view.x.hwc
    if op.kernel == (rows, pixels) and rows > 1:
        return None if any(op.pads) else Kernel(AVERAGE_ROWS)
    return _average_pool(view)


def _pool(use: KernelUse[AveragePool2D | MaxPool2D]) -> LayerCode:
    in_h, in_w, in_c = use.x.hwc
    if use.family is AVERAGE_ROWS:
        return use.code([("rows", str(in_h)), ("pixels", str(in_w)), ("c", str(in_c))])
    pad_left = use.op.pads[2]
    return use.code([("in_w", str(in_w)), ("c", str(in_c)), ("pad_left", str(pad_left))])


def _mean(use: KernelUse[Mean]) -> LayerCode:
    p = mean_parameters(use.graph, use.node)
    scaling: list[Field] = [
        ("scale", channel_literal(-p.count * use.x.q.zero_point, p.multiplier)),
        ("output", use.output_literal()),
    ]
    if use.family is MEAN_ROWS:
        rows, pixels, c = use.x.hwc
        sizes: list[Field] = [("rows", str(rows)), ("pixels", str(pixels)), ("c", str(c))]
        return use.code([*sizes, *scaling])
    outer = int(np.prod(use.x.shape[: use.op.axes[0]]))
    fields: list[Field] = [
        ("outer", str(outer)),
        ("count", str(p.count)),
        ("inner", str(use.x.size // (outer * p.count))),
        *scaling,
    ]
    return use.code(fields)


_ON_HELIUM = {Unit.MVE: always}

OPERATORS: Mapping[type[Int8Op], OperatorKernels[Any]] = {
    AveragePool2D: OperatorKernels(_average_pool, _pool, _ON_HELIUM, by_rows=_average_by_rows),
    MaxPool2D: OperatorKernels(_max_pool, _pool, _ON_HELIUM),
    Mean: OperatorKernels(plain(MEAN), _mean, by_rows=_mean_by_rows),
}
