"""What a `.tflite` file holds: tensors and operators, as the schema has them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.tflite.flatbuffer import Table
from mcucc.ir import Shape

ABSENT = -1
"""The index of an optional input that is left out."""


@dataclass(frozen=True, eq=False)
class Quantization:
    """How integers stand for reals.

    Attributes:
        scales: float32, one or one per index of `axis`.
        zero_points: int64, likewise.
        axis: of the tensor.
    """

    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64]
    axis: int


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of a file.

    Attributes:
        index: its position.
        name: as in the file; may be empty, or that of another tensor too.
        dtype: as the schema spells it: `INT8`.
        shape: static, as in the file.
        data: of a constant; None for a value.
        quant: None if it is not quantized.
        variable: whether it keeps its value from run to run.
        sparse: whether its zeros are left out of the file.
    """

    index: int
    name: str
    dtype: str
    shape: Shape
    data: NDArray[np.generic] | None
    quant: Quantization | None
    variable: bool
    sparse: bool


@dataclass(frozen=True, eq=False)
class Operator:
    """An operator of a file.

    Attributes:
        index: its position.
        code: as TensorFlow Lite spells it: `CONV_2D`; `CUSTOM name` for one of somebody's own.
        inputs: indices of tensors; `ABSENT` for one that is left out.
        outputs: likewise.
        options: its attributes; None where it has none.
    """

    index: int
    code: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table | None


@dataclass(frozen=True, eq=False)
class TfliteModel:
    """The first subgraph of a file.

    Attributes:
        path: where it was read from, or what stands for it.
        sha256: of the file's bytes.
        tensors: by index.
        operators: in the order of execution: each reads what is there already.
        inputs: indices of tensors.
        outputs: likewise.
        others: the other subgraphs of the file, in its order.
    """

    path: Path
    sha256: str
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    others: "tuple[TfliteModel, ...]" = ()
