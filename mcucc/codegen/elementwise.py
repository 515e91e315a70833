"""The numbers of operators on elements, and their operands that are constants."""

from collections.abc import Mapping

import numpy as np

from mcucc.codegen.layer import Field, Layer, LayerCode, channel_literal
from mcucc.codegen.literals import c_int, int_rows
from mcucc.codegen.parts import ArrayDef
from mcucc.ops import Add, Concat, Mul, Requantize, Sub
from mcucc.reference.parameters import (
    add_parameters,
    lookup_table,
    mul_parameters,
    requantize_multiplier,
)


def elementwise(layer: Layer, op: Add | Sub | Mul | Requantize) -> LayerCode:
    """Zero points and multipliers of an operator on elements."""
    match op:
        case Add() | Sub():
            return _sum(layer, op)
        case Mul():
            return _mul(layer, op)
        case Requantize():
            return _rescale(layer)


def lookup(layer: Layer) -> LayerCode:
    """The table of a function of one element."""
    table = ArrayDef(
        f"{layer.ident}_table",
        "int8_t",
        256,
        int_rows(lookup_table(layer.graph, layer.node), 16),
        f"{layer.node.name}: the outputs for -128 .. 127",
    )
    return layer.code([_channels(layer), ("table", layer.array_name(table))], table)


def constant_operands(layer: Layer) -> Mapping[str, ArrayDef]:
    """Arrays for those operands of an operator on several maps that are constants, by name."""
    if not isinstance(layer.node.op, Add | Sub | Mul | Concat):
        return {}
    return {
        name: _operand_array(layer, index)
        for index, name in enumerate(layer.node.inputs)
        if name in layer.graph.consts
    }


def _operand_array(layer: Layer, index: int) -> ArrayDef:
    const = layer.graph.const(layer.node.inputs[index])
    shape = "x".join(str(n) for n in const.type.shape)
    rows = int_rows(const.data.astype(np.int64), 16)
    name = f"{layer.ident}_operand{index}"
    return ArrayDef(name, "int8_t", const.type.size, rows, f"{const.name}: {shape}")


def _sum(layer: Layer, op: Add | Sub) -> LayerCode:
    p = add_parameters(layer.graph, layer.node)
    addends = ", ".join(
        f"{{.zero_point = {t.q.zero_point}, .multiplier = {m.m}, .right = {-m.shift}}}"
        for t, m in zip(layer.graph.input_types(layer.node), (p.first, p.second), strict=True)
    )
    fields: list[Field] = [
        _channels(layer),
        ("input", f"{{{addends}}}"),
        ("multiplier", c_int(p.output.m)),
        ("right", str(-p.output.shift)),
        ("output", layer.output_literal(op.activation)),
    ]
    return layer.code(fields)


def _mul(layer: Layer, op: Mul) -> LayerCode:
    first, second = (kind.q.zero_point for kind in layer.graph.input_types(layer.node))
    fields: list[Field] = [
        _channels(layer),
        ("zero_point", f"{{{first}, {second}}}"),
        ("scale", channel_literal(0, mul_parameters(layer.graph, layer.node))),
        ("output", layer.output_literal(op.activation)),
    ]
    return layer.code(fields)


def _rescale(layer: Layer) -> LayerCode:
    fields: list[Field] = [
        _channels(layer),
        ("in_zero_point", str(layer.x.q.zero_point)),
        ("scale", channel_literal(0, requantize_multiplier(layer.graph, layer.node))),
        ("output", layer.output_literal()),
    ]
    return layer.code(fields)


def _channels(layer: Layer) -> Field:
    return ("c", str(layer.output.hwc[2]))
