"""What a protobuf message is by its outermost fields: ONNX, or the model of another framework."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO

_MOST_FIELDS = 4096
_PEEK_BYTES = 64

PROTOBUF_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "graph": "convert it with `python -m tf2onnx.convert --graphdef {file} --inputs INPUT:0 "
        "--outputs OUTPUT:0 --output {stem}.onnx`, with its own names",
        "saved model": "convert it with `python -m tf2onnx.convert --saved-model {file} "
        "--output {stem}.onnx`",
    }
)
"""How TensorFlow's messages become ONNX."""

_SAVED_MODEL_FILE = (
    "give its directory to tf2onnx: `python -m tf2onnx.convert --saved-model DIR --output "
    "model.onnx`"
)
_NO_WAY_BACK = "there is no way back to ONNX from it: export ONNX from the framework it came from"

_ONNX_FIELDS: Mapping[int, int] = MappingProxyType(
    {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
)
"""Wire types of ModelProto's fields by number."""

_GRAPH_FIELD = 7


@dataclass(frozen=True)
class Field:
    """An outermost field of a message.

    Attributes:
        number: of the field.
        wire: its wire type; 2 has a length.
        start: of a field with a length: where its content begins.
        length: likewise.
        peek: the first bytes of that content.
    """

    number: int
    wire: int
    start: int = 0
    length: int = 0
    peek: bytes = b""


def protobuf_kind(file: BinaryIO) -> tuple[str, str] | None:
    """What a message is, and how it becomes ONNX; None if it may be ONNX, or is no message.

    Args:
        file: seekable.
    """
    size = file.seek(0, os.SEEK_END)
    fields = list(_fields(file, size))
    if not fields:
        return None
    first, numbers = fields[0], {field.number for field in fields}
    found = _of_varint_first(fields, numbers) if first.wire == 0 else None
    if first.wire == 2 and first.number == 1:
        found = _of_message_first(first, numbers)
    return found or _cut_off(fields, size)


def is_onnx(file: BinaryIO) -> bool:
    """Whether a message is an ONNX model, be it whole or cut off."""
    fields = list(_fields(file, file.seek(0, os.SEEK_END)))
    known = all(_ONNX_FIELDS.get(field.number) == field.wire for field in fields)
    return known and any(field.number == _GRAPH_FIELD for field in fields)


def _of_varint_first(fields: list[Field], numbers: set[int]) -> tuple[str, str] | None:
    """Messages that begin with a number, as ONNX does with its version."""
    if fields[0].number != 1 or len(fields) < 2:
        return None
    second = fields[1]
    if (second.number, second.wire) == (2, 0):
        return (
            "one ONNX tensor, as test data sets hold (input_0.pb)",
            "give the model, which lies beside the test data",
        )
    nested = second.number == 2 and second.peek.startswith(b"\x0a")
    if nested and max(numbers) >= 200:
        return "a Core ML model", _NO_WAY_BACK
    if nested and numbers == {1, 2}:
        return "the saved_model.pb of a TensorFlow SavedModel", _SAVED_MODEL_FILE
    return None


def _of_message_first(first: Field, numbers: set[int]) -> tuple[str, str] | None:
    """Messages that begin with a message or a text, as ONNX never does."""
    if first.peek.startswith(b"\x08\x00\x10"):
        return "a PaddlePaddle program", (
            "convert it with `paddle2onnx --model_dir DIR --model_filename {file} "
            "--save_file {stem}.onnx`"
        )
    if 100 in numbers:
        return "a Caffe network (.caffemodel)", _NO_WAY_BACK
    name = first.peek[1] if first.peek.startswith(b"\x0a") and len(first.peek) > 1 else 0
    if name and first.peek[2 + name : 3 + name] == b"\x12" and numbers <= {1, 2, 3, 4, 5}:
        return "a frozen TensorFlow graph (.pb)", PROTOBUF_ADVICE["graph"]
    return None


def _cut_off(fields: list[Field], size: int) -> tuple[str, str] | None:
    """An ONNX model whose last field is longer than the file."""
    last = fields[-1]
    if any(_ONNX_FIELDS.get(field.number) != field.wire for field in fields):
        return None
    missing = last.start + last.length - size
    if fields[0].number != 1 or missing <= 0:
        return None
    part = "its network" if last.number == _GRAPH_FIELD else "its last part"
    sizes = f"the file has {size:,} bytes, and {part} goes on for {missing:,} more"
    return f"a truncated ONNX model: {sizes}", "copy, download or export it again"


def _fields(file: BinaryIO, size: int) -> Iterator[Field]:
    """The outermost fields up to the first that is none, or that the file does not hold whole."""
    position = 0
    for _ in range(_MOST_FIELDS):
        file.seek(position)
        raw = file.read(20)
        tag, used = _varint(raw)
        if not used or tag >> 3 == 0:
            return
        number, wire = tag >> 3, tag & 7
        value, more = _varint(raw[used:])
        position += used
        match wire:
            case 0 if more:
                yield Field(number, wire)
                position += more
            case 1 | 5:
                yield Field(number, wire)
                position += 8 if wire == 1 else 4
            case 2 if more:
                file.seek(position + more)
                yield Field(number, wire, position + more, value, file.read(_PEEK_BYTES))
                position += more + value
            case _:
                return
        if position >= size:
            return


def _varint(raw: bytes) -> tuple[int, int]:
    """A number and how many bytes it takes; 0 bytes if there is none."""
    value = 0
    for index, byte in enumerate(raw[:10]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, index + 1
    return 0, 0
