"""Rules for operators that work element by element, and along one axis."""

from collections.abc import Callable, Mapping

import numpy as np

from mcucc.importer.rules.elementwise import SQUARED
from mcucc.importer.tflite.draft import (
    Draft,
    RefusedOperatorError,
    demand_equal_scales,
    described,
    quantization,
)

_BINARY: Mapping[str, str] = {
    "ADD": "Add",
    "DIV": "Div",
    "MUL": "Mul",
    "SQUARED_DIFFERENCE": "Sub",
    "SUB": "Sub",
}
_UNARY: Mapping[str, str] = {
    "ABS": "Abs",
    "CEIL": "Ceil",
    "COS": "Cos",
    "ELU": "Elu",
    "EXP": "Exp",
    "FLOOR": "Floor",
    "HARD_SWISH": "HardSwish",
    "LOG": "Log",
    "LOGISTIC": "Sigmoid",
    "NEG": "Neg",
    "RELU": "Relu",
    "ROUND": "Round",
    "SIGN": "Sign",
    "SIN": "Sin",
    "SQRT": "Sqrt",
    "TANH": "Tanh",
}
FLOAT_ONLY = (
    *("CEIL", "COS", "DIV", "EXP", "FLOOR", "GELU", "LOG", "NEG", "POW", "ROUND", "SIGN", "SIN"),
    *("SQRT", "SQUARE"),
)
"""What TFLM computes on floats alone, or not at all."""
_INDICES: Mapping[str, int] = {"INT32": 6, "INT64": 7}
"""Element types of indices, as ONNX numbers them."""
_EXPONENTS: Mapping[str, float] = {"RSQRT": -0.5, "SQUARE": 2.0}
_FIXED: Mapping[str, tuple[float, int]] = {
    "L2_NORMALIZATION": (1 / 128, 0),
    "LOG_SOFTMAX": (1 / 16, 127),
    "LOGISTIC": (1 / 256, -128),
    "SOFTMAX": (1 / 256, -128),
    "TANH": (1 / 128, 0),
}
"""The only output scale and zero point that TFLM computes at, whatever the file says."""


def binary(draft: Draft) -> None:
    """ADD, SUB, MUL, DIV and SQUARED_DIFFERENCE."""
    _demand_float(draft)
    operands, code = (draft.input(0), draft.input(1)), draft.operator.code
    squares = {SQUARED: 1} if code == "SQUARED_DIFFERENCE" else {}
    made = draft.emit(_BINARY[code], [draft.reals(tensor) for tensor in operands], squares)
    draft.finish(made, 0 if squares else draft.flag(0))


def unary(draft: Draft) -> None:
    """Functions of one element without attributes."""
    _demand_float(draft)
    _demand_fixed(draft)
    draft.finish(draft.emit(_UNARY[draft.operator.code], (draft.reals(draft.input(0)),)))


def power(draft: Draft) -> None:
    """POW by one constant number; SQUARE, and RSQRT, which is by -1/2."""
    _demand_float(draft)
    given = draft.known(draft.input(1)) if draft.operator.code == "POW" else None
    if draft.operator.code in _EXPONENTS:
        given = np.array(_EXPONENTS[draft.operator.code])
    if given is None:
        raise RefusedOperatorError(
            "the exponent must be a constant", described(draft.input(1)), "Use a fixed exponent."
        )
    exponent = draft.constant(f"{draft.label}.exponent", given.astype(np.float32))
    draft.finish(draft.emit("Pow", (draft.reals(draft.input(0)), exponent)))


def gelu(draft: Draft) -> None:
    """GELU, exact or with a tanh."""
    _demand_float(draft)
    form = {"approximate": "tanh" if draft.flag(0) else "none"}
    draft.finish(draft.emit("Gelu", (draft.reals(draft.input(0)),), form))


def leaky_relu(draft: Draft) -> None:
    """LEAKY_RELU."""
    options = draft.operator.options
    alpha = 0.0 if options is None else options.real(0)
    draft.finish(draft.emit("LeakyRelu", (draft.reals(draft.input(0)),), {"alpha": alpha}))


def prelu(draft: Draft) -> None:
    """PRELU with one slope, or one per channel of a map or vector."""
    x, slopes = draft.input(0), draft.input(1)
    data, rank = draft.known(slopes), len(x.shape)
    fits = data is not None and data.size in (1, *x.shape[-1:])
    if data is None or not fits or (data.size > 1 and rank not in (2, 4)):
        raise RefusedOperatorError(
            "slopes must be constant: one, or one per channel of a map or vector",
            f"{described(slopes)} for {described(x)}",
            "Share the slopes along rows and columns (shared_axes=[1, 2]).",
        )
    channels = data.reshape((data.size, *(1,) * (rank - 2 if data.size > 1 else 0)))
    name = draft.constant(f"{draft.label}.slopes", channels)
    if slopes.quant is not None:
        name = draft.emit("DequantizeLinear", draft.scaled(name, slopes), suffix="slopes")
    value = draft.reals(x)
    if rank != 4:
        draft.finish(draft.emit("PRelu", (value, name)))
        return
    made = draft.emit("PRelu", (draft.channels_first(value), name))
    draft.finish(draft.channels_last(made))


def relu6(draft: Draft) -> None:
    """RELU6 and RELU_N1_TO_1, which copy integers between two bounds."""
    demand_equal_scales(draft, draft.input(0))
    draft.finish(draft.reals(draft.input(0)), 3 if draft.operator.code == "RELU6" else 2)


def bound(draft: Draft) -> None:
    """MINIMUM and MAXIMUM; with a constant number it is a Clip with one bound."""
    values = [draft.input(place) for place in (0, 1) if draft.known(draft.input(place)) is None]
    limits = [draft.input(place) for place in (0, 1) if draft.known(draft.input(place)) is not None]
    data = draft.known(limits[0]) if limits else None
    demand_equal_scales(draft, *values, *limits)
    if len(values) != 1 or data is None or data.size != 1:
        operands = [draft.reals(draft.input(place)) for place in (0, 1)]
        draft.finish(draft.emit("Max" if draft.operator.code == "MAXIMUM" else "Min", operands))
        return
    end = data.astype(np.float64).ravel()[0]
    if draft.output.quant is not None:
        scale, zero_point = quantization(draft.output)
        end = (end - zero_point) * scale
    name = draft.constant(f"{draft.label}.bound", np.array(end, dtype=np.float32))
    ends = ("", name) if draft.operator.code == "MINIMUM" else (name,)
    draft.finish(draft.emit("Clip", (draft.reals(values[0]), *ends)))


def select(draft: Draft) -> None:
    """SELECT and SELECT_V2 by a constant condition."""
    condition, values = draft.known(draft.input(0)), (draft.input(1), draft.input(2))
    if condition is None:
        raise RefusedOperatorError(
            "the condition must be constant",
            described(draft.input(0)),
            "Use MAXIMUM, MINIMUM or a RELU in its place.",
        )
    demand_equal_scales(draft, *values)
    mask = draft.constant(f"{draft.label}.condition", condition.astype(bool))
    draft.finish(draft.emit("Where", (mask, *(draft.reals(value) for value in values))))


def softmax(draft: Draft) -> None:
    """SOFTMAX along the last axis."""
    _demand_fixed(draft)
    options = draft.operator.options
    beta = 0.0 if options is None else options.real(0)
    if beta != 1.0:
        raise RefusedOperatorError(
            "its beta must be 1", f"{beta:g}", "Scale the values before it in the network."
        )
    draft.finish(draft.emit("Softmax", (draft.reals(draft.input(0)),), {"axis": -1}))


def last_axis(draft: Draft) -> None:
    """LOG_SOFTMAX and L2_NORMALIZATION along the last axis."""
    _demand_fixed(draft)
    op = "LogSoftmax" if draft.operator.code == "LOG_SOFTMAX" else "LpNormalization"
    draft.finish(draft.emit(op, (draft.reals(draft.input(0)),), {"axis": -1}))


def mean(draft: Draft) -> None:
    """MEAN and SUM."""
    axes = np.array(draft.integers(1, "the axes"), dtype=np.int64)
    inputs = (draft.reals(draft.input(0)), draft.constant(f"{draft.label}.axes", axes))
    op = "ReduceSum" if draft.operator.code == "SUM" else "ReduceMean"
    draft.finish(draft.emit(op, inputs, {"keepdims": draft.flag(0)}))


def quantize(draft: Draft) -> None:
    """QUANTIZE of floats, or of integers at another scale."""
    draft.finish(draft.reals(draft.input(0)))


def cast(draft: Draft) -> None:
    """CAST that changes nothing, or of what ARG_MAX or ARG_MIN makes, to integers."""
    x, made = draft.input(0), draft.output
    if made.dtype in _INDICES and x.dtype in _INDICES:
        to = {"to": _INDICES[made.dtype]}
        draft.give(draft.emit("Cast", (draft.value(x),), to), made)
        return
    if x.dtype != made.dtype:
        raise RefusedOperatorError(
            "a CAST must not change the element type",
            f"{described(x)} to {made.dtype}",
            "Convert the whole network to int8, or leave it in float.",
        )
    demand_equal_scales(draft, x)
    draft.give(draft.value(x), made)


def dequantize(draft: Draft) -> None:
    """DEQUANTIZE; of a constant, weights in float16 say, it is computed here."""
    x = draft.input(0)
    data = draft.known(x)
    name = draft.names[draft.output.index]
    if data is None:
        inputs = draft.scaled(draft.value(x), x)
        draft.append("DequantizeLinear", draft.label, inputs, name, {})
        return
    reals = data.astype(np.float32)
    if x.quant is not None:
        shape = [1] * data.ndim
        if x.quant.scales.size > 1:
            shape[x.quant.axis] = -1
        points = x.quant.zero_points.reshape(shape) if x.quant.zero_points.size else 0
        reals = (data.astype(np.int64) - points).astype(np.float32) * x.quant.scales.reshape(shape)
    draft.computed[draft.output.index] = reals.astype(np.float32).reshape(data.shape)


def _demand_float(draft: Draft) -> None:
    if draft.operator.code in FLOAT_ONLY and draft.output.quant is not None:
        raise RefusedOperatorError(
            "the operator must be of floats",
            described(draft.output),
            "Only its float form is taken: convert without quantization and give --calib.",
        )


def _demand_fixed(draft: Draft) -> None:
    wanted = _FIXED.get(draft.operator.code)
    if wanted is None or draft.output.quant is None:
        return
    scale, zero_point = quantization(draft.output)
    if (np.float32(scale), zero_point) != (np.float32(wanted[0]), wanted[1]):
        raise RefusedOperatorError(
            f"its output must have scale 1/{round(1 / wanted[0])} and zero point {wanted[1]}",
            f"{described(draft.output)}, zero point {zero_point}",
            "Convert the network again: TFLM computes at no other scale.",
        )


RULES: Mapping[str, Callable[[Draft], None]] = {
    "ABS": unary,
    "ADD": binary,
    "CAST": cast,
    "CEIL": unary,
    "COS": unary,
    "DEQUANTIZE": dequantize,
    "DIV": binary,
    "ELU": unary,
    "EXP": unary,
    "FLOOR": unary,
    "GELU": gelu,
    "HARD_SWISH": unary,
    "L2_NORMALIZATION": last_axis,
    "LEAKY_RELU": leaky_relu,
    "LOG": unary,
    "LOGISTIC": unary,
    "LOG_SOFTMAX": last_axis,
    "MAXIMUM": bound,
    "MEAN": mean,
    "MINIMUM": bound,
    "MUL": binary,
    "NEG": unary,
    "POW": power,
    "PRELU": prelu,
    "QUANTIZE": quantize,
    "RELU": unary,
    "RELU6": relu6,
    "RELU_N1_TO_1": relu6,
    "ROUND": unary,
    "RSQRT": power,
    "SELECT": select,
    "SELECT_V2": select,
    "SIGN": unary,
    "SIN": unary,
    "SOFTMAX": softmax,
    "SQRT": unary,
    "SQUARE": power,
    "SQUARED_DIFFERENCE": binary,
    "SUB": binary,
    "SUM": mean,
    "TANH": unary,
}
"""What translates each operator of the family."""
