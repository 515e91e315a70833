"""The bytes of a model file, or one sentence that says what was given in its place."""

import difflib
import io
from dataclasses import dataclass, field
from pathlib import Path

from mcucc.errors import InputFileError, UsageError
from mcucc.importer.file.c_array import has_c_arrays, model_in_source
from mcucc.importer.file.kinds import FileKind, folder_kind, kind_of, kind_of_content


@dataclass(frozen=True)
class ModelBytes:
    """A file that lies in memory.

    Attributes:
        content: the bytes of the file; all tensors are in it (no external data).
        path: what the file would be called: names, messages and reports speak of it.
    """

    content: bytes = field(repr=False)
    path: Path = Path("model.onnx")

    @classmethod
    def named(cls, content: bytes) -> "ModelBytes":
        """Bytes from nowhere: `model.onnx`, or `model.tflite` if they are one."""
        return cls(content, Path(f"model.{'tflite' if is_tflite(content) else 'onnx'}"))


@dataclass(frozen=True)
class ModelInArray:
    """A `.tflite` model in one of the arrays of a C source.

    Attributes:
        path: of the source.
        array: name of the array.
    """

    path: Path
    array: str


ModelSource = Path | ModelBytes | ModelInArray
"""Where a model is read from."""


def path_of(source: ModelSource) -> Path:
    """The path of a model, or what stands for one."""
    return source if isinstance(source, Path) else source.path


def read_model(source: ModelSource) -> bytes:
    """The bytes of a model.

    Raises:
        UsageError, InputFileError: as `read_model_file`.
    """
    if isinstance(source, ModelInArray):
        return read_model_file(source.path, source.array)
    if isinstance(source, Path):
        return read_model_file(source)
    if has_c_arrays(source.content):
        return model_in_source(source.path, source.content, None)
    kind = kind_of_content(source.path, io.BytesIO(source.content))
    return _checked(source.path, source.content, kind)


def read_model_file(path: Path, array: str | None = None) -> bytes:
    """The bytes of a file that may well be ONNX; of a C source those of the model in it.

    Args:
        path: of the file.
        array: which array of a C source.

    Raises:
        UsageError: the path stands for a pipe or a device; there is no such array.
        InputFileError: it cannot be read, is a directory, is empty, or is a file of another kind;
            a C source holds several models and no array is named.
    """
    try:
        if path.is_dir():
            raise _refused(path, folder_kind(path), "a directory")
        if path.exists() != path.is_file() or (str(path) == "-" and not path.exists()):
            raise UsageError(
                f"{path}: a model is read from a file, not from a pipe or a device: give the path "
                "of an ONNX file"
            )
        kind = kind_of(path)
        raw = path.read_bytes()
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}"
        raise InputFileError(path, f"{problem}; {_wanted(path)}") from error
    except ValueError as error:
        raise InputFileError(path, f"cannot be read: {error}") from error
    if has_c_arrays(raw):
        return model_in_source(path, raw, array)
    if array is not None:
        raise UsageError(f"--array {array}: {path} is no C source that holds a .tflite model")
    return _checked(path, raw, kind)


def _checked(path: Path, raw: bytes, kind: FileKind | None) -> bytes:
    if not raw:
        raise InputFileError(
            path,
            "is empty (0 bytes); an ONNX or .tflite file is wanted: copy or export it again",
        )
    if kind is not None and not is_tflite(raw):
        raise _refused(path, kind, "")
    return raw


def is_tflite(raw: bytes) -> bool:
    """Whether a file is a TensorFlow Lite model, whatever its name."""
    return raw[4:8] == b"TFL3"


def beginning(raw: bytes) -> str:
    """How a file of no known kind begins, for a message."""
    return f"it has {len(raw):,} bytes and begins with {raw[:8].hex(' ')}"


def _refused(path: Path, kind: FileKind | None, otherwise: str) -> InputFileError:
    if kind is None:
        return InputFileError(path, f"is {otherwise}, and an ONNX or .tflite file is wanted")
    said = kind.what if "ONNX" in kind.what else f"{kind.what}, not an ONNX file"
    return InputFileError(path, f"is {said}: {kind.advice}")


def _wanted(path: Path) -> str:
    """What is wanted, and which files beside have nearly the name."""
    try:
        models = [p.name for p in path.parent.iterdir() if p.suffix in (".onnx", ".tflite")]
    except OSError:
        models = []
    near = difflib.get_close_matches(path.name, models, n=2, cutoff=0.7)
    return "an ONNX or .tflite file is wanted" + (f" (is it {' or '.join(near)}?)" if near else "")
