"""Borders that are made of the map itself, and channels of one number."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from mcucc.ir import Shape, TensorType
from mcucc.ops.base import Axis, FloatBase, Mirror, Op, Window, same_quantization
from mcucc.ops.conv import Pads, spatial_shape

Border = Literal["reflect", "symmetric", "edge"]
"""The map mirrored at its outermost pixels, behind them, or these repeated."""

MIRRORS: Mapping[Border, tuple[int, int]] = MappingProxyType(
    {"reflect": (1, 0), "symmetric": (1, 1), "edge": (0, 0)}
)
"""Step and back of each; see `Mirror`."""


@dataclass(frozen=True)
class MirrorPad(Op):
    """A border of the map's own pixels around each map.

    Attributes:
        pads: top, bottom, left, right.
        border: which pixels.
    """

    pads: Pads
    border: Border = "reflect"

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H + top + bottom, W + left + right, C]."""
        return _bordered(inputs[0], self.pads)

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """A border that the map is large enough for, and the same quantization."""
        yield from border_rules(inputs[0].shape, self.pads, self.border)
        yield from same_quantization(inputs, output)

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:  # noqa: ARG002
        """The pixel that is mirrored here."""
        mirrors = [Mirror(size, *MIRRORS[self.border]) for size in inputs[0].shape[1:3]]
        return Window(
            Axis(pad=self.pads[0], mirror=mirrors[0]), Axis(pad=self.pads[2], mirror=mirrors[1])
        )

    @property
    def channelwise(self) -> bool:
        """Each channel by itself."""
        return True


@dataclass(frozen=True)
class FloatMirrorPad(FloatBase):
    """A border (top, bottom, left, right) of the map's own pixels; see `MirrorPad`."""

    pads: Pads
    border: Border = "reflect"

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, H + top + bottom, W + left + right, C]."""
        return _bordered(inputs[0], self.pads)

    @property
    def copies(self) -> bool:
        """It moves values."""
        return True


@dataclass(frozen=True)
class PadChannels(Op):
    """Channels of one number before and behind those of each pixel.

    Attributes:
        pads: how many channels are before, how many behind.
        value: the integer that they are made of; None is the zero point.
    """

    pads: tuple[int, int]
    value: int | None = None

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The input's shape with more channels."""
        return (*inputs[0].shape[:-1], inputs[0].shape[-1] + sum(self.pads))

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """No cropping, the same quantization, and channels of int8."""
        if min(self.pads) < 0:
            yield "padding must not be negative"
        if self.value is not None and not -128 <= self.value <= 127:
            yield "the channels must be made of an int8 number"
        yield from same_quantization(inputs, output)

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:  # noqa: ARG002
        """The pixel at the same place."""
        return Window()


@dataclass(frozen=True)
class FloatPadChannels(FloatBase):
    """Channels (before, behind) those of each pixel, of one number."""

    pads: tuple[int, int]
    value: float = 0.0

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The input's shape with more channels."""
        return (*inputs[0].shape[:-1], inputs[0].shape[-1] + sum(self.pads))

    @property
    def copies(self) -> bool:
        """It moves values."""
        return True

    @property
    def rescales(self) -> bool:
        """Where the number may lie beyond those that the map has."""
        return self.value != 0.0


def border_rules(shape: Shape, pads: Pads, border: Border) -> Iterator[str]:
    """What a border breaks: it must not be negative, nor have more pixels than are mirrored."""
    if min(pads) < 0:
        yield "a border must not be negative"
    step, back = MIRRORS[border]
    most = [size - 1 + back for size in shape[1:3] for _ in (0, 1)]
    if step and any(pad > size for pad, size in zip(pads, most, strict=True)):
        yield f"a border in mode {border} must not be larger than the map that it mirrors"


def _bordered(x: TensorType, pads: Pads) -> Shape:
    return spatial_shape(x, (1, 1), (1, 1), (1, 1), pads, x.shape[-1])


Int8 = MirrorPad | PadChannels
Float = FloatMirrorPad | FloatPadChannels
