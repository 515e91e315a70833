"""The float operators: what an imported float network is made of, before quantization.

They are classes of their own, so that a stage for int8 graphs cannot be given a float one. Layout
is the inner one already: maps are [1, H, W, C], sequences [1, L, C], vectors [1, C]; all values
are float32.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np

from mcucc.ir import Graph, Node, QParams, Shape, TensorType
from mcucc.ops.base import Activation, Op
from mcucc.ops.conv import Pads, spatial_shape

BinaryKind = Literal["add", "sub", "mul", "div"]
UnaryKind = Literal[
    "sigmoid", "tanh", "hard_sigmoid", "hard_swish", "leaky_relu", "silu", "sqrt", "exp", "neg"
]


@dataclass(frozen=True)
class _FloatOp(Op):
    """Float operators have no quantization rules; most have no rules at all."""

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:  # noqa: ARG002
        """None."""
        return iter(())


@dataclass(frozen=True)
class _FloatSliding(_FloatOp):
    """What convolutions share.

    Attributes:
        stride: rows, columns.
        dilation: rows, columns.
        pads: top, bottom, left, right, filled with 0.
        activation: applied to the result.
    """

    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    activation: Activation = "none"


@dataclass(frozen=True)
class FloatConv2D(_FloatSliding):
    """Convolution of (x, weights [out_c, kh, kw, in_c / groups], bias [out_c])."""

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H', W', out_c]."""
        out_c, kh, kw, _ = inputs[1].shape
        return spatial_shape(inputs[0], (kh, kw), self.stride, self.dilation, self.pads, out_c)

    def macs(self, inputs: Sequence[TensorType], output: TensorType) -> int:
        """Output elements x kh x kw x in_c / groups."""
        return output.size * (inputs[1].size // inputs[1].shape[0])


@dataclass(frozen=True)
class FloatDepthwiseConv2D(_FloatSliding):
    """Depthwise convolution of (x, weights [1, kh, kw, out_c], bias [out_c])."""

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H', W', out_c]."""
        _, kh, kw, out_c = inputs[1].shape
        return spatial_shape(inputs[0], (kh, kw), self.stride, self.dilation, self.pads, out_c)

    def macs(self, inputs: Sequence[TensorType], output: TensorType) -> int:
        """Output elements x kh x kw."""
        return output.size * inputs[1].shape[1] * inputs[1].shape[2]


@dataclass(frozen=True)
class FloatDense(_FloatOp):
    """Dense layer of (x [1, N], weights [M, N], bias [M])."""

    activation: Activation = "none"

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, M]."""
        return (1, inputs[1].shape[0])

    def macs(self, inputs: Sequence[TensorType], output: TensorType) -> int:  # noqa: ARG002
        """N x M."""
        return inputs[1].size


@dataclass(frozen=True)
class FloatBatchNorm(_FloatOp):
    """(x - mean) / sqrt(variance + epsilon) * scale + bias; inputs (x, scale, bias, mean, var)."""

    epsilon: float = 1e-5

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The shape of x."""
        return inputs[0].shape


@dataclass(frozen=True)
class FloatBinary(_FloatOp):
    """Elementwise arithmetic with numpy's broadcasting; either input may be a constant."""

    kind: BinaryKind
    activation: Activation = "none"

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The broadcast shape."""
        return tuple(np.broadcast_shapes(inputs[0].shape, inputs[1].shape))


@dataclass(frozen=True)
class FloatClip(_FloatOp):
    """x limited to [low, high], None for no limit; a Relu has low 0 and no high."""

    low: float | None = 0.0
    high: float | None = None

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The shape of x."""
        return inputs[0].shape


@dataclass(frozen=True)
class FloatUnary(_FloatOp):
    """A function of one element.

    Attributes:
        kind: which; silu is x * sigmoid(x), hard_swish x * min(max(x + 3, 0), 6) / 6,
            hard_sigmoid min(max(alpha * x + beta, 0), 1).
        alpha: slope of leaky_relu and hard_sigmoid.
        beta: offset of hard_sigmoid.
    """

    kind: UnaryKind
    alpha: float = 0.0
    beta: float = 0.0

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The shape of x."""
        return inputs[0].shape


@dataclass(frozen=True)
class _FloatPool(_FloatOp):
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


@dataclass(frozen=True)
class FloatAveragePool2D(_FloatPool):
    """Average over the pixels of a window that lie inside the map."""


@dataclass(frozen=True)
class FloatMean(_FloatOp):
    """Mean over axes of the inner layout.

    Attributes:
        axes: which.
        keep_dims: whether they stay, with one element.
        pools: whether it is a pool over the whole map: where its output has the quantization of its
            input, the int8 sum is divided once and nothing is rescaled.
    """

    axes: tuple[int, ...]
    keep_dims: bool = False
    pools: bool = False

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The input's shape with the reduced axes dropped or set to 1."""
        shape = inputs[0].shape
        if self.keep_dims:
            return tuple(1 if axis in self.axes else n for axis, n in enumerate(shape))
        return tuple(n for axis, n in enumerate(shape) if axis not in self.axes)


@dataclass(frozen=True)
class FloatSoftmax(_FloatOp):
    """Softmax over the last axis."""

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The shape of x."""
        return inputs[0].shape


@dataclass(frozen=True)
class FloatReshape(_FloatOp):
    """The same elements in the same inner order."""

    shape: Shape

    def infer(self, inputs: Sequence[TensorType]) -> Shape:  # noqa: ARG002
        """The shape it is given."""
        return self.shape


@dataclass(frozen=True)
class FloatTranspose(_FloatOp):
    """Axes in another order: output axis i is input axis perm[i]."""

    perm: tuple[int, ...]

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The input's sizes in the new order."""
        return tuple(inputs[0].shape[axis] for axis in self.perm)


@dataclass(frozen=True)
class FloatSlice(_FloatOp):
    """A block of the input.

    Attributes:
        starts: first index along each axis.
        sizes: shape of the block.
    """

    starts: tuple[int, ...]
    sizes: Shape

    def infer(self, inputs: Sequence[TensorType]) -> Shape:  # noqa: ARG002
        """The shape of the block."""
        return self.sizes


@dataclass(frozen=True)
class FloatPad(_FloatOp):
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


@dataclass(frozen=True)
class FloatConcat(_FloatOp):
    """Inputs side by side along the channels, the last axis."""

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The first input's shape with the channels of all."""
        return (*inputs[0].shape[:-1], sum(x.shape[-1] for x in inputs))


@dataclass(frozen=True)
class FloatResizeNearest(_FloatOp):
    """Each pixel repeated by whole factors (rows, columns)."""

    factor: tuple[int, int]

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H * rows, W * columns, C]."""
        _, h, w, c = inputs[0].shape
        return (1, h * self.factor[0], w * self.factor[1], c)


@dataclass(frozen=True)
class FloatFakeQuant(_FloatOp):
    """x rounded to the int8 numbers of a quantization that the file gives, as reals again.

    It stands for a QuantizeLinear and the DequantizeLinear behind it. No pass looks through it, so
    what stands on its two sides is never fused.

    Attributes:
        quant: one scale and zero point; uint8 is shifted to int8.
    """

    quant: QParams

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The shape of x."""
        return inputs[0].shape


FloatOp = (
    FloatConv2D
    | FloatDepthwiseConv2D
    | FloatDense
    | FloatBatchNorm
    | FloatBinary
    | FloatClip
    | FloatUnary
    | FloatMaxPool2D
    | FloatAveragePool2D
    | FloatMean
    | FloatSoftmax
    | FloatReshape
    | FloatTranspose
    | FloatSlice
    | FloatPad
    | FloatConcat
    | FloatResizeNearest
    | FloatFakeQuant
)
"""Every float operator; `match` over it ends in `assert_never`."""

FloatGraph = Graph[FloatOp]
FloatNode = Node[FloatOp]

FLOAT_OPS: Mapping[str, type[FloatOp]] = MappingProxyType(
    {op.__name__: op for op in get_args(FloatOp)}
)
"""The operator classes by the name under which the IR's text form knows them."""
