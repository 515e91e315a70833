"""A `.tflite` file of one int8 operator in the making: what is not given is drawn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tflite
from hypothesis import strategies as st
from numpy.typing import NDArray

from mcucc.ir import DType, Shape
from mcucc.twin.model import Code, TwinModel, TwinOperator, TwinTensor
from mcucc.twin.options import NO_OPTIONS, options
from mcucc.twin.serialize import serialize

Quant = tuple[tuple[float, ...], int]


@dataclass
class File:
    """An operator and its tensors; `draw` gives what is not given."""

    draw: st.DrawFn
    tensors: list[TwinTensor] = field(default_factory=list[TwinTensor])
    inputs: list[int] = field(default_factory=list[int])
    given: list[int] = field(default_factory=list[int])

    def real(self, low: float, high: float) -> float:
        return float(np.float32(self.draw(st.floats(low, high))))

    def quant(self) -> Quant:
        scale = self.real(0.004, 0.3)
        return (scale,), self.draw(st.sampled_from((-128, -37, 0, 45, 127)))

    def shape(self, rank: int = 0) -> Shape:
        rank = rank or self.draw(st.integers(2, 4))
        return (1, *(self.draw(st.integers(1, 6)) for _ in range(rank - 1)))

    def pick(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def value(self, shape: Shape, quant: Quant | None = None) -> Quant:
        """The next input, a value; returns its quantization."""
        quant = quant or self.quant()
        self.given.append(len(self.tensors))
        self._input(TwinTensor(f"x{len(self.tensors)}", DType.INT8, shape, *quant))
        return quant

    def int8(self, data: NDArray[np.generic], quant: Quant, axis: int = 0) -> None:
        """The next input, a constant."""
        data = data.astype(np.int8)
        name, kind = f"c{len(self.tensors)}", DType.INT8
        self._input(TwinTensor(name, kind, data.shape, *quant, axis, data.tobytes()))

    def int32(self, values: Sequence[Any], scales: tuple[float, ...] = ()) -> None:
        data = np.array(values, dtype="<i4")
        name, kind = f"c{len(self.tensors)}", DType.INT32
        self._input(TwinTensor(name, kind, data.shape, scales, data=data.tobytes()))

    def random(self, *shape: int) -> NDArray[np.int64]:
        seed = self.draw(st.integers(0, 1 << 16))
        return np.random.default_rng(seed).integers(-127, 128, shape)

    def _input(self, tensor: TwinTensor) -> None:
        self.inputs.append(len(self.tensors))
        self.tensors.append(tensor)

    def parts(
        self, name: str, shapes: Sequence[Shape], quant: Quant, table: str = "", **fields: Any
    ) -> bytes:
        """The file whose operator makes a tensor of each shape, all of one quantization."""
        opts = options(table, **fields) if table else NO_OPTIONS
        made = [self._output(f"y{place}", shape, quant) for place, shape in enumerate(shapes)]
        first, *more = made
        operators = [TwinOperator(_code(name), tuple(self.inputs), first, opts, tuple(more))]
        if quant == self._first and name != "QUANTIZE":
            # What only copies may be no operator at all: the network then computes nothing.
            other = quant[0], quant[1] - (1 if quant[1] > 0 else -1)
            again = [self._output(f"z{n}", shape, other) for n, shape in enumerate(shapes)]
            opts = options("QuantizeOptions")
            operators += [
                TwinOperator(_code("QUANTIZE"), (value,), output, opts)
                for value, output in zip(made, again, strict=True)
            ]
            made = again
        ends = (tuple(self.given), tuple(made))
        return serialize(TwinModel("net", tuple(self.tensors), tuple(operators), *ends))

    def bytes(self, name: str, shape: Shape, quant: Quant, table: str = "", **fields: Any) -> bytes:
        """The file whose operator makes a tensor of a shape."""
        return self.parts(name, [shape], quant, table, **fields)

    def _output(self, name: str, shape: Shape, quant: Quant) -> int:
        self.tensors.append(TwinTensor(name, DType.INT8, shape, *quant))
        return len(self.tensors) - 1

    @property
    def _first(self) -> Quant:
        first = self.tensors[self.given[0]]
        return first.scales, first.zero_point


def _code(name: str) -> Code:
    numbers: Mapping[str, int] = vars(tflite.BuiltinOperator)
    return Code(numbers[name], 2)


Draw = Callable[[File], bytes]
"""How a file of an operator is drawn."""


def same_shape(name: str, table: str = "", quant: Quant | None = None, **fields: Any) -> Draw:
    """Operators whose output has their input's shape; at its scale, or another one."""

    def draw(f: File) -> bytes:
        shape = f.shape()
        (scale,), zero_point = f.value(shape)
        made = quant or f.quant()
        if made == ((scale,), zero_point):
            made = (2 * scale,), zero_point
        return f.bytes(name, shape, made, table, **fields)

    return draw
