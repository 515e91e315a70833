"""The attributes of operators, as tables of the schema."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any

import tflite
from flatbuffers import Builder, flexbuffers

from mcucc.ir import DType
from mcucc.ops import Activation, Int8Op
from mcucc.twin.model import Options

ACTIVATIONS: Mapping[Activation, int] = MappingProxyType(
    {
        "none": tflite.ActivationFunctionType.NONE,
        "relu": tflite.ActivationFunctionType.RELU,
        "relu6": tflite.ActivationFunctionType.RELU6,
    }
)
"""The schema's numbers of fused activations."""

TENSOR_TYPES: Mapping[DType, int] = MappingProxyType(
    {
        DType.INT8: tflite.TensorType.INT8,
        DType.INT16: tflite.TensorType.INT16,
        DType.INT32: tflite.TensorType.INT32,
    }
)
"""The schema's numbers of the element types that twins are made of."""

NO_OPTIONS = Options(tflite.BuiltinOptions.NONE, lambda _: 0)
"""Of operators for which the schema has no table."""


def options(name: str, **fields: float | Sequence[int]) -> Options:
    """The table of an operator's attributes.

    Args:
        name: of the table, as in the schema: `AddOptions`.
        fields: by their names in the schema's code for Python, in the order in which they are
            written; sequences become vectors of int32. Those left out have their defaults.
    """
    functions: Mapping[str, Callable[..., Any]] = vars(tflite)

    def write(b: Builder) -> int:
        written = {
            key: int32_vector(b, value) if isinstance(value, Sequence) else value
            for key, value in fields.items()
        }
        functions[f"{name}Start"](b)
        for key, value in written.items():
            functions[f"{name}Add{key}"](b, value)
        return functions[f"{name}End"](b)

    kinds: Mapping[str, int] = vars(tflite.BuiltinOptions)
    return Options(kinds[name], write)


def custom_options(op: Int8Op) -> Options:
    """The attributes of a custom operator: the fields of a dataclass as a map."""
    return replace(NO_OPTIONS, custom=bytes(flexbuffers.Dumps(asdict(op))))


def padding(*, same: bool) -> int:
    """The schema's number of SAME or VALID."""
    return tflite.Padding.SAME if same else tflite.Padding.VALID


def int32_vector(builder: Builder, values: Sequence[int]) -> int:
    """Write a vector of int32."""
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependInt32(value)
    return builder.EndVector()
