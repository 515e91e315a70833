"""Mutates and shrinks protobuf messages."""

from collections.abc import Iterator
from random import Random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

INTEGERS = (
    *(-(2**63), -(2**31), -2, -1, 0, 1, 2, 3, 4, 5, 7, 13, 255, 2**15, 2**16, 10**6, 10**8),
    *(2**31 - 1, 2**31, 2**32, 10**12, 2**62, 2**63 - 1),
)
FLOATS = (
    *(0.0, -0.0, -1.0, 1.0, 0.5, 6.0, 1e-45, 1e-38, 1e-30, 1e30, 3e38, -3e38),
    *(float("inf"), float("-inf"), float("nan")),
)
TEXTS = (
    *("", "x", "x0", "v0", "v1", "c0", "Conv", "Add", "Relu", "MatMul", "SAME_LOWER", "VALID"),
    *("*/ int main", "a\nb", '"', "\\", "%s%n", "../../x", "/dev/null", "{{ 7 }}", "[bold]", "??/"),
    *(
        "\u0000",
        "\u202e",
        "\ud7ff\uffff",
        "\U0001f980",
        "com1",
        "x" * 300,
        "y" * 70_000,
        "#include",
    ),
    *("ai.onnx.ml", "com.microsoft", "int", "float16"),
)

_WHOLE = (
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
)
_REAL = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)


def fields_of(message: Message) -> Iterator[tuple[Message, FieldDescriptor]]:
    """Every field that is set, of a message and of all within."""
    for field, value in message.ListFields():
        yield message, field
        if field.message_type is not None:
            for inner in value if is_repeated(value) else [value]:
                yield from fields_of(inner)


def is_repeated(value: object) -> bool:
    """Whether the value of a field is a list."""
    return not isinstance(value, Message | str | bytes | int | float)


def change_field(message: Message, random: Random) -> None:
    """Change, drop, double or swap values of a field, of a message or of one within."""
    found = list(fields_of(message))
    if not found:
        return
    owner, field = random.choice(found)
    value: Any = getattr(owner, field.name)
    if not is_repeated(value):
        if field.message_type is not None or random.random() < 0.3:
            owner.ClearField(field.name)
        else:
            setattr(owner, field.name, _other(field, random, value))
        return
    index = random.randrange(len(value))
    action = random.choice(("drop", "double", "change", "change", "swap"))
    if action == "drop":
        del value[index]
    elif action == "double":
        value.append(value[index])
    elif action == "swap":
        _swap(value, index, random.randrange(len(value)), is_message=field.message_type is not None)
    elif field.message_type is None:
        value[index] = _other(field, random, value[index])


def _swap(values: Any, a: int, b: int, *, is_message: bool) -> None:
    if not is_message:
        values[a], values[b] = values[b], values[a]
        return
    first = type(values[a])()
    first.CopyFrom(values[a])
    values[a].CopyFrom(values[b])
    values[b].CopyFrom(first)


def _other(field: FieldDescriptor, random: Random, value: object) -> int | float | str | bytes:
    if field.enum_type is not None:
        return random.choice([each.number for each in field.enum_type.values])
    if field.cpp_type in _WHOLE:
        assert isinstance(value, int)
        near = value + random.choice((-1, 1))
        drawn = near if random.random() < 0.3 else random.choice(INTEGERS)
        return _fitting(field, drawn)
    if field.cpp_type in _REAL:
        return random.choice(FLOATS)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return random.random() < 0.5
    if field.type == FieldDescriptor.TYPE_BYTES:
        assert isinstance(value, bytes)
        return _other_bytes(value, random)
    return random.choice(TEXTS)


def _fitting(field: FieldDescriptor, value: int) -> int:
    wide = field.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)
    signed = field.cpp_type in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64)
    bits = 64 if wide else 32
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return min(max(value, low), high)


def _other_bytes(value: bytes, random: Random) -> bytes:
    if random.random() < 0.2:
        return random.choice(TEXTS).encode("utf-8", "surrogatepass")
    return damaged(value, random)


def damaged(content: bytes, random: Random) -> bytes:
    """The same bytes with some changed, cut off, doubled or put in."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 4, 8))):
        if not data:
            return random.randbytes(4)
        at = random.randrange(len(data))
        match random.choice(("flip", "flip", "byte", "byte", "cut", "double", "insert", "end")):
            case "flip":
                data[at] ^= 1 << random.randrange(8)
            case "byte":
                data[at] = random.choice((0, 1, 127, 128, 255, random.randrange(256)))
            case "cut":
                del data[at : at + random.randint(1, 64)]
            case "double":
                data[at:at] = data[at : at + random.randint(1, 64)]
            case "insert":
                data[at:at] = random.randbytes(random.randint(1, 8))
            case _:
                del data[at + 1 :]
                if random.random() < 0.5:
                    break
    return bytes(data)
