"""Rules for CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV and FULLY_CONNECTED."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.file.reader import AttributeValue
from mcucc.importer.tflite.draft import Draft, RefusedOperatorError, described, quantization
from mcucc.importer.tflite.model import ABSENT, Tensor

_DEAD_SCALE = np.float32(2.0**-100)
"""In place of a weight scale of 0: its multiplier is 0 too, as that of every scale so small."""


@dataclass(frozen=True)
class _Fields:
    """Numbers of the fields of an operator's options in the schema."""

    activation: int
    dilation: tuple[int, int]


_CONV, _DEPTHWISE = _Fields(3, (5, 4)), _Fields(4, (6, 5))
"""Padding (0) and strides (2 rows, 1 columns) stand at the same place in both."""


def conv(draft: Draft) -> None:
    """CONV_2D: weights OHWI, in groups or not."""
    x, weights = draft.input(0), draft.input(1)
    _demand_rank(draft, 4)
    channels, per_group = x.shape[3], weights.shape[3]
    if not per_group or channels % per_group:
        raise _unfit(draft)
    window = _window(draft, _CONV, weights.shape[1:3], channels // per_group)
    _convolve(draft, (0, 3, 1, 2), window, _CONV)


def depthwise(draft: Draft) -> None:
    """DEPTHWISE_CONV_2D: weights 1HWO."""
    x, weights = draft.input(0), draft.input(1)
    _demand_rank(draft, 4)
    if weights.shape[0] != 1 or not x.shape[3] or weights.shape[3] % x.shape[3]:
        raise _unfit(draft)
    window = _window(draft, _DEPTHWISE, weights.shape[1:3], x.shape[3])
    _convolve(draft, (3, 0, 1, 2), window, _DEPTHWISE)


def transpose_conv(draft: Draft) -> None:
    """TRANSPOSE_CONV: weights OHWI; the shape of the output comes first among the inputs."""
    shape = draft.integers(0, "the shape of the output")
    weights, x, *bias = draft.operator.inputs[1:] if draft.has(2) else (ABSENT, ABSENT)
    draft.operator = replace(draft.operator, inputs=(x, weights, *bias))
    _demand_rank(draft, 4)
    filters, sizes, kernel = draft.input(1).shape, draft.input(0).shape, draft.input(1).shape[1:3]
    if filters[3] != sizes[3] or len(shape) != 4 or shape[3] != filters[0]:
        raise _unfit(draft)
    strides = (draft.option(2), draft.option(1))
    if min(*strides, *shape[1:3]) < 1:
        raise _unfit(draft)
    before, behind, extra = zip(
        *(
            _cut(draft.flag(0), *axis)
            for axis in zip(sizes[1:3], shape[1:3], kernel, strides, strict=True)
        ),
        strict=True,
    )
    parameters = (_weights(draft, (3, 0, 1, 2), axis=1), *_bias(draft))
    window = {"strides": strides, "pads": (*before, *behind), "output_padding": extra}
    turned = draft.channels_first(draft.reals(draft.input(0)))
    made = draft.emit("ConvTranspose", (turned, *parameters), window)
    draft.finish(draft.channels_last(made), draft.flag(3))


def _cut(valid: int, size: int, made: int, kernel: int, stride: int) -> tuple[int, int, int]:
    """What is cut off before and behind of all outputs along an axis, and what is missing there.

    SAME is that of a convolution from the output back to the input.
    """
    steps = -(-made // stride) - 1
    before = 0 if valid else max(0, steps * stride + kernel - made) // 2
    behind = (size - 1) * stride + kernel - before - made
    return before, max(0, behind), max(0, -behind)


def fully_connected(draft: Draft) -> None:
    """FULLY_CONNECTED: over rows it is a convolution of 1x1."""
    x, weights = draft.input(0), draft.input(1)
    if draft.flag(1):
        raise RefusedOperatorError(
            "its weights must not be shuffled", "weights_format 1", "Convert the network again."
        )
    _demand_rank(draft, 2, weights_only=True)
    length = weights.shape[1]
    if not length or math.prod(x.shape) % length:
        raise _unfit(draft)
    rows = math.prod(x.shape) // length
    parameters = (_weights(draft, (0, 1)), *_bias(draft))
    if rows == 1:
        flat = _of_shape(draft, draft.reals(x), x.shape, (1, length))
        made = draft.emit("Gemm", (flat, *parameters), {"transB": 1})
        made = _of_shape(draft, made, (1, weights.shape[0]), draft.output.shape)
    else:
        made = _over_rows(draft, rows)
    draft.finish(made, draft.flag(0))


def _over_rows(draft: Draft, rows: int) -> str:
    x, weights = draft.input(0), draft.input(1)
    kernel = _weights(draft, (0, 1), (*weights.shape, 1, 1))
    flat = draft.reshaped(draft.reals(x), (1, rows, 1, weights.shape[1]), "rows")
    made = draft.emit("Conv", (draft.channels_first(flat), kernel, *_bias(draft)))
    return draft.reshaped(draft.channels_last(made), draft.output.shape)


def _of_shape(draft: Draft, value: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    return value if shape == wanted else draft.reshaped(value, wanted)


def _convolve(
    draft: Draft,
    order: tuple[int, ...],
    window: Mapping[str, AttributeValue],
    fields: _Fields,
) -> None:
    x = draft.channels_first(draft.reals(draft.input(0)))
    made = draft.emit("Conv", (x, _weights(draft, order), *_bias(draft)), window)
    draft.finish(draft.channels_last(made), draft.flag(fields.activation))


def _window(
    draft: Draft, fields: _Fields, kernel: tuple[int, ...], group: int
) -> Mapping[str, AttributeValue]:
    rows, columns = fields.dilation
    return {
        "kernel_shape": kernel,
        "strides": (draft.option(2), draft.option(1)),
        "dilations": (draft.option(rows, default=1), draft.option(columns, default=1)),
        "auto_pad": "VALID" if draft.flag(0) else "SAME_UPPER",
        "group": group,
    }


def _demand_rank(draft: Draft, rank: int, *, weights_only: bool = False) -> None:
    tensors = (draft.input(1),) if weights_only else (draft.input(0), draft.input(1))
    if any(len(tensor.shape) != rank for tensor in tensors):
        raise _unfit(draft)


def _unfit(draft: Draft) -> RefusedOperatorError:
    return RefusedOperatorError(
        "the shapes of input and weights must fit each other",
        f"{described(draft.input(0))}, {described(draft.input(1))}",
        "Convert the network again.",
    )


def _weights(
    draft: Draft, order: tuple[int, ...], shape: tuple[int, ...] = (), *, axis: int = 0
) -> str:
    """The weights in the order of ONNX.

    Args:
        draft: whose operator is translated.
        order: of the axes.
        shape: of the result, if it is another.
        axis: of the result that has the output channels.
    """
    tensor, x = draft.input(1), draft.input(0)
    data = draft.known(tensor)
    if data is None:
        raise RefusedOperatorError(
            "its weights must be constant",
            described(tensor),
            "mcucc multiplies activations by constants alone.",
        )
    name = f"{draft.label}.weights"
    turned = np.ascontiguousarray(data.transpose(order))
    turned = turned.reshape(shape or turned.shape)
    if x.quant is None:
        return draft.constant(name, _floats(tensor, turned))
    return _quantized(draft, name, turned, _weight_scales(tensor, order[axis]), axis)


def _floats(tensor: Tensor, data: NDArray[np.generic]) -> NDArray[np.generic]:
    if data.dtype.kind == "f":
        return data.astype(np.float32)
    raise RefusedOperatorError(
        "weights of a layer on floats must be floats",
        f"{described(tensor)}: a hybrid layer, which quantizes its input while it runs",
        "Convert the network with full integer quantization (converter.representative_dataset), "
        "or without optimizations (leave converter.optimizations empty) and give --calib.",
    )


def _weight_scales(tensor: Tensor, axis: int) -> NDArray[np.float32]:
    quant = tensor.quant
    if tensor.dtype != "INT8" or quant is None or np.any(quant.zero_points):
        points = "none" if quant is None else str(quant.zero_points[:4].tolist())
        raise RefusedOperatorError(
            "weights of a quantized layer must be int8 with zero point 0",
            f"{described(tensor)}, zero points {points}",
            "Convert the network again with TensorFlow 2 and full integer quantization.",
        )
    if quant.scales.size > 1 and quant.axis != axis:
        raise RefusedOperatorError(
            "weight scales must run along the output channels",
            f"{quant.scales.size} along axis {quant.axis} of {described(tensor)}",
            "Convert the network again.",
        )
    return np.where(quant.scales == 0, _DEAD_SCALE, quant.scales)


def _bias(draft: Draft) -> tuple[str, ...]:
    """The bias, if there is one. Its scale is that of the products, whatever the file says."""
    if not draft.has(2):
        return ()
    tensor, x = draft.input(2), draft.input(0)
    data, name = draft.known(tensor), f"{draft.label}.bias"
    if data is None:
        raise RefusedOperatorError(
            "its bias must be constant", described(tensor), "Convert the network again."
        )
    data = data.ravel()
    if x.quant is None:
        return (draft.constant(name, _floats(tensor, data)),)
    if tensor.dtype != "INT32":
        raise RefusedOperatorError(
            "the bias of a quantized layer must be int32",
            described(tensor),
            "Convert the network with int8 activations (not 16x8).",
        )
    quant = draft.input(1).quant
    axis = 0 if quant is None else quant.axis  # which was checked with the weights
    scales = _weight_scales(draft.input(1), axis).astype(np.float64)
    products = (scales * quantization(x)[0]).astype(np.float32)
    return (_quantized(draft, name, data, products),)


def _quantized(
    draft: Draft,
    name: str,
    data: NDArray[np.generic],
    scales: NDArray[np.float32],
    axis: int = 0,
) -> str:
    """A constant behind a DequantizeLinear, its scales along an axis."""
    scale = scales[0] if scales.size == 1 else scales
    inputs = (
        draft.constant(f"{name}.integers", data),
        draft.constant(f"{name}.scales", np.asarray(scale, dtype=np.float32)),
    )
    return draft.emit("DequantizeLinear", inputs, {"axis": axis}, suffix=name.rpartition(".")[2])


RULES: Mapping[str, Callable[[Draft], None]] = {
    "CONV_2D": conv,
    "DEPTHWISE_CONV_2D": depthwise,
    "FULLY_CONNECTED": fully_connected,
    "TRANSPOSE_CONV": transpose_conv,
}
"""What translates each operator of the family."""
