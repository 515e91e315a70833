"""What a `.tflite` file says, as plain values."""

import enum
from collections.abc import Callable
from dataclasses import dataclass

import flatbuffers

from mcucc.ir import DType, Shape


class Code(enum.Enum):
    """The operators that twins are made of: (builtin code, version for int8)."""

    ADD = (0, 2)
    AVERAGE_POOL_2D = (1, 2)
    CONCATENATION = (2, 2)
    CONV_2D = (3, 3)
    DEPTHWISE_CONV_2D = (4, 3)
    FULLY_CONNECTED = (9, 4)
    LOGISTIC = (14, 2)
    MAX_POOL_2D = (17, 2)
    MUL = (18, 2)
    RESHAPE = (22, 1)
    SOFTMAX = (25, 2)
    TANH = (28, 2)
    PAD = (34, 2)
    GATHER = (36, 2)
    TRANSPOSE = (39, 2)
    MEAN = (40, 2)
    SUB = (41, 2)
    CAST = (53, 1)
    MAXIMUM = (55, 2)
    MINIMUM = (57, 2)
    PADV2 = (60, 2)
    SLICE = (65, 2)
    RESIZE_NEAREST_NEIGHBOR = (97, 2)
    LEAKY_RELU = (98, 2)
    QUANTIZE = (114, 2)
    HARD_SWISH = (117, 1)

    @property
    def number(self) -> int:
        """The builtin operator's number."""
        return self.value[0]

    @property
    def version(self) -> int:
        """The lowest version that covers int8 as twins use it."""
        return self.value[1]


@dataclass(frozen=True)
class Options:
    """An operator's attributes.

    Attributes:
        kind: the number of their table in the schema's union.
        write: writes the table, returns its offset.
    """

    kind: int
    write: Callable[[flatbuffers.Builder], int]


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
    """An operator; inputs and output are indices of tensors."""

    code: Code
    inputs: tuple[int, ...]
    output: int
    options: Options


@dataclass(frozen=True)
class TwinModel:
    """A file: tensors, operators in order, and the indices of inputs and outputs."""

    name: str
    tensors: tuple[TwinTensor, ...]
    operators: tuple[TwinOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
