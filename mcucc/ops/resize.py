"""Operators that make a map larger or smaller."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import Shape, TensorType
from mcucc.ops.base import Axis, FloatBase, Op, Window, same_quantization

Coordinates = Literal["asymmetric", "half_pixel", "align_corners"]
"""Where the pixels of the output lie among those of the input: the first ones on each other and the
others at the distance of the sizes; with the centres of pixels half a pixel from the corners of the
map; or the first and the last ones on each other."""
COORDINATES: tuple[Coordinates, ...] = get_args(Coordinates)
STEPS = 1024
"""Into which TensorFlow Lite divides the distance of two pixels that it interpolates."""
_LONGEST = 1 << 20
"""A map has fewer rows, and fewer columns: a place in steps is an int32."""
_INT32 = 1 << 31


@dataclass(frozen=True)
class Places:
    """Where output pixels lie among input pixels along one axis, in steps of 1/1024.

    Pixel i lies at (i * step + start) // per; in front of the first input pixel and behind the last
    one the map goes on as it ends.
    """

    step: int
    start: int
    per: int = 1

    def at(self, count: int) -> NDArray[np.int64]:
        """The places of the first `count` pixels."""
        return (np.arange(count, dtype=np.int64) * self.step + self.start) // self.per

    @property
    def axis(self) -> Axis:
        """The pixel before each place and the one behind it, padding outside of the map."""
        if self.step == 0:
            return Axis(taps=2, stride=0)
        before, pixel = int(self.start < 0), STEPS * self.per
        phase = self.start + before * pixel
        return Axis(taps=2, stride=self.step, pad=before, repeat=pixel, phase=phase)


def fixed_places(size: int, count: int, coordinates: Coordinates) -> Places:
    """Where TensorFlow Lite puts `count` pixels among `size`, in its integers."""
    if coordinates == "align_corners" and count > 1:
        step = (STEPS * (size - 1) + (count - 1) // 2) // (count - 1)
    else:
        step = (STEPS * size + count // 2) // count
    return Places(step, step // 2 - STEPS // 2 if coordinates == "half_pixel" else 0)


def rounded_places(size: int, count: int, coordinates: Coordinates) -> Places:
    """The steps next to where `count` pixels lie among `size`, halves upwards."""
    if coordinates == "align_corners" and count > 1:
        step, start, per = 2 * STEPS * (size - 1), count - 1, 2 * (count - 1)
    else:
        step, start, per = 2 * STEPS * size, count, 2 * count
    if coordinates == "half_pixel":
        start += STEPS * (size - count)
    shared = math.gcd(step, start, per)
    return Places(step // shared, start // shared, per // shared)


def real_places(size: int, count: int, coordinates: Coordinates) -> NDArray[np.float64]:
    """Where it puts them in reals; they may lie outside of the map."""
    ends = coordinates == "align_corners" and count > 1
    step = (size - 1) / (count - 1) if ends else size / count
    offset = 0.5 if coordinates == "half_pixel" else 0.0
    return (np.arange(count, dtype=np.float64) + offset) * step - offset


@dataclass(frozen=True)
class ResizeBilinear(Op):
    """Bilinear interpolation between four pixels, in TensorFlow Lite's fixed point.

    Attributes:
        size: rows and columns of the output.
        coordinates: where its pixels lie among those of the input.
        rounds_places: each place is rounded to the nearest step by itself. TensorFlow Lite rounds
            the distance of two pixels and adds it up, and has no operator for the other.
    """

    size: tuple[int, int]
    coordinates: Coordinates = "asymmetric"
    rounds_places: bool = False

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, rows, columns, C]."""
        return (1, *self.size, inputs[0].shape[-1])

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Same quantization on both sides; sizes at which places stay inside the map."""
        yield from same_quantization(inputs, output)
        yield from bilinear_faults(self, inputs[0].shape)

    def places(self, x: TensorType) -> tuple[Places, Places]:
        """Where output rows lie among those of the input, and columns."""
        _, h, w, _ = x.shape
        places = rounded_places if self.rounds_places else fixed_places
        rows, columns = (
            places(n, count, self.coordinates) for n, count in zip((h, w), self.size, strict=True)
        )
        return rows, columns

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:  # noqa: ARG002
        """The two rows and columns between which a pixel lies."""
        rows, columns = self.places(inputs[0])
        return Window(rows.axis, columns.axis)

    @property
    def channelwise(self) -> bool:
        """Each channel by itself."""
        return True


def bilinear_faults(op: "ResizeBilinear | FloatResizeBilinear", shape: Shape) -> Iterator[str]:
    """The rules that the sizes of a bilinear resize break."""
    if len(shape) != 4:
        yield "the input must be a map [1, H, W, C]"
        return
    sizes = tuple(zip(shape[1:3], op.size, strict=True))
    if min(op.size) < 1 or max(*op.size, *shape[1:3]) >= _LONGEST:
        yield f"rows and columns must lie between 1 and {_LONGEST - 1}"
        return
    for n, count in sizes:
        if op.rounds_places:
            places = rounded_places(n, count, op.coordinates)
            if places.step * count + STEPS * places.per >= _INT32:
                yield f"{n} rows or columns cannot become {count}: a place takes more than int32"
            continue
        places = fixed_places(n, count, op.coordinates)
        if places.step < 1 < n:
            yield f"an enlargement must be below {2 * STEPS}-fold"
        elif places.step * (count - 1) + places.start >= STEPS * n:
            yield (
                f"{n} rows or columns cannot become {count}: TensorFlow Lite's steps of "
                f"1/{STEPS} add up to beyond the last one"
            )


def nearest_axis(size: int, count: int, coordinates: Coordinates) -> Axis:
    """The pixel among `size` that each of `count` becomes, halves upwards."""
    if coordinates == "half_pixel":
        return Axis(stride=2 * size, repeat=2 * count, phase=size)
    if coordinates == "align_corners" and count > 1:
        ends = count - 1
        return Axis(stride=2 * (size - 1), repeat=2 * ends, phase=ends if size > 1 else 0)
    return Axis(stride=size, repeat=count)


def _picked_in_float32(size: int, count: int, coordinates: Coordinates) -> NDArray[np.int64]:
    """The pixels that TensorFlow Lite picks, in its float32."""
    ends = coordinates == "align_corners" and count > 1
    scale = (
        np.float32(size - 1) / np.float32(count - 1)
        if ends
        else np.float32(size) / np.float32(count)
    )
    offset = np.float32(0.5 if coordinates == "half_pixel" else 0.0)
    place = (np.arange(count).astype(np.float32) + offset) * scale
    picked = (
        np.floor(place + np.float32(0.5)) if coordinates == "align_corners" else np.floor(place)
    )
    return picked.astype(np.int64).clip(0, size - 1)


def nearest_faults(op: "PickNearest | FloatPickNearest", shape: Shape) -> Iterator[str]:
    """The rules that the sizes of a resize to the nearest pixel break."""
    if len(shape) != 4:
        yield "the input must be a map [1, H, W, C]"
        return
    sizes = tuple(zip(shape[1:3], op.size, strict=True))
    longest, product = max(*op.size, *shape[1:3]), max(n * count for n, count in sizes)
    if min(op.size) < 1 or longest >= _LONGEST or product >= 1 << 30:
        yield "sizes must be positive and below 2^20, the product of old and new one below 2^30"
        return
    for n, count in sizes:
        exact = nearest_axis(n, count, op.coordinates).first(np.arange(count, dtype=np.int64))
        if not np.array_equal(exact, _picked_in_float32(n, count, op.coordinates)):
            yield (
                f"{n} rows or columns cannot become {count}: TensorFlow Lite picks other pixels "
                "than the nearest, in float32"
            )


@dataclass(frozen=True)
class PickNearest(Op):
    """The nearest pixel of each place, to any size.

    Attributes:
        size: rows and columns of the output.
        coordinates: where its pixels lie among those of the input: by their corners, which are
            rounded down, by their centres, or between the first and the last ones.
    """

    size: tuple[int, int]
    coordinates: Coordinates = "asymmetric"

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, rows, columns, C]."""
        return (1, *self.size, inputs[0].shape[-1])

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Same quantization on both sides; sizes at which float32 picks the nearest pixels."""
        yield from same_quantization(inputs, output)
        yield from nearest_faults(self, inputs[0].shape)

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:  # noqa: ARG002
        """The pixel that is picked."""
        _, h, w, _ = inputs[0].shape
        rows, columns = (
            nearest_axis(n, count, self.coordinates)
            for n, count in zip((h, w), self.size, strict=True)
        )
        return Window(rows, columns)

    @property
    def channelwise(self) -> bool:
        """Each channel by itself."""
        return True


@dataclass(frozen=True)
class ResizeNearest(Op):
    """Each pixel repeated: output pixel (y, x) is input pixel (y // rows, x // columns).

    Attributes:
        factor: rows, columns.
    """

    factor: tuple[int, int]

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H * rows, W * columns, C]."""
        _, h, w, c = inputs[0].shape
        return (1, h * self.factor[0], w * self.factor[1], c)

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Same quantization on both sides; whole factors, up to 40 where there are several pixels.

        TensorFlow Lite divides in float32, which at a factor of 41 picks another pixel.
        """
        yield from same_quantization(inputs, output)
        several = [f for f, n in zip(self.factor, inputs[0].shape[1:3], strict=True) if n > 1]
        if min(self.factor) < 1 or max(several, default=1) > 40:
            yield "the factors must lie between 1 and 40"

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:  # noqa: ARG002
        """The pixel that is repeated here."""
        rows, columns = self.factor
        return Window(Axis(repeat=rows), Axis(repeat=columns))

    @property
    def channelwise(self) -> bool:
        """Each channel by itself."""
        return True


@dataclass(frozen=True)
class FloatResizeNearest(FloatBase):
    """Each pixel repeated by whole factors (rows, columns)."""

    factor: tuple[int, int]

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H * rows, W * columns, C]."""
        _, h, w, c = inputs[0].shape
        return (1, h * self.factor[0], w * self.factor[1], c)

    @property
    def copies(self) -> bool:
        """It moves values."""
        return True


@dataclass(frozen=True)
class _FloatToSize(FloatBase):
    """What resizes of floats to any size share.

    Attributes:
        size: rows and columns of the output.
        coordinates: where its pixels lie among those of the input.
    """

    size: tuple[int, int]
    coordinates: Coordinates = "asymmetric"

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, rows, columns, C]."""
        return (1, *self.size, inputs[0].shape[-1])

    @property
    def copies(self) -> bool:
        """What it makes are values of its input, or lies between them."""
        return True


@dataclass(frozen=True)
class FloatResizeBilinear(_FloatToSize):
    """Bilinear interpolation in reals; `rounds_places` says how its int8 form rounds places."""

    rounds_places: bool = False

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:  # noqa: ARG002
        """Those of the int8 form."""
        return bilinear_faults(self, inputs[0].shape)


@dataclass(frozen=True)
class FloatPickNearest(_FloatToSize):
    """The nearest pixel of each place, to any size."""

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:  # noqa: ARG002
        """Those of the int8 form."""
        return nearest_faults(self, inputs[0].shape)


Int8 = PickNearest | ResizeBilinear | ResizeNearest
Float = FloatPickNearest | FloatResizeBilinear | FloatResizeNearest
