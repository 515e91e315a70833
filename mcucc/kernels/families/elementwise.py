"""Operators on elements: sums, products, changes of scale, functions by table."""

from collections.abc import Mapping
from typing import Any

from mcucc.kernels.kernel import Access, Family, Kernel, Shape, Unit
from mcucc.kernels.literals import c_int, int_rows
from mcucc.kernels.packing import dsp_scale
from mcucc.kernels.use import (
    ArrayDef,
    Declined,
    Field,
    KernelUse,
    LayerCode,
    OperatorKernels,
    always,
    channel_literal,
    operand_array,
    plain,
)
from mcucc.ops import Activation, Int8Op, NodeView
from mcucc.ops.elementwise import (
    Add,
    Clamp,
    Maximum,
    Minimum,
    Mul,
    PRelu,
    Requantize,
    SquaredDifference,
    Sub,
)
from mcucc.ops.unary import HardSwish, LeakyRelu, Logistic, Table, Tanh
from mcucc.reference.fixed_point import Multiplier, classify
from mcucc.reference.parameters import (
    AddParameters,
    add_parameters,
    lookup_table,
    mul_parameters,
    requantize_multiplier,
    squared_difference_parameters,
)

ADD = Family("add", Shape.PIXELS, Access.ELEMENT, "add", constants=(("sign", 1),))
SUB = Family("sub", Shape.PIXELS, Access.ELEMENT, "add", constants=(("sign", -1),))
SQUARED_DIFFERENCE = Family("sqdiff", Shape.PIXELS, Access.ELEMENT, "squared_difference")
MAXIMUM = Family("max", Shape.PIXELS, Access.ELEMENT, "extreme", constants=(("largest", 1),))
MINIMUM = Family("min", Shape.PIXELS, Access.ELEMENT, "extreme", constants=(("largest", 0),))
MUL = Family("mul", Shape.PIXELS, Access.ELEMENT, "mul")
MUL_CHANNELS = Family("mulc", Shape.PIXELS, Access.ELEMENT, "mul", function="mul_channels")
RESCALE = Family("rescale", Shape.PIXELS, Access.ELEMENT, "rescale")
LOOKUP = Family("lookup", Shape.PIXELS, Access.ELEMENT, "lookup")
PRELU = Family("prelu", Shape.PIXELS, Access.ELEMENT, "prelu")
FAMILIES = (
    ADD,
    SUB,
    SQUARED_DIFFERENCE,
    MAXIMUM,
    MINIMUM,
    MUL,
    MUL_CHANNELS,
    RESCALE,
    LOOKUP,
    PRELU,
)

_MAX_VALUE = 255
"""Largest |int8 activation less its zero point|."""
_MAX_PRODUCT = _MAX_VALUE * _MAX_VALUE
"""Largest |product| of two of them."""
_HALF = Multiplier(1 << 30, 0)
"""The factor of the input that has the larger scale, of which twice is the common one."""


def _product(view: NodeView[Any]) -> Kernel:
    """Of two maps, or of a map and one value per channel."""
    first, second = view.graph.input_types(view.node)
    family = MUL if first.shape == second.shape else MUL_CHANNELS
    multiplier = mul_parameters(view.graph, view.node)
    return Kernel(family, None, classify(_MAX_PRODUCT, multiplier))


def _sum_thumb1(view: NodeView[Any], portable: Kernel, _: Kernel) -> Kernel | Declined:
    if not _is_shifted_right(view):
        return Declined(Unit.THUMB1, "the scaled sum is not shifted to the right")
    return portable.on(Unit.THUMB1)


def _sum_dsp(view: NodeView[Any], portable: Kernel, _: Kernel) -> Kernel | Declined:
    if not _is_shifted_right(view):
        return Declined(Unit.DSP, "the scaled sum is not shifted to the right")
    return portable.on(Unit.DSP)


def _is_shifted_right(view: NodeView[Any]) -> bool:
    output = add_parameters(view.graph, view.node).output
    return output.m == 0 or output.shift <= -1


def _halved_code(use: KernelUse[Add | Sub]) -> LayerCode:
    """For kernels that know that one of the inputs has the factor one half."""
    p = add_parameters(use.graph, use.node)
    zero_points = [kind.q.zero_point for kind in use.graph.input_types(use.node)]
    factors = (p.first, p.second)
    halved = factors.index(_HALF)
    other = factors[1 - halved]
    right = 0 if other == _HALF else max(-other.shift, 1)
    fields: list[Field] = [
        _channels(use),
        ("halved", str(halved)),
        ("zero_point", f"{{{zero_points[halved]}, {zero_points[1 - halved]}}}"),
    ]
    if use.kernel.unit is Unit.THUMB1:
        high, low = divmod(other.m if right else 2 * other.m, 1 << 16)
        fields += [("high", str(high)), ("low", str(low)), ("right", str(max(right, 1)))]
        fields.append(("scale", channel_literal(0, _shifted_right(p.output))))
    else:
        multiplier, down = dsp_scale(p.output.m, -p.output.shift)
        scale = f"{{.bias = 0, .multiplier = {c_int(multiplier)}, .right = {down}}}"
        fields += [("multiplier", c_int(other.m)), ("right", str(right)), ("scale", scale)]
    fields.append(("output", use.output_literal(use.op.activation)))
    return use.code(fields)


def _shifted_right(multiplier: Multiplier) -> Multiplier:
    """The same with a shift to the right, which that of a factor too small need not have."""
    return multiplier if multiplier.m != 0 else Multiplier(0, -1)


def _sum(use: KernelUse[Add | Sub]) -> LayerCode:
    if use.kernel.unit in (Unit.THUMB1, Unit.DSP):
        return _halved_code(use)
    return _at_common_scale(use, add_parameters(use.graph, use.node), use.op.activation)


def _squared_difference(use: KernelUse[SquaredDifference]) -> LayerCode:
    return _at_common_scale(use, squared_difference_parameters(use.graph, use.node))


def _at_common_scale(
    use: KernelUse[Any], p: AddParameters, activation: Activation = "none"
) -> LayerCode:
    addends = ", ".join(
        f"{{.zero_point = {t.q.zero_point}, .multiplier = {m.m}, .right = {-m.shift}}}"
        for t, m in zip(use.graph.input_types(use.node), (p.first, p.second), strict=True)
    )
    fields: list[Field] = [
        _channels(use),
        ("input", f"{{{addends}}}"),
        ("multiplier", c_int(p.output.m)),
        ("right", str(-p.output.shift)),
        ("output", use.output_literal(activation)),
    ]
    return use.code(fields)


def _mul(use: KernelUse[Mul]) -> LayerCode:
    first, second = (kind.q.zero_point for kind in use.graph.input_types(use.node))
    fields: list[Field] = [
        _channels(use),
        ("zero_point", f"{{{first}, {second}}}"),
        ("scale", channel_literal(0, mul_parameters(use.graph, use.node))),
        ("output", use.output_literal(use.op.activation)),
    ]
    return use.code(fields)


def _rescale(use: KernelUse[Any]) -> LayerCode:
    fields: list[Field] = [
        _channels(use),
        ("in_zero_point", str(use.x.q.zero_point)),
        ("scale", channel_literal(0, requantize_multiplier(use.graph, use.node))),
        ("output", use.output_literal()),
    ]
    return use.code(fields)


def _prelu_kernel(view: NodeView[Any]) -> Kernel:
    """Of the weakest class that either side of zero needs."""
    positive = classify(_MAX_VALUE, requantize_multiplier(view.graph, view.node))
    negative = classify(_MAX_PRODUCT, mul_parameters(view.graph, view.node))
    return Kernel(PRELU, None, positive.join(negative))


def _prelu(use: KernelUse[PRelu]) -> LayerCode:
    slopes = operand_array(use, 1)
    fields: list[Field] = [
        _channels(use),
        ("in_zero_point", str(use.x.q.zero_point)),
        ("slope_zero_point", str(use.graph.type_of(use.node.inputs[1]).q.zero_point)),
        ("slopes", use.array_name(slopes)),
        ("positive", channel_literal(0, requantize_multiplier(use.graph, use.node))),
        ("negative", channel_literal(0, mul_parameters(use.graph, use.node))),
        ("output", use.output_literal()),
    ]
    return use.code(fields, slopes)


def _lookup(use: KernelUse[Any]) -> LayerCode:
    table = ArrayDef(
        f"{use.ident}_table",
        "int8_t",
        256,
        int_rows(lookup_table(use.graph, use.node), 16),
        f"{use.node.name}: the outputs for -128 .. 127",
    )
    return use.code([_channels(use), ("table", use.array_name(table))], table)


def _channels(use: KernelUse[Any]) -> Field:
    return ("c", str(use.output.hwc[2]))


def _extreme(family: Family) -> OperatorKernels[Any]:
    """Kernels of one of two values."""
    return OperatorKernels(
        plain(family), lambda use: use.code([_channels(use)]), _ON_HELIUM, constant_operands=True
    )


_ON_HELIUM = {Unit.MVE: always}
_SUMS = {Unit.THUMB1: _sum_thumb1, Unit.DSP: _sum_dsp, Unit.MVE: always}
_TABLE = OperatorKernels(plain(LOOKUP), _lookup)

OPERATORS: Mapping[type[Int8Op], OperatorKernels[Any]] = {
    Add: OperatorKernels(plain(ADD), _sum, _SUMS, constant_operands=True),
    Sub: OperatorKernels(plain(SUB), _sum, _SUMS, constant_operands=True),
    SquaredDifference: OperatorKernels(
        plain(SQUARED_DIFFERENCE), _squared_difference, constant_operands=True
    ),
    Maximum: _extreme(MAXIMUM),
    Minimum: _extreme(MINIMUM),
    Mul: OperatorKernels(_product, _mul, _ON_HELIUM, constant_operands=True),
    Requantize: OperatorKernels(plain(RESCALE), _rescale),
    PRelu: OperatorKernels(_prelu_kernel, _prelu),
    Clamp: _TABLE,
    Logistic: _TABLE,
    Tanh: _TABLE,
    LeakyRelu: _TABLE,
    HardSwish: _TABLE,
    Table: _TABLE,
}
