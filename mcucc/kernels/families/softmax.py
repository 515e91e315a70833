"""Softmax over the last axis."""

from collections.abc import Mapping
from typing import Any

from mcucc.kernels.kernel import Access, Family, Shape
from mcucc.kernels.literals import int_rows
from mcucc.kernels.use import ArrayDef, Field, KernelUse, LayerCode, OperatorKernels, plain
from mcucc.ops import Int8Op
from mcucc.ops.softmax import Softmax
from mcucc.reference.softmax import softmax_table

SOFTMAX = Family("softmax", Shape.TENSOR, Access.ELEMENT, "softmax")
FAMILIES = (SOFTMAX,)


def _softmax(use: KernelUse[Any]) -> LayerCode:
    table = ArrayDef(
        f"{use.ident}_exponentials",
        "int32_t",
        256,
        int_rows(softmax_table(use.x.q.scale), 8),
        f"{use.node.name}: exp(-i * {use.x.q.scale:.9g}) in Q0.31",
    )
    fields: list[Field] = [
        ("rows", str(use.x.size // use.x.shape[-1])),
        ("n", str(use.x.shape[-1])),
        ("exponentials", use.array_name(table)),
    ]
    return use.code(fields, table)


OPERATORS: Mapping[type[Int8Op], OperatorKernels[Any]] = {
    Softmax: OperatorKernels(plain(SOFTMAX), _softmax)
}
