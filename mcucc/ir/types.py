"""The types of values: element type, shape and quantization."""

import enum
import math
from dataclasses import dataclass

import numpy as np

from mcucc.errors import InvariantError

UNSIGNED_SHIFT = 128
"""What uint8 values are less as int8."""

Shape = tuple[int, ...]
"""A static shape, batch first; the batch is always 1."""


class DType(enum.StrEnum):
    """Element types; the values are numpy's names."""

    INT8 = "int8"
    UINT8 = "uint8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT32 = "float32"

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return np.dtype(self.value).itemsize


@dataclass(frozen=True)
class QParams:
    """Affine quantization: real = scale * (q - zero_point).

    Attributes:
        scales: float32 values held as Python floats, one for the tensor or one per index of `axis`.
        zero_point: within the element type's range; 0 for weights and biases.
        axis: the axis along which `scales` runs, None for one scale for the whole tensor.
    """

    scales: tuple[float, ...]
    zero_point: int = 0
    axis: int | None = None

    def __post_init__(self) -> None:
        if self.axis is None and len(self.scales) != 1:
            raise InvariantError(f"{len(self.scales)} scales without an axis")
        if not all(math.isfinite(s) and s > 0 for s in self.scales):
            raise InvariantError(f"scales must be finite and positive: {self.scales}")

    @property
    def scale(self) -> float:
        """The one scale of a tensor that is quantized as a whole."""
        if self.axis is not None:
            raise InvariantError("a tensor quantized per channel has no single scale")
        return self.scales[0]


@dataclass(frozen=True)
class TensorType:
    """Element type, shape and, for integers that stand for reals, quantization."""

    dtype: DType
    shape: Shape
    quant: QParams | None = None

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the dense tensor."""
        return self.size * self.dtype.itemsize

    @property
    def q(self) -> QParams:
        """The quantization of a tensor that must have one."""
        if self.quant is None:
            raise InvariantError(f"tensor of type {self.dtype}{list(self.shape)} is not quantized")
        return self.quant

    @property
    def hwc(self) -> tuple[int, int, int]:
        """The tensor as rows: (rows, pixels per row, bytes per pixel), which of int8 are channels.

        [1, H, W, C] is (H, W, C), [1, H, C] is (H, 1, C) and [1, C] is (1, 1, C).
        """
        match self.shape:
            case (1, h, w, c):
                return h, w, c * self.dtype.itemsize
            case (1, h, c):
                return h, 1, c * self.dtype.itemsize
            case (1, c):
                return 1, 1, c * self.dtype.itemsize
            case _:
                raise InvariantError(f"shape {list(self.shape)} has no rows")
