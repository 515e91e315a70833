"""Draws layers with sliding windows."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fuzz.writer import Shape, Value, Writer

Axis = tuple[int, int, int, int, int]
"""Taps, stride, dilation, padding before and after."""

MOST_ELEMENTS = 1600
"""Of a value: networks are to be small, and compiled without optimization."""


@dataclass(frozen=True)
class _Window:
    axes: tuple[Axis, ...]
    output: Shape
    same: str

    @property
    def kernel(self) -> Shape:
        return tuple(axis[0] for axis in self.axes)

    def attributes(self, *, dilated: bool = True) -> dict[str, Any]:
        """As ONNX has them."""
        found: dict[str, Any] = {
            "kernel_shape": list(self.kernel),
            "strides": [axis[1] for axis in self.axes],
        }
        if dilated:
            found["dilations"] = [axis[2] for axis in self.axes]
        if self.same:
            found["auto_pad"] = self.same
        else:
            found["pads"] = [axis[3] for axis in self.axes] + [axis[4] for axis in self.axes]
        return found


def conv(w: Writer, x: Value) -> Value | None:
    """A convolution: dense, pointwise, grouped or depthwise, of one or two dimensions."""
    if len(x.shape) not in (3, 4):
        return None
    channels = x.shape[1]
    groups, out = _channels(w, channels)
    most = w.one_of((1, 3, 5, 9)) if groups == channels else w.one_of((1, 1, 3, 5))
    window = _drawn(w, x.shape[2:], most, dilated=True)
    shape = (out, channels // groups, *window.kernel)
    made = (1, out, *window.output)
    if math.prod(made) > MOST_ELEMENTS or math.prod(made) * math.prod(shape[1:]) > 60_000:
        return None
    weights, scales = w.weights(shape, 0)
    bias = (w.bias(x, scales, out),) if w.chance(0.8) else ()
    y = w.node("Conv", x.name, weights, *bias, group=groups, **window.attributes())
    return _activated(w, y, made, x.scale * float(scales.mean()) * _spread(shape))


def _channels(w: Writer, channels: int) -> tuple[int, int]:
    """Groups and output channels."""
    form = w.one_of(("dense", "dense", "depthwise", "multiplied", "grouped"))
    if form == "dense" or channels == 1:
        return 1, w.one_of((1, 2, 3, 4, 5, 7, 8, 12, 16))
    if form == "depthwise":
        return channels, channels
    if form == "multiplied":
        return channels, channels * w.number(2, 3)
    groups = w.one_of([g for g in range(1, channels + 1) if channels % g == 0])
    return groups, groups * w.number(1, 4)


def dense(w: Writer, x: Value) -> Value | None:
    """Gemm or MatMul by a constant."""
    if not 2 <= len(x.shape) <= 4:
        return None
    length, out = x.shape[-1], w.one_of((1, 2, 3, 5, 8, 10, 17))
    if length > 400:
        return None
    made = (*x.shape[:-1], out)
    if len(x.shape) == 2 and w.chance(0.7):
        turned = w.chance(0.6)
        weights, scales = w.weights((out, length) if turned else (length, out), 0 if turned else 1)
        bias = (w.bias(x, scales, out),) if w.chance(0.8) else ()
        y = w.node("Gemm", x.name, weights, *bias, transB=int(turned))
    else:
        weights, scales = w.weights((length, out), 1)
        y = w.node("MatMul", x.name, weights)
        if w.chance(0.4):
            y = w.node("Add", y, w.bias(x, scales, out))
    return _activated(w, y, made, x.scale * float(scales.mean()) * _spread((1, length)))


def pool(w: Writer, x: Value) -> Value | None:
    """MaxPool or AveragePool."""
    if len(x.shape) not in (3, 4):
        return None
    largest = w.chance(0.5)
    window = _drawn(w, x.shape[2:], 4, dilated=False, padded=largest or w.chance(0.4))
    made = (1, x.shape[1], *window.output)
    attributes = window.attributes(dilated=False)
    if largest:
        return w.settled(w.node("MaxPool", x.name, **attributes), made, like=x)
    if "pads" in attributes and any(attributes["pads"]):
        attributes["count_include_pad"] = int(w.chance(0.5))
    return w.settled(w.node("AveragePool", x.name, **attributes), made, like=x)


def whole_pool(w: Writer, x: Value) -> Value | None:
    """GlobalAveragePool or GlobalMaxPool."""
    if len(x.shape) not in (3, 4):
        return None
    made = (*x.shape[:2], *(1 for _ in x.shape[2:]))
    if w.chance(0.3):
        return w.settled(w.node("GlobalMaxPool", x.name), made, like=x)
    return w.settled(w.node("GlobalAveragePool", x.name), made, x.scale * w.random.uniform(0.3, 1))


def _drawn(w: Writer, sizes: Shape, most: int, *, dilated: bool, padded: bool = True) -> _Window:
    """A window of which something is left on a map of these sizes."""
    same = w.one_of(("", "", "SAME_UPPER", "SAME_LOWER")) if padded else ""
    axes = [_axis(w, size, most, same=bool(same), dilated=dilated, padded=padded) for size in sizes]
    output = tuple(
        -(-size // stride)
        if same
        else (size + before + after - (taps - 1) * dilation - 1) // stride + 1
        for size, (taps, stride, dilation, before, after) in zip(sizes, axes, strict=True)
    )
    return _Window(tuple(axes), output, same)


def _axis(w: Writer, size: int, most: int, *, same: bool, dilated: bool, padded: bool) -> Axis:
    taps, stride = w.number(1, most), w.number(1, 3)
    dilation = w.one_of((1, 1, 1, 2, 3)) if dilated and taps > 1 else 1
    if same and not w.quantized:
        dilation = 1  # ONNX Runtime, which judges float networks, has no SAME padding for others
    if same:
        # ONNX Runtime and TensorFlow differ on a stride beyond the window.
        return taps, min(stride, (taps - 1) * dilation + 1), dilation, 0, 0
    reach = (taps - 1) * dilation
    room = min(reach, taps - 1) if not dilated else reach
    before, after = (w.number(0, room), w.number(0, room)) if padded else (0, 0)
    if size + before + after <= reach:
        taps, dilation, before, after = min(taps, size), 1, 0, 0
    return taps, stride, dilation, before, after


def _activated(w: Writer, y: str, shape: Shape, scale: float) -> Value:
    """A result behind which an activation may be fused."""
    kind = w.one_of(("none", "none", "relu", "relu6", "clip"))
    if kind == "relu":
        y = w.node("Relu", y)
    elif kind != "none":
        low, high = (0.0, 6.0) if kind == "relu6" else (-60 * scale or -1.0, 90 * scale or 1.0)
        y = w.node("Clip", y, *(w.constant(_scalar(bound)) for bound in (low, high)))
    return w.settled(y, shape, scale)


def _scalar(value: float) -> NDArray[np.float32]:
    return np.array(value, np.float32)


def _spread(shape: Shape) -> float:
    """How much larger sums of products of int8 values are than one unit of each."""
    return 100 * math.sqrt(math.prod(shape[1:]))
