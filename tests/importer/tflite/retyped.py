"""Files with tensors of element types that the twin's writer has not."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, cast

import tflite

_TYPE_FIELD = 6
"""Where a tensor's table says its element type."""


def retyped(file: bytes, tensors: Sequence[int], kind: str) -> bytes:
    """A file in which some tensors have another element type of the same size.

    Args:
        file: with one subgraph.
        tensors: their indices.
        kind: the type, as the schema calls it.
    """
    numbers: Mapping[str, int] = vars(tflite.TensorType)
    data = bytearray(file)
    graph = cast("Any", tflite.Model.GetRootAs(data).Subgraphs(0))
    for index in tensors:
        table = graph.Tensors(index)._tab
        struct.pack_into("<b", data, table.Pos + table.Offset(_TYPE_FIELD), numbers[kind])
    return bytes(data)
