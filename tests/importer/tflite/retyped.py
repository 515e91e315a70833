"""Files with tensors of element types that the twin's writer has not, or with other operators."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, cast

import tflite

_TYPE_FIELD = 6
"""Where a tensor's table says its element type."""
_CODE_FIELDS = ((4, "<b"), (10, "<i"))
"""Where an operator code's table says the number of the operator, in the old form and the new."""


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


def renamed(file: bytes, old: str, new: str) -> bytes:
    """A file in which an operator is another one; both have numbers up to 127."""
    numbers: Mapping[str, int] = vars(tflite.BuiltinOperator)
    data = bytearray(file)
    model = cast("Any", tflite.Model.GetRootAs(data))
    for index in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(index)
        if code.BuiltinCode() == numbers[old]:
            for field, form in _CODE_FIELDS:
                struct.pack_into(form, data, code._tab.Pos + code._tab.Offset(field), numbers[new])
    return bytes(data)
