"""A twin as what its tables say: equal for equal models, however flatbuffers lays out the bytes."""

from typing import Any

import tflite

_NOT_FIELDS = ("Init", "GetRootAs", "BufferHasIdentifier")


def tables(twin: bytes) -> dict[str, Any]:
    """Every field of every table, by the names of TensorFlow Lite's schema."""
    return _table(tflite.Model.GetRootAs(twin))


def _table(table: Any) -> dict[str, Any]:
    """The fields of a table; a field is what the generated class has a method for."""
    names = [name for name in dir(table) if name[0].isupper()]
    fields = [n for n in names if not any(word in n for word in _NOT_FIELDS)]
    lengths = {name.removesuffix("Length") for name in fields if name.endswith("Length")}
    found: dict[str, Any] = {}
    for name in lengths:
        length = getattr(table, f"{name}Length")()
        items: list[Any] = [_value(getattr(table, name)(i)) for i in range(length)]
        found[name] = items
    single = {n for n in fields if not n.endswith(("Length", "AsNumpy", "IsNone"))} - lengths
    for name in single:
        value = getattr(table, name)()
        kind = getattr(table, f"{name}Type", None)
        found[name] = _value(value) if kind is None else _union(value, name, kind())
    return found


def _value(value: Any) -> Any:
    return _table(value) if type(value).__module__.startswith("tflite") else value


def _union(value: Any, name: str, kind: int) -> Any:
    """A table of one of several types, each the name of a class; kind 0 is none of them."""
    if kind == 0:
        return None
    types: object = getattr(tflite, name)
    (word,) = (each for each in dir(types) if getattr(types, each) == kind)
    table = getattr(tflite, word)()
    table.Init(value.Bytes, value.Pos)
    return _table(table)
