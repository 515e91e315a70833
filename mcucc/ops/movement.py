"""Operators that move bytes and compute nothing."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mcucc.ir import DType, Shape, TensorType
from mcucc.ops.base import Aliasing, Axis, FloatBase, Op, Window, same_quantization, sliding
from mcucc.ops.conv import Pads, spatial_shape
from mcucc.ops.stack import ConcatRows, stacked

Mode = Literal["DCR", "CRD"]
"""How the channels of a pixel make a block of pixels: (row, column, c) or (c, row, column)."""


@dataclass(frozen=True)
class Reshape(Op):
    """The same elements in the same (NHWC) order under another shape."""

    shape: Shape

    def infer(self, inputs: Sequence[TensorType]) -> Shape:  # noqa: ARG002
        """The shape it is given."""
        return self.shape

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Same number of elements, same quantization."""
        if math.prod(self.shape) != inputs[0].size:
            yield "the number of elements must stay the same"
        yield from same_quantization(inputs, output)

    def element(self, inputs: Sequence[TensorType]) -> DType:
        """That of its input, which may be an index."""
        return inputs[0].dtype

    @property
    def aliasing(self) -> Aliasing:
        """Nothing is executed."""
        return Aliasing.SAME_BYTES


@dataclass(frozen=True)
class Pad(Op):
    """A border around each map.

    Attributes:
        pads: top, bottom, left, right.
        value: the integer that it is made of; None is the zero point.
    """

    pads: Pads
    value: int | None = None

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H + top + bottom, W + left + right, C]."""
        x = inputs[0]
        return spatial_shape(x, (1, 1), (1, 1), (1, 1), self.pads, x.shape[-1])

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Same quantization on both sides; no cropping; a border of int8."""
        if min(self.pads) < 0:
            yield "padding must not be negative"
        if self.value is not None and not -128 <= self.value <= 127:
            yield "the border must be made of an int8 number"
        yield from same_quantization(inputs, output)

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:  # noqa: ARG002
        """The pixel at the same place, or padding."""
        return sliding((1, 1), (1, 1), (1, 1), self.pads)

    @property
    def channelwise(self) -> bool:
        """Each channel by itself."""
        return True


@dataclass(frozen=True)
class Concat(Op):
    """Maps side by side along the channels; any number of inputs."""

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The first input's shape with the channels of all."""
        return (*inputs[0].shape[:-1], sum(x.shape[-1] for x in inputs))

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """All inputs have the same rows and pixels, and the output's quantization."""
        if any(x.shape[:-1] != inputs[0].shape[:-1] for x in inputs):
            yield "all inputs must have the same rows and pixels"
        if any(x.quant != output.quant for x in inputs):
            yield "inputs and output must have the same scale and zero point"

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:  # noqa: ARG002
        """The pixel at the same place, of every input."""
        return Window()

    @property
    def joins(self) -> bool:
        """All inputs are values."""
        return True


@dataclass(frozen=True)
class Transpose(Op):
    """Axes in another order: output axis i is input axis perm[i]; the batch stays first."""

    perm: tuple[int, ...]

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The input's sizes in the new order."""
        return tuple(inputs[0].shape[axis] for axis in self.perm)

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """A permutation that leaves the batch alone, and the same quantization."""
        if sorted(self.perm) != list(range(len(inputs[0].shape))) or self.perm[0] != 0:
            yield "perm must be a permutation of the axes that leaves the batch first"
        yield from same_quantization(inputs, output)

    @property
    def channelwise(self) -> bool:
        """Where the channels stay the last axis."""
        return self.perm[-1] == len(self.perm) - 1


@dataclass(frozen=True)
class Slice(Op):
    """A block of the input; the batch stays whole.

    Attributes:
        starts: first index along each axis.
        sizes: shape of the block.
    """

    starts: tuple[int, ...]
    sizes: Shape

    def infer(self, inputs: Sequence[TensorType]) -> Shape:  # noqa: ARG002
        """The shape of the block."""
        return self.sizes

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """A block inside the input that holds the whole batch, and the same quantization."""
        shape = inputs[0].shape
        if not len(self.starts) == len(self.sizes) == len(shape):
            yield "starts and sizes must have one number per axis"
        ends = zip(self.starts, self.sizes, shape, strict=False)
        if any(start < 0 or start + size > n for start, size, n in ends):
            yield "the block must lie inside the input"
        if self.starts[:1] != (0,) or self.sizes[:1] != shape[:1]:
            yield "the block must hold the whole batch"
        yield from same_quantization(inputs, output)

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:  # noqa: ARG002
        """The pixel as many rows and columns further on as are cut off before."""
        return Window(Axis(pad=-self.first_pixel[0]), Axis(pad=-self.first_pixel[1]))

    @property
    def first_pixel(self) -> tuple[int, int]:
        """Row and column of the input at which the block begins."""
        row, column, *_ = (*self.starts[1:-1], 0, 0)
        return row, column


@dataclass(frozen=True)
class DepthToSpace(Op):
    """The channels of each pixel become a block of pixels.

    Attributes:
        block: rows, columns.
        mode: how the channels of an input pixel are ordered: (row, column, c) or (c, row, column).
    """

    block: tuple[int, int]
    mode: Mode = "DCR"

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H * rows, W * columns, C / (rows * columns)]."""
        return spread(inputs[0].shape, self.block)

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Channels that make up whole blocks, and the same quantization."""
        if inputs[0].shape[-1] % math.prod(self.block):
            yield "the channels must make up whole blocks of pixels"
        yield from same_quantization(inputs, output)

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:  # noqa: ARG002
        """The pixel that becomes the block."""
        rows, columns = self.block
        return Window(Axis(repeat=rows), Axis(repeat=columns))


@dataclass(frozen=True)
class SpaceToDepth(Op):
    """Each block of pixels becomes one, with channels (row, column, c).

    Attributes:
        block: rows, columns.
    """

    block: tuple[int, int]

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H / rows, W / columns, C * rows * columns]."""
        return gathered(inputs[0].shape, self.block)

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Whole blocks, and the same quantization."""
        if any(n % b for n, b in zip(inputs[0].shape[1:3], self.block, strict=True)):
            yield "the map must be made of whole blocks"
        yield from same_quantization(inputs, output)

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:  # noqa: ARG002
        """The block."""
        return sliding(self.block, self.block, (1, 1), (0, 0, 0, 0))


def spread(shape: Shape, block: tuple[int, int]) -> Shape:
    """The shape of a map whose channels become blocks of pixels."""
    _, h, w, c = shape
    return (1, h * block[0], w * block[1], c // math.prod(block))


def gathered(shape: Shape, block: tuple[int, int]) -> Shape:
    """The shape of a map whose blocks of pixels become channels."""
    _, h, w, c = shape
    return (1, h // block[0], w // block[1], c * math.prod(block))


@dataclass(frozen=True)
class FloatReshape(FloatBase):
    """The same elements in the same inner order."""

    shape: Shape

    def infer(self, inputs: Sequence[TensorType]) -> Shape:  # noqa: ARG002
        """The shape it is given."""
        return self.shape

    @property
    def copies(self) -> bool:
        """It moves values."""
        return True


@dataclass(frozen=True)
class FloatPad(FloatBase):
    """A border around each map.

    Attributes:
        pads: top, bottom, left, right.
        value: of the border.
    """

    pads: Pads
    value: float = 0.0

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H + top + bottom, W + left + right, C]."""
        x = inputs[0]
        return spatial_shape(x, (1, 1), (1, 1), (1, 1), self.pads, x.shape[-1])

    @property
    def copies(self) -> bool:
        """It moves values."""
        return True

    @property
    def rescales(self) -> bool:
        """Where the border may lie beyond the numbers that the map has."""
        return self.value != 0.0


@dataclass(frozen=True)
class FloatConcat(FloatBase):
    """Inputs side by side along the channels, the last axis; maps perhaps one below the other.

    Attributes:
        rows: whether they are joined along their rows.
    """

    rows: bool = False

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The first input's shape with the channels, or the rows, of all."""
        if self.rows:
            return stacked(inputs)
        return (*inputs[0].shape[:-1], sum(x.shape[-1] for x in inputs))

    @property
    def copies(self) -> bool:
        """It moves values."""
        return True

    @property
    def rescales(self) -> bool:
        """Each of its inputs."""
        return True


@dataclass(frozen=True)
class FloatTranspose(FloatBase):
    """Axes in another order: output axis i is input axis perm[i]."""

    perm: tuple[int, ...]

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:  # noqa: ARG002
        """A permutation."""
        if sorted(self.perm) != list(range(len(inputs[0].shape))):
            yield "perm must be a permutation of the axes"

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The input's sizes in the new order."""
        return tuple(inputs[0].shape[axis] for axis in self.perm)

    @property
    def copies(self) -> bool:
        """It moves values."""
        return True


@dataclass(frozen=True)
class FloatSlice(FloatBase):
    """A block of the input.

    Attributes:
        starts: first index along each axis.
        sizes: shape of the block.
    """

    starts: tuple[int, ...]
    sizes: Shape

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:  # noqa: ARG002
        """A block inside the input."""
        shape = inputs[0].shape
        ranks = {len(self.starts), len(self.sizes), len(shape)}
        ends = zip(self.starts, self.sizes, shape, strict=False)
        if len(ranks) != 1 or any(a < 0 or a + size > n for a, size, n in ends):
            yield (
                f"{list(self.starts)} to {list(self.sizes)} more does not lie inside {list(shape)}"
            )

    def infer(self, inputs: Sequence[TensorType]) -> Shape:  # noqa: ARG002
        """The shape of the block."""
        return self.sizes

    @property
    def copies(self) -> bool:
        """It moves values."""
        return True


@dataclass(frozen=True)
class FloatDepthToSpace(FloatBase):
    """The channels of each pixel become a block of (rows, columns) pixels; see `DepthToSpace`."""

    block: tuple[int, int]
    mode: Mode = "DCR"

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H * rows, W * columns, C / (rows * columns)]."""
        return spread(inputs[0].shape, self.block)

    @property
    def copies(self) -> bool:
        """It moves values."""
        return True


@dataclass(frozen=True)
class FloatSpaceToDepth(FloatBase):
    """Each block of (rows, columns) pixels becomes one, with channels (row, column, c)."""

    block: tuple[int, int]

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H / rows, W / columns, C * rows * columns]."""
        return gathered(inputs[0].shape, self.block)

    @property
    def copies(self) -> bool:
        """It moves values."""
        return True


Int8 = Reshape | Pad | Concat | ConcatRows | Transpose | Slice | DepthToSpace | SpaceToDepth
Float = (
    FloatReshape
    | FloatPad
    | FloatConcat
    | FloatTranspose
    | FloatSlice
    | FloatDepthToSpace
    | FloatSpaceToDepth
)
