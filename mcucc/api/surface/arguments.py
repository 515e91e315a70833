"""What users hand to the public functions, checked, as the rooms below take it."""

import difflib
import errno
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Literal,
    Protocol,
    SupportsIndex,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcucc.api.network import Calibration
from mcucc.api.options import CompileOptions
from mcucc.compiled.arrays import ArraySource, GivenArrays
from mcucc.errors import UsageError
from mcucc.importer import ModelBytes, ModelInArray, ModelSource
from mcucc.ir.limits import Limit
from mcucc.targets.board import Board

_SHOWN = 40
"""Characters of a value in a message."""
_NO_ARRAY = (OSError, RuntimeError, TypeError, ValueError, zipfile.BadZipFile)
"""What numpy, and tensors of other packages, raise where no array comes of something."""


class SerializableModel(Protocol):
    """An `onnx.ModelProto`, known by what it can do."""

    def SerializeToString(self) -> bytes:  # noqa: N802 -- protobuf's name
        """The bytes of the file that it would be."""
        ...


PathArgument = str | os.PathLike[str]
"""A path."""
Model = PathArgument | bytes | bytearray | memoryview | SerializableModel
"""A model: path or bytes of an ONNX or `.tflite` file, or of a C source that holds one in an array;
or an `onnx.ModelProto`."""
Shapes = Mapping[str, Sequence[SupportsIndex]]
"""ONNX shapes by input name."""
Arrays = PathArgument | ArrayLike | Mapping[str, ArrayLike]
"""Samples (N, ...) in ONNX layout: a path, an array, or arrays by the names of inputs."""


def model_of(model: Model, array: object = None) -> ModelSource:
    """Where a model is read from.

    Args:
        model: what the user gave.
        array: name of the array that holds it, if it is the path of a C source.

    Raises:
        UsageError: it is nothing that holds a model, or no path goes with an array.
    """
    if array is not None:
        if not isinstance(array, str):
            raise UsageError(f"array={_shown(array)}: give the name of an array of the C source")
        return ModelInArray(path_of_argument("model", model, "the path of a C source"), array)
    if isinstance(model, bytes | bytearray | memoryview):
        return ModelBytes.named(bytes(model))
    if hasattr(model, "SerializeToString"):
        try:
            return ModelBytes(cast("SerializableModel", model).SerializeToString())
        except ValueError as error:
            raise UsageError(
                f"model: cannot be written as bytes ({error}): save it and give its path"
            ) from error
    return path_of_argument(
        "model", model, "the path of an ONNX or .tflite file, its bytes, or an onnx.ModelProto"
    )


def path_of_argument(name: str, value: object, wanted: str = "a path (str or Path)") -> Path:
    """A path that the user gave.

    Raises:
        UsageError: it is none; `wanted` says what may be given.
    """
    is_path = isinstance(value, os.PathLike)
    text = os.fspath(cast("os.PathLike[str]", value)) if is_path else value
    if not isinstance(text, str):
        raise UsageError(f"{name}: give {wanted}, not {_kind(value)}")
    try:
        os.lstat(text)
    except ValueError as error:  # a zero byte, or half of a character
        raise UsageError(f"{name}={_shown(text)}: no path has such a character: mend it") from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise UsageError(
                f"{name}={_shown(text)}: is longer than a path may be: shorten it"
            ) from error
    return Path(text)


def board_of(board: PathArgument | Board) -> str | Board:
    """A board as `CompileOptions` takes it.

    Raises:
        UsageError: it is neither an id nor a path nor a board.
    """
    if isinstance(board, Board):
        return board
    wanted = "the id of a board (`mcucc.boards()` lists them), the path of a board file, or a Board"
    return str(path_of_argument("board", board, wanted))


def arrays_of(name: str, value: Arrays) -> ArraySource:
    """Arrays, or the path of a file of them; `name` is what errors name.

    Raises:
        UsageError: no arrays come of it.
    """
    if isinstance(value, str | os.PathLike):
        return path_of_argument(name, value)
    if isinstance(value, Mapping):
        named = cast("Mapping[object, object]", value)
        wrong = next((key for key in named if not isinstance(key, str)), None)
        if wrong is not None:
            raise UsageError(f"{name}: arrays have texts as names, not {_kind(wrong)}")
        return GivenArrays(name, {str(key): array_of(name, each) for key, each in named.items()})
    return GivenArrays(name, {"": array_of(name, value)})


def array_of(name: str, value: object) -> NDArray[np.generic]:
    """An array of whatever numpy makes one of.

    Raises:
        UsageError: it makes none.
    """
    try:
        if value is not None:
            return cast("NDArray[np.generic]", np.asarray(value))
    except _NO_ARRAY as error:
        raise UsageError(
            f"{name}: {_kind(value)} is no array of numbers ({error}): give a numpy array"
        ) from error
    raise UsageError(f"{name}: give a numpy array, arrays by name, or a path, not None")


def shapes_of(value: Shapes | None) -> dict[str, tuple[int, ...]]:
    """Shapes by name of input.

    Raises:
        UsageError: they are none.
    """
    if value is None:
        return {}
    if not _is_mapping(value):
        raise UsageError(
            f"input_shapes: give a dictionary such as {{'x': (1, 3, 96, 96)}}, not {_kind(value)}"
        )
    named = cast("Mapping[object, object]", value)
    return {str(name): _shape(str(name), shape) for name, shape in named.items()}


def _shape(name: str, value: object) -> tuple[int, ...]:
    sizes = [_plain(x) for x in cast("Iterable[object]", value)] if _is_list(value) else [value]
    if not all(type(size) is int and size > 0 for size in sizes):
        raise UsageError(
            f"input_shapes: '{name}' is {_shown(value)}: give sizes of at least 1, such as "
            "(1, 3, 96, 96)"
        )
    return tuple(cast("list[int]", sizes))


def names_of(name: str, value: object) -> tuple[str, ...]:
    """One name, or a list of them.

    Raises:
        UsageError: it is none.
    """
    given = tuple(cast("Iterable[object]", value)) if _is_list(value) else (value,)
    if not all(isinstance(each, str) for each in given):
        raise UsageError(f"{name}={_shown(value)}: give a name, or a list of names")
    return tuple(cast("Sequence[str]", given))


def pairs_of(name: str, value: object) -> tuple[tuple[str, str], ...]:
    """Names by name, or none.

    Raises:
        UsageError: it is none of these.
    """
    given = cast("Mapping[object, object]", {} if value is None else value)
    pairs = tuple(given.items()) if _is_mapping(given) else ((None, None),)
    if not all(isinstance(each, str) for pair in pairs for each in pair):
        raise UsageError(f"{name}={_shown(value)}: give a dictionary of names by name")
    return cast("tuple[tuple[str, str], ...]", pairs)


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_list(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes)


def limit_of(max_tensor_bytes: int, max_operators: int) -> Limit:
    """How large tensors and networks may be.

    Raises:
        UsageError: a number is below 1.
    """
    return Limit(
        at_least("max_tensor_bytes", max_tensor_bytes, 1),
        at_least("max_operators", max_operators, 1),
    )


def at_least(name: str, value: object, least: int) -> int:
    """A whole number that is not too small.

    Raises:
        UsageError: it is none, or too small.
    """
    number = checked(name, value, int)
    if not isinstance(number, int) or number < least:
        raise UsageError(f"{name}={_shown(value)}: give a whole number of at least {least}")
    return number


def options_of(given: Mapping[str, object], known: Iterable[str]) -> Mapping[str, object]:
    """Keywords for `CompileOptions`, held against the types of its fields.

    Raises:
        UsageError: there is no such keyword, or a value is not allowed; the message says what is.
    """
    # What belongs to the calibration has checks of its own.
    names, kinds = tuple(known), get_type_hints(CompileOptions)
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3)
            hint = f" (did you mean {' or '.join(near)}?)" if near else ""
            raise UsageError(f"there is no option '{name}'{hint}; options are {', '.join(names)}")
    return {
        name: checked(name, value, kinds[name])
        for name, value in given.items()
        if kinds.get(name, Calibration) is not Calibration
    }


def checked(name: str, value: object, kind: object) -> object:
    """A value of a type: a literal, `bool`, `int`, `float`, `str`, or one of several of these.

    Integers and truth values of numpy become Python's.

    Raises:
        UsageError: it is of none; the message says what is allowed.
    """
    found = _plain(value)
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    if any(_is(found, each) for each in kinds):
        return found
    allowed = [words for each in kinds for words in _allowed(each)]
    listed = ", ".join(allowed[:-1]) + (" or " if allowed[1:] else "") + allowed[-1]
    raise UsageError(f"{name}={_shown(value)}: give {listed}")


def _is(value: object, kind: object) -> bool:
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if kind is float:
        return type(value) in (int, float)
    return kind is type(value)


def _allowed(kind: object) -> Sequence[str]:
    if get_origin(kind) is Literal:
        return [repr(each) for each in get_args(kind)]
    words: Mapping[object, str] = {
        bool: "True or False",
        int: "a whole number",
        float: "a number",
        str: "a text",
        NoneType: "None",
    }
    return [words[kind]]


def _plain(value: object) -> object:
    is_numpy = isinstance(value, np.bool_ | np.integer | np.floating)
    return cast("np.generic", value).item() if is_numpy else value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}.."


def _kind(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}" if value is not None else "None"
