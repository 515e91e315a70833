"""Softmax, its logarithm, and L2 normalization: each along the last axis."""

from collections.abc import Mapping
from typing import Any

from mcucc.kernels.kernel import Access, Family, Kernel, Shape
from mcucc.kernels.literals import c_int, int_rows
from mcucc.kernels.use import (
    ArrayDef,
    Field,
    KernelUse,
    LayerCode,
    OperatorKernels,
    channel_literal,
    plain,
)
from mcucc.ops import Int8Op, NodeView
from mcucc.ops.softmax import SOFTMAX_QUANT, L2Normalization, LogSoftmax, Softmax
from mcucc.reference.softmax import log_softmax_parameters, softmax_multiplier, softmax_table

SOFTMAX = Family("softmax", Shape.TENSOR, Access.ELEMENT, "softmax")
LOG_SOFTMAX = Family("logsoftmax", Shape.PIXELS, Access.ELEMENT, "log_softmax")
L2_NORM = Family("norm", Shape.PIXELS, Access.ELEMENT, "l2_norm")
SOFTMAX_WIDE = Family("softmaxwide", Shape.TENSOR, Access.ELEMENT, "softmax_wide")
FAMILIES = (SOFTMAX, SOFTMAX_WIDE, LOG_SOFTMAX, L2_NORM)


def _softmax_kernel(view: NodeView[Softmax]) -> Kernel:
    """That of TensorFlow Lite's own scale, or of any other."""
    return Kernel(SOFTMAX if view.output.q == SOFTMAX_QUANT else SOFTMAX_WIDE)


def _exponentials(use: KernelUse[Any]) -> ArrayDef:
    return ArrayDef(
        f"{use.ident}_exponentials",
        "int32_t",
        256,
        int_rows(softmax_table(use.x.q.scale), 8),
        f"{use.node.name}: exp(-i * {use.x.q.scale:.9g}) in Q0.31",
    )


def _softmax(use: KernelUse[Any]) -> LayerCode:
    table = _exponentials(use)
    fields: list[Field] = [
        ("rows", str(use.x.size // use.x.shape[-1])),
        ("n", str(use.x.shape[-1])),
        ("exponentials", use.array_name(table)),
    ]
    if use.family is SOFTMAX_WIDE:
        fields += [
            ("scale", channel_literal(0, softmax_multiplier(use.output.q))),
            ("output", use.output_literal()),
        ]
    return use.code(fields, table)


def _log_softmax(use: KernelUse[Any]) -> LayerCode:
    table, p = _exponentials(use), log_softmax_parameters(use.x.q.scale)
    fields: list[Field] = [
        ("c", str(use.output.hwc[2])),
        ("exponentials", use.array_name(table)),
        ("multiplier", c_int(p.difference.m)),
        ("left", str(p.difference.shift)),
        ("limit", str(p.limit)),
        ("divisor", c_int(p.reverse.m)),
        ("right", str(p.reverse.right)),
    ]
    return use.code(fields, table)


def _l2_norm(use: KernelUse[Any]) -> LayerCode:
    return use.code([("c", str(use.output.hwc[2])), ("zero_point", str(use.x.q.zero_point))])


OPERATORS: Mapping[type[Int8Op], OperatorKernels[Any]] = {
    L2Normalization: OperatorKernels(plain(L2_NORM), _l2_norm),
    LogSoftmax: OperatorKernels(plain(LOG_SOFTMAX), _log_softmax),
    Softmax: OperatorKernels(_softmax_kernel, _softmax),
}
