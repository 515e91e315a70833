"""Reads a `.tflite` file into plain data, and refuses a damaged one.

The schema: tensorflow/compiler/mlir/lite/schema/schema.fbs. Fields are read by their numbers in it.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import tflite
from numpy.typing import NDArray

from mcucc.errors import InputFileError
from mcucc.importer.tflite.flatbuffer import DamagedError, Table
from mcucc.importer.tflite.model import ABSENT, Operator, Quantization, Tensor, TfliteModel
from mcucc.ir import Shape

_MOST_AXES = 8
_MOST_ELEMENTS = 1 << 31
_MOST_OPERATORS = 1 << 16
"""Of tensors too: far more than a microcontroller runs."""

_VERSION = 3
_CUSTOM = 32
_OLD_CODES = 127
"""From this number on an operator's code stands in a wider field."""

_OPERATOR_NAMES: Mapping[int, str] = MappingProxyType(
    {number: name for name, number in vars(tflite.BuiltinOperator).items() if name.isupper()}
)
_TYPE_NAMES: Mapping[int, str] = MappingProxyType(
    {number: name for name, number in vars(tflite.TensorType).items() if name.isupper()}
)
_STORED: Mapping[str, str] = MappingProxyType(
    {
        "FLOAT32": "<f4",
        "FLOAT16": "<f2",
        "FLOAT64": "<f8",
        "INT64": "<i8",
        "INT32": "<i4",
        "INT16": "<i2",
        "INT8": "<i1",
        "UINT8": "<u1",
        "BOOL": "?",
    }
)
"""How numpy reads the elements of a type; constants of other types are kept as bytes."""

# Fields of the schema.
_MODEL_VERSION, _MODEL_CODES, _MODEL_SUBGRAPHS, _MODEL_BUFFERS = 0, 1, 2, 4
_GRAPH_TENSORS, _GRAPH_INPUTS, _GRAPH_OUTPUTS, _GRAPH_OPERATORS = 0, 1, 2, 3
_TENSOR_SHAPE, _TENSOR_TYPE, _TENSOR_BUFFER, _TENSOR_NAME, _TENSOR_QUANT = 0, 1, 2, 3, 4
_TENSOR_VARIABLE, _TENSOR_SPARSITY = 5, 6
_QUANT_SCALE, _QUANT_ZERO_POINT, _QUANT_AXIS = 2, 3, 6
_OPERATOR_CODE, _OPERATOR_INPUTS, _OPERATOR_OUTPUTS, _OPERATOR_OPTIONS = 0, 1, 2, 4
_CODE_OLD, _CODE_CUSTOM, _CODE_NUMBER = 0, 1, 3
_BUFFER_DATA, _BUFFER_OFFSET, _BUFFER_SIZE = 0, 1, 2


def read_tflite_file(path: Path, raw: bytes) -> TfliteModel:
    """The first subgraph of a file.

    Args:
        path: where it was read from, for messages.
        raw: the bytes of the file.

    Raises:
        InputFileError: it is damaged: an offset, a length, a shape or an index is not what it can
            be, a value is read before it is made, or made twice.
    """
    try:
        return _read(path, raw)
    except DamagedError as damage:
        raise InputFileError(
            path, f"is a damaged .tflite file ({damage}): copy, download or convert it again"
        ) from damage


def _read(path: Path, raw: bytes) -> TfliteModel:
    root = Table.root(raw)
    version = root.integer(_MODEL_VERSION, "<I")
    if version != _VERSION:
        raise DamagedError(f"its schema has version {version}, not {_VERSION}")
    buffers = [_Buffer(table, raw) for table in _few(root, _MODEL_BUFFERS, "buffers")]
    codes = [_code(table) for table in _few(root, _MODEL_CODES, "operator codes")]
    digest = hashlib.sha256(raw).hexdigest()
    tables = _few(root, _MODEL_SUBGRAPHS, "subgraphs")
    if not tables:
        raise DamagedError("it holds no subgraph")
    first, *others = (_subgraph(path, digest, table, buffers, codes) for table in tables)
    return replace(first, others=tuple(others))


def _subgraph(
    path: Path, digest: str, graph: Table, buffers: "Sequence[_Buffer]", codes: Sequence[str]
) -> TfliteModel:
    tensors = tuple(
        _tensor(index, table, buffers)
        for index, table in enumerate(_few(graph, _GRAPH_TENSORS, "tensors"))
    )
    operators = tuple(
        _operator(index, table, codes, len(tensors))
        for index, table in enumerate(_few(graph, _GRAPH_OPERATORS, "operators"))
    )
    inputs, outputs = (
        _indices(graph, number, len(tensors), f"the {what} of the network")
        for number, what in ((_GRAPH_INPUTS, "inputs"), (_GRAPH_OUTPUTS, "outputs"))
    )
    _check_order(tensors, operators, inputs, outputs)
    return TfliteModel(path, digest, tensors, operators, inputs, outputs)


def _few(table: Table, number: int, what: str) -> list[Table]:
    found: list[Table] = []
    for each in table.tables(number):
        if len(found) == _MOST_OPERATORS:
            raise DamagedError(f"it has more than {_MOST_OPERATORS:,} {what}")
        found.append(each)
    return found


@dataclass(frozen=True, eq=False)
class _Buffer:
    """A buffer of the file; data of large files lie behind the flatbuffer."""

    table: Table
    raw: bytes

    def data(self) -> NDArray[np.generic]:
        """Its bytes."""
        inside = self.table.vector(_BUFFER_DATA, "<u1")
        offset = self.table.integer(_BUFFER_OFFSET, "<Q")
        if len(inside) or offset <= 1:
            return inside
        size = self.table.integer(_BUFFER_SIZE, "<Q")
        if offset + size > len(self.raw):
            raise DamagedError(
                f"a buffer of {size:,} bytes at byte {offset:,} reaches past the end"
            )
        return np.frombuffer(self.raw, "<u1", size, offset)


def _tensor(index: int, table: Table, buffers: Sequence[_Buffer]) -> Tensor:
    name = table.text(_TENSOR_NAME)
    number = table.integer(_TENSOR_TYPE, "<b")
    if number not in _TYPE_NAMES:
        raise DamagedError(f"tensor {index} '{name}' has the unknown element type {number}")
    dtype, shape = _TYPE_NAMES[number], _shape(index, name, table)
    place = table.integer(_TENSOR_BUFFER, "<I")
    if place >= len(buffers):
        raise DamagedError(f"tensor {index} '{name}' is in buffer {place} of {len(buffers)}")
    sparse = table.table(_TENSOR_SPARSITY) is not None
    content = buffers[place].data()
    data = None
    if len(content):
        data = content if sparse else _constant(f"tensor {index} '{name}'", dtype, shape, content)
    return Tensor(
        index,
        name,
        dtype,
        shape,
        data,
        # Some converters leave ranges beside floats.
        None if "FLOAT" in dtype else _quantization(index, name, table.table(_TENSOR_QUANT), shape),
        variable=bool(table.integer(_TENSOR_VARIABLE, "<b")),
        sparse=sparse,
    )


def _shape(index: int, name: str, table: Table) -> Shape:
    sizes = table.vector(_TENSOR_SHAPE, "<i4")
    if len(sizes) > _MOST_AXES:
        raise DamagedError(f"tensor {index} '{name}' has {len(sizes):,} axes")
    shape = tuple(int(size) for size in sizes)
    if min(shape, default=0) < 0 or math.prod(shape) >= _MOST_ELEMENTS:
        raise DamagedError(f"tensor {index} '{name}' has the shape {list(shape)}")
    return shape


def _constant(
    label: str, dtype: str, shape: Shape, content: NDArray[np.generic]
) -> NDArray[np.generic]:
    if dtype not in _STORED:
        return content
    kind = np.dtype(_STORED[dtype])
    wanted = math.prod(shape) * kind.itemsize
    if len(content) < wanted:  # what lies behind is left alone, as TFLM does
        raise DamagedError(
            f"{label}, {dtype} {list(shape)}, takes {wanted:,} bytes, its buffer has "
            f"{len(content):,}"
        )
    return np.frombuffer(content[:wanted].tobytes(), kind).reshape(shape)


def _quantization(index: int, name: str, table: Table | None, shape: Shape) -> Quantization | None:
    if table is None:
        return None
    scales = table.vector(_QUANT_SCALE, "<f4").astype(np.float32)
    if not scales.size:
        return None
    points = table.vector(_QUANT_ZERO_POINT, "<i8").astype(np.int64)
    axis = 0 if len(shape) == 1 else table.integer(_QUANT_AXIS)  # some write that of the weights
    fits = scales.size == 1 or (0 <= axis < len(shape) and shape[axis] == scales.size)
    if not fits or points.size not in (0, 1, scales.size):
        raise DamagedError(
            f"tensor {index} '{name}' of shape {list(shape)} has {scales.size} scales and "
            f"{points.size} zero points along axis {axis}"
        )
    return Quantization(scales, np.resize(points, scales.shape) if points.size else points, axis)


def _code(table: Table) -> str:
    number = table.integer(_CODE_NUMBER) or table.integer(_CODE_OLD, "<b")
    if number == _CUSTOM:
        return f"CUSTOM {table.text(_CODE_CUSTOM)}"
    if number not in _OPERATOR_NAMES:
        raise DamagedError(f"it has an operator of the unknown code {number}")
    return _OPERATOR_NAMES[number]


def _operator(index: int, table: Table, codes: Sequence[str], tensors: int) -> Operator:
    code = table.integer(_OPERATOR_CODE, "<I")
    if code >= len(codes):
        raise DamagedError(f"operator {index} has code {code} of {len(codes)}")
    what = f"operator {index} ({codes[code]})"
    inputs = _indices(table, _OPERATOR_INPUTS, tensors, f"the inputs of {what}", least=ABSENT)
    outputs = _indices(table, _OPERATOR_OUTPUTS, tensors, f"the outputs of {what}")
    return Operator(index, codes[code], inputs, outputs, table.table(_OPERATOR_OPTIONS))


def _indices(table: Table, number: int, count: int, what: str, least: int = 0) -> tuple[int, ...]:
    found = table.vector(number, "<i4")
    if len(found) > _MOST_OPERATORS:
        raise DamagedError(f"{what} are {len(found):,}")
    indices = tuple(int(index) for index in found)
    wrong = next((index for index in indices if not least <= index < count), None)
    if wrong is not None:
        raise DamagedError(f"{what} name tensor {wrong} of {count}")
    return indices


def _check_order(
    tensors: Sequence[Tensor],
    operators: Sequence[Operator],
    inputs: Sequence[int],
    outputs: Sequence[int],
) -> None:
    """Demand that each value is made once, and before it is read."""
    if len(set(inputs)) != len(inputs):
        raise DamagedError("a tensor is an input of the network twice")
    known = {tensor.index for tensor in tensors if tensor.data is not None or tensor.variable}
    known |= set(inputs)
    for operator in operators:
        what = f"operator {operator.index} ({operator.code})"
        for index in operator.inputs:
            if index not in known and index != ABSENT:
                raise DamagedError(f"{what} reads tensor {index} before it is made")
        for index in operator.outputs:
            if index in known:
                raise DamagedError(f"{what} makes tensor {index}, which is there already")
            known.add(index)
    missing = next((index for index in outputs if index not in known), None)
    if missing is not None:
        raise DamagedError(f"nothing makes tensor {missing}, an output of the network")
