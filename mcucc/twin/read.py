"""Reads back what a runner of `.tflite` files must know, and cuts files short."""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import tflite

from mcucc.ir import Shape

_OPERATOR_NAMES = {
    number: name for name, number in vars(tflite.BuiltinOperator).items() if name.isupper()
}
_ELEMENT_BYTES: Mapping[int, int] = {
    tflite.TensorType.INT8: 1,
    tflite.TensorType.UINT8: 1,
    tflite.TensorType.BOOL: 1,
    tflite.TensorType.INT16: 2,
    tflite.TensorType.INT64: 8,
}
"""Of the others that TFLM runs: 4."""

_OUTPUTS_FIELD = 8
_OPERATORS_FIELD = 10
"""Offsets of two fields in the vtable of a subgraph."""

_MOST_AXES = 8


@dataclass(frozen=True)
class TensorInfo:
    """A tensor of a file.

    Attributes:
        name: as in the file.
        index: its position.
        shape: with batch 1.
        constant: whether the file holds its data.
        int8: whether its elements are int8.
        int32: whether they are int32.
        element_bytes: of one of its elements.
    """

    name: str
    index: int
    shape: Shape
    constant: bool
    int8: bool
    int32: bool = False
    element_bytes: int = 4

    @property
    def nbytes(self) -> int:
        """Bytes of its data."""
        return math.prod(self.shape) * self.element_bytes


@dataclass(frozen=True)
class OperatorInfo:
    """An operator of a file.

    Attributes:
        index: its position.
        name: of the kind, as TensorFlow Lite spells it: `SOFTMAX`.
        output: name of the tensor that it makes.
    """

    index: int
    name: str
    output: str

    def __str__(self) -> str:
        return f"{self.index}, {self.name} that makes '{self.output}'"


def read_tensors(twin: bytes) -> tuple[TensorInfo, ...]:
    """All tensors of a file in order."""
    model = tflite.Model.GetRootAs(twin)
    graph = model.Subgraphs(0)
    return tuple(
        _tensor(model, graph, index) for index in range(_count(graph.TensorsLength(), len(twin)))
    )


def read_outputs(twin: bytes) -> tuple[int, ...]:
    """The indices of the outputs of a file in order."""
    graph = tflite.Model.GetRootAs(twin).Subgraphs(0)
    return tuple(graph.Outputs(place) for place in range(_count(graph.OutputsLength(), len(twin))))


def read_operators(twin: bytes) -> tuple[OperatorInfo, ...]:
    """All operators of a file in order."""
    model = tflite.Model.GetRootAs(twin)
    graph = model.Subgraphs(0)
    return tuple(
        _operator(model, graph, index)
        for index in range(_count(graph.OperatorsLength(), len(twin)))
    )


def keep_operators(twin: bytes, count: int) -> bytes:
    """The same file with its first `count` operators only; the last one makes the only output.

    Args:
        twin: a file with at least one output and `count` operators.
        count: at least 1.
    """
    data = bytearray(twin)
    graph = tflite.Model.GetRootAs(data).Subgraphs(0)
    last = graph.Operators(count - 1).Outputs(0)
    _shorten(data, graph, _OPERATORS_FIELD, count)
    outputs = _shorten(data, graph, _OUTPUTS_FIELD, 1)
    struct.pack_into("<i", data, outputs, last)
    return bytes(data)


def _count(length: int, most: int) -> int:
    """A length that a file states; in a damaged one it can be billions.

    Raises:
        ValueError: there cannot be as many.
    """
    if length > most:
        raise ValueError(f"{length} elements")
    return length


def _shorten(data: bytearray, graph: tflite.SubGraph, field: int, length: int) -> int:
    """Overwrite the length of a vector; the position of its first element."""
    table = graph._tab  # noqa: SLF001 -- the generated classes cannot write
    start = table.Vector(table.Offset(field))
    struct.pack_into("<I", data, start - 4, length)
    return start


def _tensor(model: tflite.Model, graph: tflite.SubGraph, index: int) -> TensorInfo:
    tensor = graph.Tensors(index)
    return TensorInfo(
        (tensor.Name() or b"").decode(),
        index,
        tuple(tensor.Shape(axis) for axis in range(_count(tensor.ShapeLength(), _MOST_AXES))),
        model.Buffers(tensor.Buffer()).DataLength() > 0,
        tensor.Type() == tflite.TensorType.INT8,
        tensor.Type() == tflite.TensorType.INT32,
        _ELEMENT_BYTES.get(tensor.Type(), 4),
    )


def _operator(model: tflite.Model, graph: tflite.SubGraph, index: int) -> OperatorInfo:
    operator = graph.Operators(index)
    code = model.OperatorCodes(operator.OpcodeIndex())
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    output = (graph.Tensors(operator.Outputs(0)).Name() or b"").decode()
    return OperatorInfo(index, _OPERATOR_NAMES.get(number, str(number)), output)
