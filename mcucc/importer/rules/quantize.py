"""Lowering rules for QuantizeLinear, DequantizeLinear, and what stands between the two.

Integers are seen as the reals that they stand for. Operators between a QuantizeLinear and a
DequantizeLinear only copy values, so they mean the same on either.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.view import View
from mcucc.importer.rules.rule import Rule
from mcucc.importer.values import (
    Constant,
    Quantized,
    RefusalError,
    Refused,
    Symbol,
    Weights,
    describe,
)
from mcucc.importer.walk import Walk
from mcucc.ir import UNSIGNED_SHIFT, DType, QParams

_ONNX_INT8 = 3
"""The value of TensorProto.INT8 in the attribute output_dtype."""


@dataclass(frozen=True, eq=False)
class _Quantization:
    """Scales float32 and zero points, both flat; no zero points where they are left out."""

    scales: NDArray[np.float32]
    zero_points: NDArray[np.generic] | None


def lower_quantize(walk: Walk, node: OnnxNode) -> Quantized:
    """QuantizeLinear: from here on the value has the scale of the file."""
    quant, dtype = activation_quant(walk, node)
    found = walk.symbol(node, 0)
    if not isinstance(found, View):
        raise RefusalError(
            node,
            "what is quantized must be a float32 activation",
            f"'{node.inputs[0]}' is {describe(found)}",
            "Fold constants before quantizing, and export a float32 network.",
        )
    return quantized(walk, node, found, quant, dtype)


def quantized(walk: Walk, node: OnnxNode, x: View, quant: QParams, dtype: DType) -> Quantized:
    """The integers of a value."""
    made = walk.fake_quant(node, x.tensor, quant)
    return Quantized(replace(x, tensor=made, name=node.outputs[0]), quant, dtype)


def lower_dequantize(walk: Walk, node: OnnxNode) -> View | Weights:
    """DequantizeLinear: of a constant, or of what a QuantizeLinear made."""
    found = walk.symbol(node, 0)
    if isinstance(found, Constant):
        return quantized_constant(walk, node, found)
    quant, _ = activation_quant(walk, node, found.dtype if isinstance(found, Quantized) else None)
    if not isinstance(found, Quantized) or found.quant != quant:
        raise RefusalError(
            node,
            "DequantizeLinear must undo the QuantizeLinear before it",
            f"its input is {describe(found)}",
            "Use the same scale and zero point on both sides.",
        )
    return found.view


def between(
    walk: Walk,
    node: OnnxNode,
    x: Quantized,
    rule: Rule,
) -> tuple[Symbol, ...]:
    """An operator that copies integers: the same on the reals that they stand for.

    Args:
        walk: the state.
        node: the ONNX node.
        x: its first input.
        rule: of its operator.
    """
    if not rule.copies:
        walk.view(node)  # which refuses
    _check_padding(node, x)
    integers = {name: walk.symbols.get(name) for name in node.inputs}
    try:
        walk.symbols.update(_as_reals(node, x, integers, rule))
        made = rule.lower(walk, node)
    finally:
        walk.symbols.update({name: s for name, s in integers.items() if s is not None})
    return tuple(
        _integers(walk, node, x, each) for each in (made if isinstance(made, tuple) else (made,))
    )


def _integers(walk: Walk, node: OnnxNode, x: Quantized, made: Symbol) -> Symbol:
    """The integers of what an operator makes of reals.

    What nobody reads stays as it is, and so do indices.
    """
    if isinstance(made, Refused) or (isinstance(made, View) and made.tensor in walk.indices):
        return made
    if not isinstance(made, View):
        raise RefusalError(node, "it must make activations", describe(made), "Check the exporter.")
    return replace(x, view=made)


def _as_reals(
    node: OnnxNode, x: Quantized, integers: Mapping[str, Symbol | None], rule: Rule
) -> Mapping[str, Symbol]:
    """What the inputs stand for: values, and the bounds of a Clip or the border of a Pad."""
    found: dict[str, Symbol] = {}
    for name, symbol in integers.items():
        if isinstance(symbol, Quantized):
            if symbol.quant != x.quant:
                raise RefusalError(
                    node,
                    f"a {node.op} of quantized values needs equal scales",
                    f"{symbol.quant.scale:g} and {x.quant.scale:g}",
                    f"Put Quantize/DequantizeLinear pairs around the {node.op}.",
                )
            found[name] = symbol.view
    for name in (node.inputs[i] for i in rule.numbers if i < len(node.inputs)):
        symbol = integers.get(name)
        if isinstance(symbol, Constant):
            centred = symbol.data.astype(np.float64) - _file_zero_point(x)
            found[name] = Constant(centred * x.quant.scale)
    return found


def _check_padding(node: OnnxNode, x: Quantized) -> None:
    """A Pad without a value adds the integer 0."""
    if node.op == "Pad" and not any(node.inputs[2:3]) and _file_zero_point(x):
        raise RefusalError(
            node,
            "Pad must add zeros around rows and columns",
            f"the integer 0, where {_file_zero_point(x)} stands for zero",
            "Pad before the QuantizeLinear, or give the zero point as value.",
        )


def _file_zero_point(x: Quantized) -> int:
    return x.quant.zero_point + (UNSIGNED_SHIFT if x.dtype == DType.UINT8 else 0)


def turned_constant(walk: Walk, node: OnnxNode, found: Weights) -> Weights:
    """Weights that are transposed, or reshaped to the shape that ONNX infers."""
    rank, target = found.data.ndim, walk.shapes.get(node.outputs[0])
    axes = node.ints("perm", tuple(reversed(range(rank))))
    if node.op in ("Identity", "Dropout"):
        return found
    if node.op == "Transpose" and sorted(axes) == [*range(rank)]:
        axis = None if found.axis is None else axes.index(found.axis)
        return replace(found, data=np.ascontiguousarray(found.data.transpose(axes)), axis=axis)
    if node.op != "Transpose" and target is not None and found.axis is None:
        return replace(found, data=found.data.reshape(target))
    raise RefusalError(
        node,
        "constants with a scale per channel must be stored in the shape in which they are used",
        describe(found),
        "Export with constant folding.",
    )


def activation_quant(walk: Walk, node: OnnxNode, dtype: str | None = None) -> tuple[QParams, DType]:
    """Per-tensor quantization of an activation, and its type; uint8 is shifted to int8.

    Args:
        walk: the state.
        node: the QuantizeLinear or DequantizeLinear.
        dtype: element type where no zero point says it.
    """
    found = _read(walk, node)
    points = found.zero_points
    if points is None:
        # QuantizeLinear then makes uint8; DequantizeLinear takes what comes.
        signed = node.int("output_dtype", 0) == _ONNX_INT8
        points = np.zeros(1, dtype=dtype or ("int8" if signed else "uint8"))
    if found.scales.size != 1 or points.size != 1 or points.dtype.name not in ("int8", "uint8"):
        raise RefusalError(
            node,
            "activations must be int8 or uint8 with one scale",
            f"{found.scales.size} scale(s), zero point of type {points.dtype}",
            "Quantize activations to QInt8 or QUInt8, per tensor.",
        )
    shift = UNSIGNED_SHIFT if points.dtype == np.uint8 else 0
    quant = QParams((float(found.scales[0]),), int(points.astype(np.int64)[0]) - shift)
    return quant, DType(points.dtype.name)


def quantized_constant(walk: Walk, node: OnnxNode, constant: Constant) -> Weights:
    """Weights, a bias or an operand: a constant behind a DequantizeLinear."""
    found, data = _read(walk, node, dead=True), constant.data
    if data.dtype.name not in ("int8", "uint8", "int32"):
        raise RefusalError(
            node,
            "constants must be quantized to int8 (biases to int32)",
            f"{data.dtype}{list(data.shape)}",
            "Quantize weights to QInt8; mcucc has no 4-bit or 16-bit weights.",
        )
    rank, axis = data.ndim, node.int("axis", 1)
    single = found.scales.size == 1
    axis = 0 if rank == 1 else axis  # some converters write the axis that weights would have
    inside = -rank <= axis < rank
    if not single and not (inside and data.shape[axis] == found.scales.size):
        raise RefusalError(
            node,
            "there must be one scale, or one per index of the axis",
            f"{found.scales.size} scales along axis {axis} of {list(data.shape)}",
            "Quantize per output channel or per tensor.",
        )
    points = np.zeros(1) if found.zero_points is None else found.zero_points
    points = points.astype(np.int64)
    if data.dtype == np.uint8:  # the same numbers as int8
        data, points = (data.astype(np.int16) - UNSIGNED_SHIFT).astype(np.int8), points - 128
    kept = points if np.any(points) else None
    return _alive(Weights(data, found.scales, kept, None if single else axis % rank))


def _alive(weights: Weights) -> Weights:
    """Weights without scales of 0: what such a channel holds is 0 whatever its integers are."""
    dead = weights.scales == 0
    if not dead.any():
        return weights
    shape = [1] * weights.data.ndim
    if weights.axis is not None:
        shape[weights.axis] = -1
    points = np.zeros(1, np.int64) if weights.zero_points is None else weights.zero_points
    zeros = points.reshape(shape if points.size > 1 else [1] * weights.data.ndim)
    data = np.where(dead.reshape(shape), zeros, weights.data).astype(weights.data.dtype)
    largest = weights.scales.max()
    scales = np.where(dead, largest if largest > 0 else 1, weights.scales).astype(np.float32)
    return replace(weights, data=data, scales=scales)


def _read(walk: Walk, node: OnnxNode, *, dead: bool = False) -> _Quantization:
    scale = _constant(walk, node, 1, "the scale")
    blocks = node.int("block_size", 0)
    if blocks or scale is None or scale.data.dtype != np.float32 or scale.data.ndim > 1:
        raise RefusalError(
            node,
            "the scale must be float32, one or one per channel",
            describe(scale) + (f" in blocks of {blocks}" if blocks else ""),
            "Export with float32 scales per tensor or per channel, without blocks.",
        )
    scales = scale.data.ravel().astype(np.float32)
    wrong = scales < 0 if dead else scales <= 0
    if not scales.size or not np.all(np.isfinite(scales)) or np.any(wrong):
        raise RefusalError(
            node,
            "scales must be finite and positive",
            str(scales.tolist()[:4]),
            "Calibrate the model again.",
        )
    zero = _constant(walk, node, 2, "the zero point")
    if zero is not None and zero.data.size not in (1, scales.size):
        raise RefusalError(
            node,
            "there must be as many zero points as scales",
            f"{zero.data.size} zero points, {scales.size} scales",
            "Check the exporter.",
        )
    return _Quantization(scales, None if zero is None else zero.data.ravel())


def _constant(walk: Walk, node: OnnxNode, index: int, what: str) -> Constant | None:
    """A constant input, None where it is left out."""
    if index >= len(node.inputs) or not node.inputs[index]:
        return None
    found = walk.symbol(node, index)
    if isinstance(found, Constant):
        return found
    raise RefusalError(
        node,
        f"{what} must be constant",
        f"input {index} '{node.inputs[index]}' is {describe(found)}",
        "Use static quantization.",
    )


RULES: Mapping[str, Rule] = {
    "DequantizeLinear": Rule(lower_dequantize, wish="any"),
    "QuantizeLinear": Rule(lower_quantize, wish="any"),
}
