"""A node and the kernel that executes it, and the C structure that this kernel reads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import numpy as np

from mcucc.kernels.kernel import Family, Kernel, Unit
from mcucc.kernels.literals import c_int, int_rows
from mcucc.ops import Activation, Int8Op, NodeView, clamp_range
from mcucc.ops.view import OpT_co
from mcucc.reference.fixed_point import Multiplier

OpT = TypeVar("OpT", bound=Int8Op)

Field = tuple[str, str]
"""A member of a C structure and its initializer."""

_DECLARED_IN: Mapping[str, str] = MappingProxyType(
    {
        "mcucc_channel_t": "mcucc_requantize.h",
        "mcucc_channel_dsp_t": "mcucc_requantize_dsp.h",
    }
)
"""Types of constant arrays that are not declared in mcucc_base.h."""


@dataclass(frozen=True)
class ArrayDef:
    """A constant array of `<m>_weights.c`.

    Attributes:
        name: without the network's prefix.
        ctype: element type.
        count: number of elements.
        rows: the initializer's lines.
        comment: tensor name, shape and layout.
    """

    name: str
    ctype: str
    count: int
    rows: tuple[str, ...]
    comment: str

    @property
    def aligned(self) -> bool:
        """Whether it asks for more than the alignment of its type."""
        return self.ctype == "int8_t"

    @property
    def header(self) -> str:
        """The file of runtime_c/ that its type comes from."""
        return _DECLARED_IN.get(self.ctype, "mcucc_base.h")


@dataclass(frozen=True)
class LayerSpec:
    """The `static const` structure with a layer's numbers; `fields` are C initializers."""

    name: str
    ctype: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class LayerCode:
    """A layer's structure and the arrays that only it uses."""

    spec: LayerSpec
    arrays: tuple[ArrayDef, ...] = ()


@dataclass(frozen=True)
class KernelUse(NodeView[OpT_co]):
    """A node that a kernel executes.

    Attributes:
        kernel: which.
        ident: C identifier of the node.
        pad: name of the array of padding that its windows may fall on, or NULL.
    """

    kernel: Kernel
    ident: str
    pad: str

    @property
    def family(self) -> Family:
        """The family of its kernel."""
        return self.kernel.family

    @property
    def row_of_pad(self) -> str:
        """What stands for a row of padding under its window."""
        return "NULL" if self.family.leaves_padding_out else self.pad

    def array_name(self, array: ArrayDef) -> str:
        """An array's name in C, which has the network's prefix."""
        return f"{self.graph.name}_{array.name}"

    def code(self, fields: Sequence[Field], *arrays: ArrayDef) -> LayerCode:
        """Its structure, of the type that its kernel reads."""
        spec = LayerSpec(f"spec_{self.ident}", self.kernel.ctype, tuple(fields))
        return LayerCode(spec, arrays)

    def output_literal(self, activation: Activation = "none") -> str:
        """The initializer of an `mcucc_output_t`."""
        low, high = clamp_range(activation, self.output.q)
        return f"{{.zero_point = {self.output.q.zero_point}, .min = {low}, .max = {high}}}"


def channel_literal(bias: int, multiplier: Multiplier) -> str:
    """The initializer of an `mcucc_channel_t`."""
    return (
        f"{{.bias = {c_int(bias)}, .multiplier = {c_int(multiplier.m)}, "
        f".right = {-multiplier.shift}}}"
    )


def operand_array(use: KernelUse[Any], index: int) -> ArrayDef:
    """The array of an operand that is a constant."""
    const = use.graph.const(use.node.inputs[index])
    shape = "x".join(str(n) for n in const.type.shape)
    rows = int_rows(const.data.astype(np.int64), 16)
    name = f"{use.ident}_operand{index}"
    return ArrayDef(name, "int8_t", const.type.size, rows, f"{const.name}: {shape}")


@dataclass(frozen=True)
class Declined:
    """Why a layer does not run on a unit that its core has.

    Attributes:
        unit: which.
        reason: the rule and the value that breaks it, as a sentence without a full stop.
    """

    unit: Unit
    reason: str


@dataclass(frozen=True)
class OperatorKernels(Generic[OpT]):
    """How an operator is executed: one of these per int8 operator, in the file of its family.

    Attributes:
        portable: makes its kernel in plain C.
        code: the C structure that any of its kernels reads, and the arrays in it.
        units: for the units that have kernels of their own: (node, its kernel in plain C, the
            kernel that it gets otherwise) to the kernel of the unit, or why there is none.
        smaller: a kernel to the one that does its work from fewer bytes of flash, more slowly; to
            itself where there is none.
        by_rows: its kernel where rows come one by one, if that is another one.
        constant_operands: whether any operand may be a constant, which then is an array.
    """

    portable: Callable[[NodeView[OpT]], Kernel]
    code: Callable[[KernelUse[OpT]], LayerCode]
    units: Mapping[Unit, Callable[[NodeView[OpT], Kernel, Kernel], Kernel | Declined]] = field(
        default_factory=dict[Unit, Callable[[NodeView[OpT], Kernel, Kernel], Kernel | Declined]]
    )
    smaller: Callable[[Kernel], Kernel] = lambda kernel: kernel
    by_rows: Callable[[NodeView[OpT]], Kernel | None] | None = None
    constant_operands: bool = False


def plain(family: Family) -> Callable[[NodeView[Any]], Kernel]:
    """The rule of operators with a single kernel."""
    return lambda _: Kernel(family)


def always(_: NodeView[Any], portable: Kernel, __: Kernel) -> Kernel:
    """The rule of Helium's kernels that take every layer."""
    return portable.on(Unit.MVE)
