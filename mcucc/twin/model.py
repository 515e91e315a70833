"""What a `.tflite` file says, as plain values."""

from collections.abc import Callable
from dataclasses import dataclass

import flatbuffers

from mcucc.ir import DType, Shape

CUSTOM_PREFIX = "mcucc."
"""Begins the names of operators that TensorFlow Lite Micro lacks."""


@dataclass(frozen=True, order=True)
class Code:
    """An operator of TensorFlow Lite.

    Attributes:
        number: of the builtin operator.
        version: the lowest one that covers int8 as twins use it.
        custom: name of an operator that is none of TensorFlow Lite's; its number is CUSTOM.
    """

    number: int
    version: int
    custom: str = ""


@dataclass(frozen=True)
class Options:
    """An operator's attributes.

    Attributes:
        kind: the number of their table in the schema's union.
        write: writes the table, returns its offset.
        custom: those of a custom operator, as a flexbuffer.
    """

    kind: int
    write: Callable[[flatbuffers.Builder], int]
    custom: bytes = b""


@dataclass(frozen=True)
class TwinTensor:
    """A tensor.

    Attributes:
        name: unique in the file.
        dtype: int8 or int32.
        shape: with batch 1.
        scales: none, one, or one per index of `axis`.
        zero_point: of all scales.
        axis: the axis along which the scales run; 0 for a single one.
        data: little-endian bytes of a constant, None for a value.
    """

    name: str
    dtype: DType
    shape: Shape
    scales: tuple[float, ...] = ()
    zero_point: int = 0
    axis: int = 0
    data: bytes | None = None


@dataclass(frozen=True)
class TwinOperator:
    """An operator; inputs and outputs are indices of tensors.

    Attributes:
        output: the first, and of a twin's operators the only one.
        more: the other outputs.
    """

    code: Code
    inputs: tuple[int, ...]
    output: int
    options: Options
    more: tuple[int, ...] = ()


@dataclass(frozen=True)
class TwinModel:
    """A file: tensors, operators in order, and the indices of inputs and outputs."""

    name: str
    tensors: tuple[TwinTensor, ...]
    operators: tuple[TwinOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
