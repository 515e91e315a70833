"""What every operator knows of itself: shapes, MACs, row window, aliasing and rules."""

import enum
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import DType, QParams, Shape, TensorType

Activation = Literal["none", "relu", "relu6"]
"""A fused activation: it only narrows the range to which the output is clamped."""


IndexT = TypeVar("IndexT", int, NDArray[np.int64])
"""An index, or one for each of several outputs."""


class Aliasing(enum.Enum):
    """What an operator allows between the bytes of its output and those of a dying input."""

    DISJOINT = enum.auto()
    """They must not meet."""
    IN_PLACE = enum.auto()
    """Output element i is written after the last read of input element i: same address works."""
    SAME_BYTES = enum.auto()
    """The output is the input, byte for byte; nothing is executed."""


@dataclass(frozen=True)
class Mirror:
    """What stands beyond the ends of an axis: the places inside of them.

    As many steps as a place is beyond an end, less `back`, the place meant is inside of that end:
    step 1, back 0 mirrors at the outermost place, step 1, back 1 behind it, and step 0, back 0
    repeats it.

    Attributes:
        size: places of the axis.
        step: 0 or 1.
        back: 0 or 1.
    """

    size: int
    step: int
    back: int

    def inside(self, place: IndexT) -> IndexT:
        """The place that is meant by one, or each of several."""
        last = self.size - 1
        below = (place < 0) * (-place * self.step - self.back - place)
        above = (place > last) * ((last - place) * (self.step + 1) + self.back)
        return place + below + above


@dataclass(frozen=True)
class Axis:
    """Which inputs an output needs along one axis.

    Output i reads the inputs (i * stride + phase) // repeat - pad + k * dilation, k < taps; those
    outside of the map are padding, whatever the kernel puts in their place, or where there is a
    mirror (for windows of one input) what that shows. A stride of 0 means that every output reads
    the same inputs; its phase is 0 then.
    """

    taps: int = 1
    stride: int = 1
    dilation: int = 1
    pad: int = 0
    repeat: int = 1
    phase: int = 0
    mirror: Mirror | None = None

    def first(self, index: IndexT) -> IndexT:
        """The first input under the window of an output; negative in the padding."""
        place = (index * self.stride + self.phase) // self.repeat - self.pad
        return place if self.mirror is None else self.mirror.inside(place)

    def end(self, index: IndexT) -> IndexT:
        """One more than the last input under the window of an output."""
        return self.first(index) + (self.taps - 1) * self.dilation + 1


@dataclass(frozen=True)
class Window:
    """The input pixels that an output pixel needs."""

    rows: Axis = Axis()
    columns: Axis = Axis()


def sliding(
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    pads: tuple[int, int, int, int],
) -> Window:
    """The window of a kernel (rows, columns) that slides over a map with padding on its sides."""
    return Window(
        Axis(kernel[0], stride[0], dilation[0], pads[0]),
        Axis(kernel[1], stride[1], dilation[1], pads[2]),
    )


class Op(ABC):
    """An operator; subclasses are frozen dataclasses of its attributes.

    `inputs` are the types of the node's inputs in order, constants included; `output` is the type
    of the value it makes.
    """

    @abstractmethod
    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The output's shape."""

    @abstractmethod
    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """The rules that these types break, as sentences; none if all is well."""

    def macs(self, inputs: Sequence[TensorType], output: TensorType) -> int:  # noqa: ARG002
        """Multiply-accumulates: output elements x kernel taps x input channels per group.

        Taps that fall on padding count; biases do not.
        """
        return 0

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window | None:  # noqa: ARG002
        """What it needs of an input for an output pixel, None if it does not make rows of rows."""
        return None

    def element(self, inputs: Sequence[TensorType]) -> DType:  # noqa: ARG002
        """The element type of what its int8 form makes."""
        return DType.INT8

    @property
    def aliasing(self) -> Aliasing:
        """What it allows between its output and a dying input of the same size."""
        return Aliasing.DISJOINT

    @property
    def channelwise(self) -> bool:
        """Whether channel c of its output depends on channel c of its operands alone, alike."""
        return False

    @property
    def channel_axis(self) -> int | None:
        """Of its weights, input 1, the axis of their scales; None if it has no weights and bias.

        What it has instead of an accumulator for each channel has its own bounds in its rules.
        """
        return None

    @property
    def joins(self) -> bool:
        """Whether all its inputs are operands, values like its output; else only the first is."""
        return False


@dataclass(frozen=True)
class PerPixel(Op):
    """What operators share that make a pixel of the one at its place, and may do so over it."""

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The first input's shape."""
        return inputs[0].shape

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:  # noqa: ARG002
        """The pixel at the same place."""
        return Window()

    @property
    def aliasing(self) -> Aliasing:
        """A pixel, or an element of it, is read for the last time before it is written."""
        return Aliasing.IN_PLACE


@dataclass(frozen=True)
class FloatBase(Op):
    """What float operators share: they have no quantization rules, and most have none at all.

    Attributes:
        parameters: how many of its inputs, the last ones, are constants: float32, or integers with
            the scales that the file gives them. Its rules may rely on it.
    """

    parameters: ClassVar[int] = 0

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:  # noqa: ARG002
        """None."""
        return iter(())

    @property
    def copies(self) -> bool:
        """Whether its int8 form has one quantization for its inputs and its output."""
        return False

    @property
    def rescales(self) -> bool:
        """Whether its int8 form, where it `copies`, requantizes inputs of another quantization."""
        return False

    @property
    def elementwise(self) -> bool:
        """Whether each element depends on the one at its place alone, whatever the layout."""
        return False

    @property
    def indexes(self) -> bool:
        """Whether its int8 form makes int32 indices, which stand for themselves."""
        return False

    @property
    def only_quant(self) -> QParams | None:
        """The only output quantization of its int8 form, None if it has a choice."""
        return None


_BEYOND_INT8 = 512.0
"""Steps from any zero point to a number that int8 does not hold."""


def clamp_range(activation: Activation, quant: QParams) -> tuple[int, int]:
    """Smallest and largest int8 output under a fused activation.

    As TensorFlow Lite computes it: bounds are quantized in float32, halves away from zero.
    """
    low, high = -128, 127
    if activation != "none":
        low = max(low, quant.zero_point)
    if activation == "relu6":
        with np.errstate(over="ignore"):
            six = min(float(np.float32(6.0) / np.float32(quant.scale)), _BEYOND_INT8)
        high = min(high, quant.zero_point + int(six + 0.5))
    return low, high


def same_quantization(inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
    """The rule of operators that copy values without requantizing them."""
    if inputs[0].quant != output.quant:
        yield "input and output must have the same scale and zero point"
