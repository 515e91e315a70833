"""Reads back what a runner of `.tflite` files must know."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import tflite

from mcucc.ir import Shape
from mcucc.twin.model import CUSTOM_PREFIX

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
        name: of the kind, as TensorFlow Lite spells it: `SOFTMAX`; of a custom operator its own.
        output: name of the tensor that it makes.
    """

    index: int
    name: str
    output: str

    @property
    def is_custom(self) -> bool:
        """Whether mcucc wrote it for want of one of TensorFlow Lite Micro's."""
        return self.name.startswith(CUSTOM_PREFIX)

    def __str__(self) -> str:
        return f"{self.index}, {self.name} that makes '{self.output}'"


def read_tensors(twin: bytes) -> tuple[TensorInfo, ...]:
    """All tensors of a file in order."""
    model = tflite.Model.GetRootAs(twin)
    graph = model.Subgraphs(0)
    return tuple(
        _tensor(model, graph, index) for index in range(_count(graph.TensorsLength(), len(twin)))
    )


def read_inputs(twin: bytes) -> tuple[int, ...]:
    """The indices of the inputs of a file in order."""
    graph = tflite.Model.GetRootAs(twin).Subgraphs(0)
    return tuple(graph.Inputs(place) for place in range(_count(graph.InputsLength(), len(twin))))


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


def _count(length: int, most: int) -> int:
    """A length that a file states; in a damaged one it can be billions.

    Raises:
        ValueError: there cannot be as many.
    """
    if length > most:
        raise ValueError(f"{length} elements")
    return length


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
    own = (code.CustomCode() or b"").decode()
    return OperatorInfo(index, own or _OPERATOR_NAMES.get(number, str(number)), output)
