"""The other files that an ONNX file keeps tensors in, and the digest over all of them."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import google.protobuf.message
import onnx

from mcucc.errors import InputFileError
from mcucc.importer.file.model_file import ModelSource, is_tflite, path_of, read_model

_SHOWN = 80
"""Characters of a name that no file can have."""


def model_digest(source: ModelSource) -> str:
    """The sha256 by which a model is known, in hexadecimal digits.

    It is that of the file's bytes, of a C source that of the model in it. If the file has tensors
    in other files (external data), it is that of some lines: the sha256 of the file, and for each
    of the others, in the order of the names that the ONNX file gives them, its sha256, a space and
    its name.

    Raises:
        InputFileError: the file, or one of its external data, cannot be read.
        UsageError: the path stands for a pipe or a device.
    """
    path, raw = path_of(source), read_model(source)
    if is_tflite(raw):
        return hashlib.sha256(raw).hexdigest()
    try:
        proto = onnx.load_model_from_string(raw)
    except google.protobuf.message.DecodeError:
        return hashlib.sha256(raw).hexdigest()
    return model_digest_of(path, raw, proto)


def model_digest_of(path: Path, raw: bytes, proto: onnx.ModelProto) -> str:
    """The same of a file that has been read and parsed."""
    own = hashlib.sha256(raw).hexdigest()
    files = external_files(path, proto)
    if not files:
        return own
    whole = hashlib.sha256(f"{own}\n".encode())
    for name, file in files.items():
        whole.update(f"{_file_digest(path, name, file)} {name}\n".encode())
    return whole.hexdigest()


def _file_digest(path: Path, name: str, file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise InputFileError(
            path, f"its external data file '{name}' cannot be read: {error.strerror}"
        ) from error


def external_files(path: Path, proto: onnx.ModelProto) -> Mapping[str, Path]:
    """The files beside a model that hold data of its tensors, by the names it gives them, sorted.

    Raises:
        InputFileError: one of them is missing, is no file, or does not lie in the model's folder.
    """
    names = {_location(path, tensor) for tensor in _tensors(proto)}
    return {name: _checked(path, name) for name in sorted(names) if name}


def demand_no_external_data(path: Path, proto: onnx.ModelProto) -> None:
    """Refuse bytes whose tensors are in other files: nothing says where these lie.

    Raises:
        InputFileError: they are; `path` is named.
    """
    names = sorted({_location(path, tensor) for tensor in _tensors(proto)} - {""})
    if names:
        raise InputFileError(
            path,
            f"keeps tensors in another file, '{names[0]}' (external data), and bytes do not say "
            "where it lies: give the path of the model, or load the data into it first, as "
            "onnx.load(path) does",
        )


def _checked(path: Path, name: str) -> Path:
    file = path.parent / name
    folder = Path(os.path.realpath(path.parent))
    if "\0" in name or not Path(os.path.realpath(file)).is_relative_to(folder):
        raise InputFileError(
            path,
            f"its external data cannot be loaded: '{name}' does not lie in the folder of the model",
        )
    try:
        exists, is_file = file.exists(), file.is_file()
    except OSError as error:  # no system has a file of such a name
        raise InputFileError(
            path,
            f"its external data cannot be loaded: the file '{name[:_SHOWN]}': {error.strerror}",
        ) from error
    if not exists:
        raise InputFileError(
            path,
            f"its external data cannot be loaded: the file '{name}' is missing: keep the data file "
            "beside the model",
        )
    if not is_file:
        raise InputFileError(path, f"its external data cannot be loaded: '{name}' is no file")
    return file


def _location(path: Path, tensor: onnx.TensorProto) -> str:
    """The file that a tensor names, empty if it names none."""
    if tensor.data_location != onnx.TensorProto.EXTERNAL:
        return ""
    name = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance] -- protobuf hands over the bytes of what is not UTF-8
        raise InputFileError(path, f"is damaged: the file name {name!r} is not UTF-8")
    return name


def _tensors(proto: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from _of_graph(proto.graph)
    for function in proto.functions:
        yield from _of_nodes(function.node)


def _of_graph(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _of_nodes(graph.node)


def _of_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors
            for graph in (attribute.g, *attribute.graphs):
                yield from _of_graph(graph)
