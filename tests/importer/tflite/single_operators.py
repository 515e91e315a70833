"""`.tflite` files of one int8 operator each, drawn over shapes, scales, zero points and options.

Those of an operator with a file of its own in `tests/operators/` are in its example.
"""

import math
from collections.abc import Mapping

import numpy as np
from hypothesis import strategies as st

from mcucc.ir import Shape
from tests.importer.tflite.drawn_file import Draw, File, same_shape
from tests.importer.tflite.retyped import retyped
from tests.operators.example import examples

SIGMOID = ((1 / 256,), -128)
TANH = ((1 / 128,), 0)


def _relu6(f: File) -> bytes:
    shape = f.shape()
    return f.bytes("RELU6", shape, f.value(shape))


def _rsqrt(f: File) -> bytes:
    """Of what is not negative: the judge fails elsewhere."""
    shape, scale = f.shape(), f.real(0.004, 0.3)
    f.value(shape, ((scale,), -128))
    return f.bytes("RSQRT", shape, f.quant())


def _leaky(f: File) -> bytes:
    shape, alpha = f.shape(), f.real(0.01, 0.9)
    f.value(shape)
    return f.bytes("LEAKY_RELU", shape, f.quant(), "LeakyReluOptions", Alpha=alpha)


def _binary(name: str, table: str) -> Draw:
    """Of two values or a value and a constant, either of which may be broadcast."""

    def draw(f: File) -> bytes:
        shape, same = f.shape(), name in ("MAXIMUM", "MINIMUM")
        shapes = f.draw(st.permutations([shape, tuple(f.pick(1, n) for n in shape)]))
        first = f.value(shapes[0])
        second = first if same else f.quant()
        if f.pick(True, False):
            f.value(shapes[1], second)
        else:
            f.int8(f.random(*shapes[1]), second)
        quant = first if same else f.quant()
        fields = {} if same else {"FusedActivationFunction": f.pick(0, 1, 3)}
        return f.bytes(name, shape, quant, table, **fields)

    return draw


def _window(f: File) -> tuple[Shape, Shape, dict[str, int]]:
    """A map, the shape of what a window makes of it but for the channels, and its options."""
    _, h, w, c = f.shape(4)
    kernel = (f.draw(st.integers(1, h)), f.draw(st.integers(1, w)))
    stride, same = (f.pick(1, 2), f.pick(1, 2)), f.pick(True, False)
    out = (
        -(-(n if same else n - k + 1) // s) for n, k, s in zip((h, w), kernel, stride, strict=True)
    )
    fields = {"Padding": int(not same), "StrideH": stride[0], "StrideW": stride[1]}
    return (1, h, w, c), (*out, *kernel), fields


def _pool(name: str) -> Draw:
    def draw(f: File) -> bytes:
        shape, (rows, columns, kh, kw), fields = _window(f)
        quant, act = f.value(shape), f.pick(0, 1, 3)
        fields |= {"FilterHeight": kh, "FilterWidth": kw, "FusedActivationFunction": act}
        return f.bytes(name, (1, rows, columns, shape[3]), quant, "Pool2DOptions", **fields)

    return draw


def _weighted(f: File, shape: Shape, channels: int, axis: int, s_in: float) -> None:
    """Weights with a scale per channel, and a bias."""
    scales = tuple(f.real(0.002, 0.02) for _ in range(channels))
    f.int8(f.random(*shape), (scales, 0), axis)
    f.int32((f.random(channels) * 10).tolist(), tuple(float(np.float32(s_in * s)) for s in scales))


def _conv(f: File) -> bytes:
    shape, (rows, columns, kh, kw), fields = _window(f)
    quant, channels = f.value(shape), f.draw(st.integers(1, 6))
    _weighted(f, (channels, kh, kw, shape[3]), channels, 0, quant[0][0])
    fields["FusedActivationFunction"] = f.pick(0, 1, 3)
    return f.bytes("CONV_2D", (1, rows, columns, channels), f.quant(), "Conv2DOptions", **fields)


def _depthwise(f: File) -> bytes:
    shape, (rows, columns, kh, kw), fields = _window(f)
    fields["StrideW"] = fields["StrideH"]
    if not fields["Padding"]:
        columns = -(-shape[2] // fields["StrideW"])
    else:
        columns = -(-(shape[2] - kw + 1) // fields["StrideW"])
    quant, times = f.value(shape), f.draw(st.integers(1, 3))
    channels = shape[3] * times
    _weighted(f, (1, kh, kw, channels), channels, 3, quant[0][0])
    fields |= {"DepthMultiplier": times, "FusedActivationFunction": f.pick(0, 1, 3)}
    out = (1, rows, columns, channels)
    return f.bytes("DEPTHWISE_CONV_2D", out, f.quant(), "DepthwiseConv2DOptions", **fields)


def _dense(f: File) -> bytes:
    shape, channels = f.shape(2), f.draw(st.integers(1, 6))
    quant = f.value(shape)
    scale = f.real(0.002, 0.02)
    f.int8(f.random(channels, shape[1]), ((scale,), 0))
    f.int32((f.random(channels) * 10).tolist(), (float(np.float32(quant[0][0] * scale)),))
    act = f.pick(0, 1, 3)
    table = "FullyConnectedOptions"
    out = (1, channels)
    return f.bytes("FULLY_CONNECTED", out, f.quant(), table, FusedActivationFunction=act)


def _reshape(name: str) -> Draw:
    def draw(f: File) -> bytes:
        shape = (1, *f.shape(3)[1:], 1) if name == "SQUEEZE" else f.shape(3)
        quant = f.value(shape)
        if name == "EXPAND_DIMS":
            f.int32([-1])
            return f.bytes(name, (*shape, 1), quant, "ExpandDimsOptions")
        if name == "SQUEEZE":
            return f.bytes(name, shape[:-1], quant, "SqueezeOptions", SqueezeDims=(3,))
        out = (1, math.prod(shape))
        f.int32(out)
        return f.bytes(name, out, quant, "ReshapeOptions", NewShape=out)

    return draw


def _transpose(f: File) -> bytes:
    shape = f.shape()
    perm = (0, *f.draw(st.permutations(range(1, len(shape)))))
    quant = f.value(shape)
    f.int32(perm)
    return f.bytes("TRANSPOSE", tuple(shape[a] for a in perm), quant, "TransposeOptions")


def _concat(f: File) -> bytes:
    shape, quant = f.shape(), f.quant()
    axis = f.draw(st.integers(1, len(shape) - 1))
    sizes = [f.draw(st.integers(1, 5)) for _ in range(f.pick(2, 3))]
    parts = [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]
    for part in parts:
        f.value(part, quant)
    out = (*shape[:axis], sum(sizes), *shape[axis + 1 :])
    return f.bytes("CONCATENATION", out, quant, "ConcatenationOptions", Axis=axis)


def _pack(f: File) -> bytes:
    shape, quant = f.shape(3), f.quant()
    f.value(shape, quant)
    f.value(shape, quant)
    axis = f.draw(st.integers(1, 3))
    out = (*shape[:axis], 2, *shape[axis:])
    return f.bytes("PACK", out, quant, "PackOptions", ValuesCount=2, Axis=axis)


def _pad(name: str) -> Draw:
    def draw(f: File) -> bytes:
        shape = f.shape()
        quant = f.value(shape)
        ends = [(0, 0), *((f.pick(0, 1, 2), f.pick(0, 1, 3)) for _ in shape[1:])]
        f.int32(ends)
        out = tuple(n + a + b for n, (a, b) in zip(shape, ends, strict=True))
        if name == "PADV2":
            f.int8(np.array([f.draw(st.integers(-128, 127))]), quant)
            return f.bytes(name, out, quant, "PadV2Options")
        return f.bytes(name, out, quant, "PadOptions")

    return draw


def _select(name: str) -> Draw:
    """By a constant mask; the second value is computed too, or constant."""

    def draw(f: File) -> bytes:
        shape, quant = f.shape(), f.quant()
        f.int8(f.random(*shape) > 0, ((), 0))
        f.value(shape, quant)
        if f.pick(True, False):
            f.value(shape, quant)
        else:
            f.int8(f.random(*shape), quant)
        return retyped(f.bytes(name, shape, quant), (0,), "BOOL")

    return draw


def _broadcast(f: File) -> bytes:
    shape = f.shape()
    quant = f.value(tuple(f.pick(1, n) for n in shape))
    f.int32(shape)
    return f.bytes("BROADCAST_TO", shape, quant, "BroadcastToOptions")


def _slice(name: str) -> Draw:
    def draw(f: File) -> bytes:
        shape = f.shape()
        quant = f.value(shape)
        starts = [0, *(f.draw(st.integers(0, n - 1)) for n in shape[1:])]
        sizes = [f.draw(st.integers(1, n - a)) for n, a in zip(shape, starts, strict=True)]
        f.int32(starts)
        if name == "SLICE":
            f.int32(sizes)
            return f.bytes(name, tuple(sizes), quant, "SliceOptions")
        f.int32([a + size for a, size in zip(starts, sizes, strict=True)])
        f.int32([1] * len(shape))
        return f.bytes(name, tuple(sizes), quant, "StridedSliceOptions")

    return draw


def _split(f: File) -> bytes:
    shape, count = list(f.shape()), f.pick(2, 3)
    axis = f.draw(st.integers(1, len(shape) - 1))
    part = tuple(shape)
    shape[axis] *= count
    f.int32([axis - f.pick(0, len(shape))])
    quant = f.value(tuple(shape))
    return f.parts("SPLIT", [part] * count, quant, "SplitOptions", NumSplits=count)


def _split_v(f: File) -> bytes:
    """Into parts of sizes, the last of which may be what is left."""
    shape, axis_sizes = f.shape(), f.draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    axis = f.draw(st.integers(1, len(shape) - 1))
    parts = [(*shape[:axis], size, *shape[axis + 1 :]) for size in axis_sizes]
    quant = f.value((*shape[:axis], sum(axis_sizes), *shape[axis + 1 :]))
    f.int32([*axis_sizes[:-1], f.pick(-1, axis_sizes[-1])])
    f.int32([axis - f.pick(0, len(shape))])
    return f.parts("SPLIT_V", parts, quant, "SplitVOptions", NumSplits=len(parts))


def _unpack(f: File) -> bytes:
    shape = f.shape(f.pick(3, 4))
    axis = f.draw(st.integers(1, len(shape) - 1))
    quant, count, part = f.value(shape), shape[axis], (*shape[:axis], *shape[axis + 1 :])
    fields = {"Num": count, "Axis": axis - f.pick(0, len(shape))}
    return f.parts("UNPACK", [part] * count, quant, "UnpackOptions", **fields)


def _gather(f: File) -> bytes:
    shape = f.shape(4)
    quant, axis = f.value(shape), f.draw(st.integers(1, 3))
    taken = f.draw(st.lists(st.integers(0, shape[axis] - 1), min_size=1, max_size=5))
    f.int32(taken)
    out = (*shape[:axis], len(taken), *shape[axis + 1 :])
    return f.bytes("GATHER", out, quant, "GatherOptions", Axis=axis)


def _resize(name: str, table: str) -> Draw:
    def draw(f: File) -> bytes:
        shape, size = f.shape(4), (f.draw(st.integers(1, 13)), f.draw(st.integers(1, 13)))
        quant = f.value(shape)
        f.int32(size)
        corners, centers = f.pick((0, 0), (0, 1), (1, 0))
        out = (1, *size, shape[3])
        return f.bytes(name, out, quant, table, AlignCorners=corners, HalfPixelCenters=centers)

    return draw


def _reduction(name: str, *, copies: bool = False) -> Draw:
    """Over any axes but the batch, which are kept or not."""

    def draw(f: File) -> bytes:
        shape = f.shape()
        quant, any_axes = f.value(shape), st.sets(st.integers(1, len(shape) - 1), min_size=1)
        axes = sorted(f.draw(any_axes))
        keep = len(axes) == len(shape) - 1 or f.pick(True, False)
        f.int32([a - f.pick(0, len(shape)) for a in axes])
        sizes = [1 if a in axes else n for a, n in enumerate(shape) if keep or a not in axes]
        made = quant if copies else f.quant()
        return f.bytes(name, tuple(sizes), made, "ReducerOptions", KeepDims=keep)

    return draw


def _blocks(name: str, table: str) -> Draw:
    def draw(f: File) -> bytes:
        _, h, w, c = f.shape(4)
        size = f.pick(1, 2, 3)
        wide, deep = (1, h * size, w * size, c), (1, h, w, c * size * size)
        shape, out = (wide, deep) if name == "SPACE_TO_DEPTH" else (deep, wide)
        return f.bytes(name, out, f.value(shape), table, BlockSize=size)

    return draw


DRAWS: Mapping[str, Draw] = {
    **{name: draw for example in examples() for name, draw in example.files.items()},
    "ABS": same_shape("ABS"),
    "ADD": _binary("ADD", "AddOptions"),
    "AVERAGE_POOL_2D": _pool("AVERAGE_POOL_2D"),
    "BROADCAST_TO": _broadcast,
    "CONCATENATION": _concat,
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "DEPTH_TO_SPACE": _blocks("DEPTH_TO_SPACE", "DepthToSpaceOptions"),
    "ELU": same_shape("ELU"),
    "EXPAND_DIMS": _reshape("EXPAND_DIMS"),
    "FULLY_CONNECTED": _dense,
    "GATHER": _gather,
    "HARD_SWISH": same_shape("HARD_SWISH"),
    "LEAKY_RELU": _leaky,
    "LOGISTIC": same_shape("LOGISTIC", quant=SIGMOID),
    "MAXIMUM": _binary("MAXIMUM", "MaximumMinimumOptions"),
    "MAX_POOL_2D": _pool("MAX_POOL_2D"),
    "MEAN": _reduction("MEAN"),
    "MINIMUM": _binary("MINIMUM", "MaximumMinimumOptions"),
    "MUL": _binary("MUL", "MulOptions"),
    "PACK": _pack,
    "PAD": _pad("PAD"),
    "PADV2": _pad("PADV2"),
    "QUANTIZE": same_shape("QUANTIZE", "QuantizeOptions"),
    "REDUCE_MAX": _reduction("REDUCE_MAX", copies=True),
    "REDUCE_MIN": _reduction("REDUCE_MIN", copies=True),
    "RELU": same_shape("RELU"),
    "RELU6": _relu6,
    "RESHAPE": _reshape("RESHAPE"),
    "RESIZE_BILINEAR": _resize("RESIZE_BILINEAR", "ResizeBilinearOptions"),
    "RESIZE_NEAREST_NEIGHBOR": _resize("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions"),
    "RSQRT": _rsqrt,
    "SELECT": _select("SELECT"),
    "SELECT_V2": _select("SELECT_V2"),
    "SLICE": _slice("SLICE"),
    "SOFTMAX": same_shape("SOFTMAX", "SoftmaxOptions", SIGMOID, Beta=1.0),
    "SPACE_TO_DEPTH": _blocks("SPACE_TO_DEPTH", "SpaceToDepthOptions"),
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "SQUEEZE": _reshape("SQUEEZE"),
    "STRIDED_SLICE": _slice("STRIDED_SLICE"),
    "SUB": _binary("SUB", "SubOptions"),
    "SUM": _reduction("SUM"),
    "TANH": same_shape("TANH", quant=TANH),
    "TRANSPOSE": _transpose,
    "UNPACK": _unpack,
}
"""How a file of each operator is drawn."""
