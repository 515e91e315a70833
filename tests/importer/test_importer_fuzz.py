"""Damaged models: whatever is in the file, only the errors meant for users come out.

What is accepted must be a valid graph that runs.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, numpy_helper

from mcucc.errors import InputFileError, UnsupportedModelError
from mcucc.importer import read_onnx
from mcucc.ops.verify import verify
from mcucc.reference.interpreter import run
from tests.graphs import random_inputs
from tests.importer.island_builders import conv, fan_out, flattened, mean_twice, unary
from tests.importer.more_islands import MORE_ISLANDS
from tests.importer.qdq_models import QdqModel
from tests.lowering import lower_quantized

BUILDERS: tuple[Callable[[], QdqModel], ...] = (
    conv((3, 3), strides=[2, 2], dilations=[1, 1], pads=[0, 0, 1, 1], kernel_shape=[3, 3]),
    conv((3, 3), out_c=3, depthwise=True, auto_pad="SAME_UPPER"),
    flattened("Flatten"),
    flattened("Reshape"),
    fan_out,
    mean_twice,
    unary("AveragePool", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
    unary("Pad", opset=10, pads=[0, 0, 1, 2, 0, 0, 3, 4], value=0.0),
    unary("Softmax", shape=(1, 10), quant=(1 / 255, -128), axis=1),
    *MORE_ISLANDS.values(),
)
MODELS = [build().proto() for build in BUILDERS]

INTEGERS = (-(2**63), -(2**31), -2, -1, 0, 1, 2, 3, 4, 5, 7, 13, 2**15, 2**31, 2**62, 2**63 - 1)
FLOATS = (0.0, -1.0, 1.0, 0.5, 6.0, 1e-45, 1e-30, 1e30, 3e38, float("inf"), float("nan"))
STRINGS = (b"", b"x", b"x_float", b"x_quantized", b"y", b"Conv", b"Add", b"Relu", b"SAME_LOWER")

ELEMENT_TYPES = ("float32", "float16", "int8", "uint8", "int32", "int64", "bool")

LARGEST_TO_RUN = 10_000
"""Networks whose values have fewer elements than this are run in the reference too."""

WHOLE_NUMBERS = (
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT64,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "model.onnx"


def compile_or_refuse(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        graph = lower_quantized(read_onnx(path), "net")
    except (InputFileError, UnsupportedModelError):
        return
    verify(graph)
    if max(tensor.size for tensor in graph.tensors.values()) < LARGEST_TO_RUN:
        run(graph, random_inputs(graph, 1))


@settings(max_examples=150, derandomize=True, deadline=None, database=None)
@given(data=st.data())
def test_changed_bytes(path: Path, data: st.DataObject):
    content = bytearray(data.draw(st.sampled_from(MODELS)).SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    compile_or_refuse(path, bytes(content))


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(data=st.data())
def test_changed_fields(path: Path, data: st.DataObject):
    proto = ModelProto()
    proto.CopyFrom(data.draw(st.sampled_from(MODELS)))
    for _ in range(data.draw(st.integers(1, 2))):
        message, field = data.draw(st.sampled_from(list(fields_of(proto.graph))))
        change(message, field, data)
    compile_or_refuse(path, proto.SerializeToString())


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(data=st.data())
def test_changed_meaning(path: Path, data: st.DataObject):
    """Attributes, sizes and constants: what the ONNX checker leaves to the lowering."""
    proto = ModelProto()
    proto.CopyFrom(data.draw(st.sampled_from(MODELS)))
    for _ in range(data.draw(st.integers(1, 2))):
        kind = data.draw(st.sampled_from(["attribute", "constant", "size"]))
        if kind == "size":
            dims = proto.graph.input[0].type.tensor_type.shape.dim
            data.draw(st.sampled_from(list(dims))).dim_value = data.draw(st.sampled_from(INTEGERS))
        elif kind == "constant":
            tensor = data.draw(st.sampled_from(list(proto.graph.initializer)))
            tensor.CopyFrom(numpy_helper.from_array(data.draw(other_array(tensor)), tensor.name))
        else:
            change_attribute(proto, data)
    compile_or_refuse(path, proto.SerializeToString())


def change_attribute(proto: ModelProto, data: st.DataObject) -> None:
    attributes = [each for node in proto.graph.node for each in node.attribute]
    if not attributes:
        return
    attribute = data.draw(st.sampled_from(attributes))
    attribute.i = data.draw(st.sampled_from(INTEGERS))
    attribute.s = data.draw(st.sampled_from(STRINGS))
    if attribute.ints:
        attribute.ints[:] = data.draw(st.lists(st.sampled_from(INTEGERS), min_size=1, max_size=8))


@st.composite
def other_array(draw: st.DrawFn, tensor: TensorProto) -> NDArray[Any]:
    """Other numbers in the tensor's own shape and type, or in any."""
    shape, kind = tuple(tensor.dims), numpy_helper.to_array(tensor).dtype
    if draw(st.booleans()):
        shape = tuple(draw(st.lists(st.integers(0, 4), max_size=5)))
        kind = np.dtype(draw(st.sampled_from(ELEMENT_TYPES)))
    if kind.kind != "f":
        return np.full(shape, draw(st.integers(-128, 127))).astype(kind)
    with np.errstate(over="ignore"):
        return np.full(shape, draw(st.sampled_from(FLOATS))).astype(kind)


def fields_of(message: Message) -> Iterator[tuple[Message, FieldDescriptor]]:
    """Every field that is set, of a message and of all within."""
    for field, value in message.ListFields():
        yield message, field
        if field.message_type is not None:
            for inner in value if is_repeated(field, value) else [value]:
                yield from fields_of(inner)


def is_repeated(field: FieldDescriptor, value: object) -> bool:
    return not isinstance(value, Message | str | bytes | int | float)


def change(message: Message, field: FieldDescriptor, data: st.DataObject) -> None:
    """Change, drop or double one value of a field."""
    value = getattr(message, field.name)
    if not is_repeated(field, value):
        if field.message_type is not None or data.draw(st.booleans()):
            message.ClearField(field.name)
        else:
            setattr(message, field.name, other_value(field, data))
        return
    index = data.draw(st.integers(0, len(value) - 1))
    action = data.draw(st.sampled_from(["drop", "double", "change"]))
    if action == "drop":
        del value[index]
    elif action == "double":
        value.append(value[index])
    elif field.message_type is None:
        value[index] = other_value(field, data)


def other_value(field: FieldDescriptor, data: st.DataObject) -> int | float | bytes | str:
    if field.enum_type is not None:
        return data.draw(st.sampled_from([value.number for value in field.enum_type.values]))
    if field.cpp_type in WHOLE_NUMBERS:
        wide = field.cpp_type == FieldDescriptor.CPPTYPE_INT64
        small = INTEGERS if wide else [n for n in INTEGERS if 0 <= n < 2**31]
        return data.draw(st.sampled_from(small))
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        text = data.draw(st.sampled_from(STRINGS))
        return text if field.type == FieldDescriptor.TYPE_BYTES else text.decode()
    return data.draw(st.sampled_from(FLOATS))
