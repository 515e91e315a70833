"""Draws layers that compute element by element, or move values."""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from fuzz.windows import MOST_ELEMENTS, conv, dense, pool, whole_pool
from fuzz.writer import Value, Writer

Layer = Callable[[Writer, Value, Sequence[Value]], Value | None]
"""Appends an operator on a value; all values so far are given too. None if it has no place."""


def unary(w: Writer, x: Value, _all: Sequence[Value]) -> Value | None:
    """A function of each element."""
    op = w.one_of(
        ("Relu", "Sigmoid", "Tanh", "LeakyRelu", "HardSwish", "HardSigmoid", "Neg", "Clip")
    )
    if op == "HardSwish" and w.opset < 14:
        return None
    fixed = {"Sigmoid": (1 / 256, -128), "Tanh": (1 / 128, 0)}.get(op)
    if op == "LeakyRelu":
        y = w.node(op, x.name, alpha=float(w.random.uniform(0.01, 0.6)))
    elif op == "Clip":
        bounds = sorted(w.random.uniform(-90, 90, 2) * (x.scale or 0.02))
        y = w.node(op, x.name, *(w.constant(np.array(b, np.float32)) for b in bounds))
    else:
        y = w.node(op, x.name)
    if fixed and w.chance(0.7):
        return w.settled(y, x.shape, like=Value("", x.shape, *fixed))
    return w.settled(y, x.shape, 1 / 200 if "igmoid" in op or op == "Tanh" else x.scale)


def gate(w: Writer, x: Value, _all: Sequence[Value]) -> Value | None:
    """The product of a value and a sigmoid of itself."""
    return w.settled(w.node("Mul", x.name, w.node("Sigmoid", x.name)), x.shape, x.scale)


def binary(w: Writer, x: Value, values: Sequence[Value]) -> Value | None:
    """A sum, difference or product of two values; now and then one of them is a new input."""
    op = w.one_of(("Add", "Add", "Sub", "Mul"))
    alike = [value for value in values if value.shape == x.shape]
    other = w.input(x.shape) if w.chance(0.15) and len(w.inputs) < 3 else w.one_of(alike)
    a, b = (x, other) if w.chance(0.5) else (other, x)
    scale = 70 * a.scale * b.scale if op == "Mul" else math.hypot(a.scale, b.scale)
    return w.settled(w.node(op, a.name, b.name), x.shape, scale)


def squeeze_excite(w: Writer, x: Value, _all: Sequence[Value]) -> Value | None:
    """A gate per channel: the mean of a map, a layer, a sigmoid, and the product with the map."""
    if len(x.shape) != 4:
        return None
    mean = whole_pool(w, x)
    inner = conv(w, mean) if mean is not None and w.chance(0.5) else mean
    if inner is None or inner.shape != (1, x.shape[1], 1, 1):
        inner = mean
    assert inner is not None
    y = w.node("Sigmoid", inner.name)
    opened = w.settled(y, inner.shape, like=Value("", inner.shape, 1 / 256, -128))
    return w.settled(w.node("Mul", x.name, opened.name), x.shape, x.scale / 2)


def with_constant(w: Writer, x: Value, _all: Sequence[Value]) -> Value | None:
    """Arithmetic with a constant: one number, or one per channel."""
    op = w.one_of(("Add", "Sub", "Mul", "Div"))
    per_channel = len(x.shape) > 2 and w.chance(0.7)
    shape = tuple(n if i == 0 else 1 for i, n in enumerate(x.shape[1:])) if per_channel else ()
    unit = x.scale * 100 if x.scale and op in ("Add", "Sub") else 1.0
    constant = w.reals(shape, 0.3 * unit, 1.5 * unit)
    a, b = (constant, x.name) if op != "Div" and w.chance(0.3) else (x.name, constant)
    return w.settled(w.node(op, a, b), x.shape, x.scale * 1.5)


def concat(w: Writer, x: Value, values: Sequence[Value]) -> Value | None:
    """A Concat along any axis but the first."""
    axis = w.number(1, len(x.shape) - 1)
    fitting = [
        value
        for value in values
        if len(value.shape) == len(x.shape)
        and all(
            a == b for i, (a, b) in enumerate(zip(value.shape, x.shape, strict=True)) if i != axis
        )
    ]
    parts = [x, *(w.one_of(fitting) for _ in range(w.number(1, 2)))]
    shape = tuple(
        sum(p.shape[axis] for p in parts) if i == axis else n for i, n in enumerate(x.shape)
    )
    named = axis - len(x.shape) if w.chance(0.3) else axis
    return w.settled(w.node("Concat", *(p.name for p in parts), axis=named), shape, x.scale)


def resize(w: Writer, x: Value, _all: Sequence[Value]) -> Value | None:
    """A Resize by whole factors."""
    if len(x.shape) != 4:
        return None
    rows, columns = w.number(1, 3), w.number(1, 3)
    scales = w.constant(np.array([1, 1, rows, columns], np.float32))
    y = w.node(
        *("Resize", x.name, "", scales),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    return w.settled(y, (*x.shape[:2], x.shape[2] * rows, x.shape[3] * columns), like=x)


def pad(w: Writer, x: Value, _all: Sequence[Value]) -> Value | None:
    """A Pad of rows and columns by zeros."""
    if len(x.shape) != 4:
        return None
    top, left, bottom, right = (w.number(0, 2) for _ in range(4))
    y = w.node("Pad", x.name, w.ints(0, 0, top, left, 0, 0, bottom, right))
    shape = (*x.shape[:2], x.shape[2] + top + bottom, x.shape[3] + left + right)
    return w.settled(y, shape, like=x)


def mean(w: Writer, x: Value, _all: Sequence[Value]) -> Value | None:
    """A ReduceMean over some axes."""
    rank = len(x.shape)
    if rank < 3:
        return None
    axes = sorted({w.number(1, rank - 1) for _ in range(w.number(1, 2))})
    keep = w.chance(0.5) or rank - len(axes) < 2
    if w.opset >= 18:
        y = w.node("ReduceMean", x.name, w.ints(*axes), keepdims=int(keep))
    else:
        y = w.node("ReduceMean", x.name, axes=axes, keepdims=int(keep))
    shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape) if keep or i not in axes)
    return w.settled(y, shape, x.scale / 2)


def transpose(w: Writer, x: Value, _all: Sequence[Value]) -> Value | None:
    """A Transpose that leaves the batch."""
    perm = (0, *(int(a) + 1 for a in w.random.permutation(len(x.shape) - 1)))
    y = w.node("Transpose", x.name, perm=perm)
    return w.settled(y, tuple(x.shape[a] for a in perm), like=x)


def reshape(w: Writer, x: Value, _all: Sequence[Value]) -> Value | None:
    """Flatten, or a Reshape to some shape of the same size."""
    size = math.prod(x.shape)
    if w.chance(0.4):
        return w.settled(w.node("Flatten", x.name), (1, size), like=x)
    shape: list[int] = []
    for _ in range(w.number(0, 2)):
        shape.append(w.one_of([n for n in range(1, size + 1) if size % n == 0]))
        size //= shape[-1]
    target = (1, *shape, size)
    return w.settled(w.node("Reshape", x.name, w.ints(*target)), target, like=x)


def squeeze(w: Writer, x: Value, _all: Sequence[Value]) -> Value | None:
    """Squeeze or Unsqueeze."""
    ones = [axis for axis, n in enumerate(x.shape) if axis and n == 1]
    if ones and len(x.shape) > 2:
        axis = w.one_of(ones)
        shape = tuple(n for i, n in enumerate(x.shape) if i != axis)
        return w.settled(w.node("Squeeze", x.name, w.ints(axis)), shape, like=x)
    if len(x.shape) > 3:
        return None
    axis = w.number(1, len(x.shape))
    shape = (*x.shape[:axis], 1, *x.shape[axis:])
    return w.settled(w.node("Unsqueeze", x.name, w.ints(axis)), shape, like=x)


def cut(w: Writer, x: Value, _all: Sequence[Value]) -> Value | None:
    """A Slice along one axis."""
    axis = w.number(1, len(x.shape) - 1)
    first = w.number(0, x.shape[axis] - 1)
    last = w.number(first + 1, x.shape[axis])
    y = w.node("Slice", x.name, w.ints(first), w.ints(last), w.ints(axis))
    return w.settled(
        y, tuple(last - first if i == axis else n for i, n in enumerate(x.shape)), like=x
    )


def softmax(w: Writer, x: Value, _all: Sequence[Value]) -> Value | None:
    """A Softmax along the last axis, or another."""
    axis = -1 if w.chance(0.7) else w.number(1, len(x.shape) - 1)
    y = w.node("Softmax", x.name, axis=axis)
    return w.settled(y, x.shape, like=Value("", x.shape, 1 / 256, -128))


def norm(w: Writer, x: Value, _all: Sequence[Value]) -> Value | None:
    """A BatchNormalization, which QDQ networks have none of."""
    if w.quantized or len(x.shape) < 3:
        return None
    c = (x.shape[1],)
    parameters = (w.reals(c, 0.5, 2), w.reals(c), w.reals(c), w.reals(c, 0.5, 2))
    return w.settled(w.node("BatchNormalization", x.name, *parameters), x.shape)


def nothing(w: Writer, x: Value, _all: Sequence[Value]) -> Value | None:
    """Identity, or a Dropout."""
    return w.settled(w.node(w.one_of(("Identity", "Dropout")), x.name), x.shape, like=x)


def _alone(layer: Callable[[Writer, Value], Value | None]) -> Layer:
    return lambda w, x, _all: layer(w, x)


LAYERS: Mapping[str, tuple[int, Layer]] = MappingProxyType(
    {
        "conv": (8, _alone(conv)),
        "dense": (3, _alone(dense)),
        "pool": (3, _alone(pool)),
        "whole pool": (1, _alone(whole_pool)),
        "unary": (3, unary),
        "gate": (1, gate),
        "binary": (4, binary),
        "squeeze and excite": (1, squeeze_excite),
        "with constant": (2, with_constant),
        "concat": (2, concat),
        "resize": (1, resize),
        "pad": (1, pad),
        "mean": (2, mean),
        "transpose": (1, transpose),
        "reshape": (1, reshape),
        "squeeze": (1, squeeze),
        "cut": (1, cut),
        "softmax": (1, softmax),
        "norm": (1, norm),
        "nothing": (1, nothing),
    }
)
"""How often each is drawn, and how."""


def append_layers(w: Writer, values: list[Value], count: int) -> None:
    """Append some layers, most on the newest value, others on any."""
    names = [name for name, (weight, _) in LAYERS.items() for _ in range(weight)]
    for _ in range(count):
        x = values[-1] if w.chance(0.75) else w.one_of(values)
        _, layer = LAYERS[w.one_of(names)]
        made = layer(w, x, values)
        if made is not None and math.prod(made.shape) <= MOST_ELEMENTS:
            values.append(made)
