"""Pooling over windows and means over axes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mcucc.ir import Shape, TensorType
from mcucc.ops.base import FloatBase, Op, Window, same_quantization, sliding
from mcucc.ops.conv import Pads, spatial_shape


@dataclass(frozen=True)
class AveragePool2D(Op):
    """Average of the pixels of a window that lie inside the map; padding is not counted.

    Attributes:
        kernel: rows, columns.
        stride: rows, columns.
        pads: top, bottom, left, right.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pads: Pads = (0, 0, 0, 0)

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H', W', C]."""
        x = inputs[0]
        return spatial_shape(x, self.kernel, self.stride, (1, 1), self.pads, x.shape[-1])

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Same quantization on both sides, and no window that lies in the padding alone."""
        yield from same_quantization(inputs, output)
        if max(self.pads[:2]) >= self.kernel[0] or max(self.pads[2:]) >= self.kernel[1]:
            yield "padding must be smaller than the window"

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:  # noqa: ARG002
        """The kernel's."""
        return sliding(self.kernel, self.stride, (1, 1), self.pads)

    @property
    def channelwise(self) -> bool:
        """Each channel by itself."""
        return True


@dataclass(frozen=True)
class MaxPool2D(Op):
    """Largest pixel of a window; padding is -128 and so never wins.

    Attributes:
        kernel: rows, columns.
        stride: rows, columns.
        pads: top, bottom, left, right.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pads: Pads = (0, 0, 0, 0)

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H', W', C]."""
        x = inputs[0]
        return spatial_shape(x, self.kernel, self.stride, (1, 1), self.pads, x.shape[-1])

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Same quantization on both sides, and no window that lies in the padding alone."""
        yield from same_quantization(inputs, output)
        if max(self.pads[:2]) >= self.kernel[0] or max(self.pads[2:]) >= self.kernel[1]:
            yield "padding must be smaller than the window"

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:  # noqa: ARG002
        """The kernel's."""
        return sliding(self.kernel, self.stride, (1, 1), self.pads)

    @property
    def channelwise(self) -> bool:
        """Each channel by itself."""
        return True


@dataclass(frozen=True)
class Mean(Op):
    """Mean or sum over adjacent axes, requantized once from the integer sum.

    Attributes:
        axes: adjacent axes, ascending, batch and channel axis excluded.
        keep_dims: whether the reduced axes stay as 1.
        sums: whether it is the sum, not divided by the number of elements.
    """

    axes: tuple[int, ...]
    keep_dims: bool = False
    sums: bool = False

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The input's shape with the reduced axes dropped or set to 1."""
        shape = inputs[0].shape
        if self.keep_dims:
            return tuple(1 if axis in self.axes else n for axis, n in enumerate(shape))
        return tuple(n for axis, n in enumerate(shape) if axis not in self.axes)

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:  # noqa: ARG002
        """The axes are adjacent and inside, and the sum cannot overflow."""
        rank = len(inputs[0].shape)
        if not self.axes or self.axes != tuple(range(self.axes[0], self.axes[-1] + 1)):
            yield "the axes must be adjacent and ascending"
        elif self.axes[0] < 1 or self.axes[-1] >= rank - 1:
            yield "the mean must leave batch and channels alone"
        elif self.count(inputs) >= 2**22:
            yield "the mean must be over fewer than 2^22 elements"

    @property
    def channelwise(self) -> bool:
        """Each channel by itself."""
        return True

    def count(self, inputs: Sequence[TensorType]) -> int:
        """How many elements each mean is over."""
        count = 1
        for axis in self.axes:
            count *= inputs[0].shape[axis]
        return count


@dataclass(frozen=True)
class _FloatPool(FloatBase):
    """What pools share.

    Attributes:
        kernel: rows, columns.
        stride: rows, columns.
        pads: top, bottom, left, right.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pads: Pads = (0, 0, 0, 0)

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H', W', C]."""
        x = inputs[0]
        return spatial_shape(x, self.kernel, self.stride, (1, 1), self.pads, x.shape[-1])


@dataclass(frozen=True)
class FloatMaxPool2D(_FloatPool):
    """Largest pixel of a window; padding never wins."""

    @property
    def copies(self) -> bool:
        """A window's largest value is one of its values."""
        return True


@dataclass(frozen=True)
class FloatAveragePool2D(_FloatPool):
    """Average over the pixels of a window that lie inside the map."""

    @property
    def copies(self) -> bool:
        """As in TensorFlow Lite: the sum is divided, not scaled."""
        return True


@dataclass(frozen=True)
class FloatMean(FloatBase):
    """Mean or sum over axes of the inner layout.

    Attributes:
        axes: which.
        keep_dims: whether they stay, with one element.
        pools: whether it is a pool over the whole map: where its output has the quantization of its
            input, the int8 sum is divided once and nothing is rescaled.
        sums: whether it is the sum, not divided by the number of elements.
    """

    axes: tuple[int, ...]
    keep_dims: bool = False
    pools: bool = False
    sums: bool = False

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The input's shape with the reduced axes dropped or set to 1."""
        shape = inputs[0].shape
        if self.keep_dims:
            return tuple(1 if axis in self.axes else n for axis, n in enumerate(shape))
        return tuple(n for axis, n in enumerate(shape) if axis not in self.axes)


Int8 = AveragePool2D | MaxPool2D | Mean
Float = FloatMaxPool2D | FloatAveragePool2D | FloatMean
