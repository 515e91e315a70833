"""Maps one below the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mcucc.ir import Shape, TensorType
from mcucc.ops.base import Axis, Op, Window


@dataclass(frozen=True)
class ConcatRows(Op):
    """Maps one below the other; any number of inputs."""

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The first input's shape with the rows of all."""
        return stacked(inputs)

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """All inputs have rows of the same pixels, and the output's quantization."""
        if any(x.shape[2:] != inputs[0].shape[2:] for x in inputs):
            yield "maps one below the other must have rows of the same pixels"
        if any(x.quant != output.quant for x in inputs):
            yield "inputs and output must have the same scale and zero point"

    def window(self, inputs: Sequence[TensorType], operand: int = 0) -> Window:
        """The row as many further up as the inputs before it have, if there is one."""
        return Window(Axis(pad=sum(x.hwc[0] for x in inputs[:operand])))

    @property
    def joins(self) -> bool:
        """All inputs are values."""
        return True


def stacked(inputs: Sequence[TensorType]) -> Shape:
    """The shape of maps [1, H, W, C] one below the other."""
    return (1, sum(x.shape[1] for x in inputs), *inputs[0].shape[2:])
