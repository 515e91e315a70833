"""Softmax over the last axis, and its logarithm."""

from collections.abc import Mapping
from typing import Any

from mcucc.kernels.kernel import Access, Family, Shape
from mcucc.kernels.literals import c_int, int_rows
from mcucc.kernels.use import ArrayDef, Field, KernelUse, LayerCode, OperatorKernels, plain
from mcucc.ops import Int8Op
from mcucc.ops.softmax import LogSoftmax, Softmax
from mcucc.reference.softmax import log_softmax_parameters, softmax_table

SOFTMAX = Family("softmax", Shape.TENSOR, Access.ELEMENT, "softmax")
LOG_SOFTMAX = Family("logsoftmax", Shape.PIXELS, Access.ELEMENT, "log_softmax")
FAMILIES = (SOFTMAX, LOG_SOFTMAX)


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


OPERATORS: Mapping[type[Int8Op], OperatorKernels[Any]] = {
    LogSoftmax: OperatorKernels(plain(LOG_SOFTMAX), _log_softmax),
    Softmax: OperatorKernels(plain(SOFTMAX), _softmax),
}
