"""Rules for pools and pads."""

from collections.abc import Callable, Mapping

import numpy as np

from mcucc.importer.file.reader import AttributeValue
from mcucc.importer.tflite.draft import (
    Draft,
    RefusedOperatorError,
    demand_equal_scales,
    demand_map,
    described,
    quantization,
)
from mcucc.importer.tflite.model import Tensor


def pool(draft: Draft) -> None:
    """MAX_POOL_2D and AVERAGE_POOL_2D."""
    x = draft.input(0)
    demand_equal_scales(draft, x)
    demand_map(draft)
    attributes = {
        "kernel_shape": (draft.option(4), draft.option(3)),
        "strides": (draft.option(2), draft.option(1)),
        "auto_pad": "VALID" if draft.flag(0) else "SAME_UPPER",
    }
    op = "MaxPool" if draft.operator.code == "MAX_POOL_2D" else "AveragePool"
    made = draft.emit(op, (draft.channels_first(draft.reals(x)),), attributes)
    draft.finish(draft.channels_last(made), draft.flag(5))


def reduce_extreme(draft: Draft) -> None:
    """REDUCE_MAX and REDUCE_MIN over any axes but the batch."""
    x = draft.input(0)
    demand_equal_scales(draft, x)
    axes = draft.constant(
        f"{draft.label}.axes", np.array(draft.integers(1, "the axes"), dtype=np.int64)
    )
    keep: Mapping[str, AttributeValue] = {"keepdims": draft.flag(0)}
    if draft.operator.code == "REDUCE_MAX":
        draft.finish(draft.emit("ReduceMax", (draft.reals(x), axes), keep))
    elif x.quant is None:
        draft.finish(draft.emit("ReduceMin", (draft.reals(x), axes), keep))
    else:
        largest = draft.emit("ReduceMax", (_negated(draft, x), axes), keep)
        draft.finish(draft.emit("Neg", (largest,), suffix="minimum"))


def _negated(draft: Draft, x: Tensor) -> str:
    """What is less than zero by as much: integers -1 - q, of which none is lost."""
    scale, zero_point = quantization(x)
    ends = (
        draft.constant(f"{draft.label}.scale", np.array(scale, dtype=np.float32)),
        draft.constant(f"{draft.label}.zero_point", np.array(-1 - zero_point).astype(np.int8)),
    )
    made = draft.emit("Neg", (draft.reals(x),), suffix="negated")
    rounded = draft.emit("QuantizeLinear", (made, *ends), suffix="integers")
    return draft.emit("DequantizeLinear", (rounded, *ends), suffix="reals")


def pad(draft: Draft) -> None:
    """PAD and PADV2: with the integer that stands for zero, or a constant."""
    x, rank = draft.input(0), len(draft.input(0).shape)
    demand_equal_scales(draft, x)
    ends = draft.integers(1, "the paddings")
    if len(ends) != 2 * rank:
        raise RefusedOperatorError(
            "there must be two paddings for each axis",
            f"{len(ends)} for {described(x)}",
            "Convert the network again.",
        )
    if draft.has(2):
        value = draft.known(draft.input(2))
    elif x.quant is None:
        value = np.zeros((), dtype=np.float32)
    else:
        stored = np.uint8 if x.dtype == "UINT8" else np.int8
        value = np.array(quantization(x)[1]).astype(stored)
    if value is None or value.size != 1:
        raise RefusedOperatorError(
            "what is padded with must be constant",
            described(draft.input(2)),
            "Convert the network again.",
        )
    pads = draft.constant(f"{draft.label}.pads", np.array((*ends[::2], *ends[1::2]), np.int64))
    filler = draft.constant(f"{draft.label}.value", value.reshape(()))
    draft.give(draft.emit("Pad", (draft.value(x), pads, filler)), draft.output)


def mirror_pad(draft: Draft) -> None:
    """MIRROR_PAD of rows and columns."""
    x, ends = draft.input(0), draft.integers(1, "the paddings")
    demand_equal_scales(draft, x)
    if len(ends) != 2 * len(x.shape):
        raise RefusedOperatorError(
            "there must be two paddings for each axis",
            f"{len(ends)} for {described(x)}",
            "Convert the network again.",
        )
    pads = draft.constant(f"{draft.label}.pads", np.array((*ends[::2], *ends[1::2]), np.int64))
    mode = "symmetric" if draft.flag(0) else "reflect"  # ONNX has no name for the former
    draft.finish(draft.emit("Pad", (draft.reals(x), pads), {"mode": mode}))


RULES: Mapping[str, Callable[[Draft], None]] = {
    "AVERAGE_POOL_2D": pool,
    "MAX_POOL_2D": pool,
    "MIRROR_PAD": mirror_pad,
    "PAD": pad,
    "PADV2": pad,
    "REDUCE_MAX": reduce_extreme,
    "REDUCE_MIN": reduce_extreme,
}
"""What translates each operator of the family."""
