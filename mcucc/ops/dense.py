"""Fully-connected layers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from mcucc.ir import Shape, TensorType
from mcucc.ops.base import Activation, FloatBase, Op
from mcucc.ops.conv import float_weight_rules, weight_rules


@dataclass(frozen=True)
class FullyConnected(Op):
    """Dense layer: x int8 [1, N], weights int8 [M, N] with scales along axis 0, bias int32 [M]."""

    activation: Activation = "none"

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, M]."""
        return (1, inputs[1].shape[0])

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Sizes, weights and bias fit together."""
        if inputs[0].shape != (1, inputs[1].shape[1]):
            yield f"the input must be [1, {inputs[1].shape[1]}]"
        yield from weight_rules(inputs, self.channel_axis, output.shape[-1])

    @property
    def channel_axis(self) -> int:
        """The first."""
        return 0

    def macs(self, inputs: Sequence[TensorType], output: TensorType) -> int:  # noqa: ARG002
        """N x M."""
        return inputs[1].size


@dataclass(frozen=True)
class FloatDense(FloatBase):
    """Dense layer of (x [1, N], weights [M, N], bias [M])."""

    parameters: ClassVar[int] = 2
    activation: Activation = "none"

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """[1, M]."""
        return (1, inputs[1].shape[0])

    def macs(self, inputs: Sequence[TensorType], output: TensorType) -> int:  # noqa: ARG002
        """N x M."""
        return inputs[1].size

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:  # noqa: ARG002
        """Sizes, weights and bias fit together."""
        yield from float_weight_rules(inputs, 2, 0, lambda length, weights: weights[-1] == length)


Int8 = FullyConnected
Float = FloatDense
