"""Cuts `.tflite` files: to their first operators, or to those that TensorFlow Lite Micro has.

A file is changed where it lies: vectors become shorter, and one that must become longer is written
anew at the end, for the offsets of flatbuffers lead forward only.
"""

import struct
from collections.abc import Sequence

import tflite

from mcucc.twin.read import read_inputs, read_operators

_INPUTS_FIELD = 6
_OUTPUTS_FIELD = 8
_OPERATORS_FIELD = 10
"""Offsets of three fields in the vtable of a subgraph."""

_ALIGNMENT = 4
"""Of a vector of int32."""


def keep_operators(twin: bytes, count: int) -> bytes:
    """The same file with its first `count` operators only; the last one makes the only output.

    Args:
        twin: a file with at least one output and `count` operators.
        count: at least 1.
    """
    return _keep(bytearray(twin), range(count))


def without_custom(twin: bytes) -> bytes:
    """The same file without mcucc's custom operators; what these make are its last inputs.

    So all that lies between them runs at once, each part on whatever is given to it. The last
    operator that is left makes the only output. A file without custom operators stays as it is.

    Args:
        twin: a file with at least one output, and one operator that is not custom.
    """
    operators = read_operators(twin)
    lacked = [operator.index for operator in operators if operator.is_custom]
    if not lacked:
        return twin
    data = bytearray(twin)
    graph = _graph(data)
    made = [graph.Operators(index).Outputs(0) for index in lacked]
    _replace(data, graph, _INPUTS_FIELD, (*read_inputs(twin), *made))
    return _keep(data, [operator.index for operator in operators if not operator.is_custom])


def _keep(data: bytearray, kept: Sequence[int]) -> bytes:
    """Leave only some of the operators, given in ascending order."""
    graph = _graph(data)
    last = graph.Operators(kept[-1]).Outputs(0)
    start = _shorten(data, graph, _OPERATORS_FIELD, len(kept))
    for place, index in enumerate(kept):
        # An offset counts from where it stands.
        (offset,) = struct.unpack_from("<I", data, start + 4 * index)
        moved = offset + 4 * (index - place)
        struct.pack_into("<I", data, start + 4 * place, moved)
    outputs = _shorten(data, graph, _OUTPUTS_FIELD, 1)
    struct.pack_into("<i", data, outputs, last)
    return bytes(data)


def _graph(data: bytearray) -> tflite.SubGraph:
    return tflite.Model.GetRootAs(data).Subgraphs(0)


def _shorten(data: bytearray, graph: tflite.SubGraph, field: int, length: int) -> int:
    """Overwrite the length of a vector; the position of its first element."""
    table = graph._tab  # noqa: SLF001 -- the generated classes cannot write
    start = table.Vector(table.Offset(field))
    struct.pack_into("<I", data, start - 4, length)
    return start


def _replace(data: bytearray, graph: tflite.SubGraph, field: int, values: Sequence[int]) -> None:
    """Write a vector of int32 at the end of the file, in place of the one that is there."""
    table = graph._tab  # noqa: SLF001 -- as above
    place = table.Pos + table.Offset(field)
    data.extend(bytes(-len(data) % _ALIGNMENT))
    struct.pack_into("<I", data, place, len(data) - place)
    data.extend(struct.pack(f"<I{len(values)}i", len(values), *values))
