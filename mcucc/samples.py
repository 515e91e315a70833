"""Inputs and outputs as users hold them (ONNX names, layout, floats) and as the C code does."""

import io
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import InputFileError, UsageError
from mcucc.ir import QParams, Shape
from mcucc.reference.fixed_point import dequantize, quantize
from mcucc.report.model import PortReport, Report

_UNREADABLE = (
    EOFError,
    MemoryError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy and zipfile raise on damaged files."""

Samples = tuple[NDArray[np.int8], ...]
"""One int8 array (N, ...) in inner layout per port, in the order of the ports."""

OnnxArrays = Mapping[str, NDArray[np.int8] | NDArray[np.float32]]
"""Arrays (N, ...) in ONNX layout by ONNX name."""


def random_samples(shapes: Sequence[Shape], count: int, seed: int = 0) -> Samples:
    """Uniform int8 inputs, the same for the same seed.

    Args:
        shapes: of the inputs in inner layout, batch 1.
        count: how many samples.
        seed: of numpy's default generator.
    """
    random = np.random.default_rng(seed)
    return tuple(random.integers(-128, 128, (count, *shape[1:]), dtype=np.int8) for shape in shapes)


def load_samples(report: Report, path: Path) -> Samples:
    """Read inputs from an .npy or .npz file.

    The leading axis is a list of samples: (N, ...) for a model input of (1, ...). An .npz holds one
    array, or arrays named as the model's inputs; other names are ignored.

    Raises:
        InputFileError: the file cannot be read, or its arrays do not fit the inputs.
    """
    arrays = _read_arrays(path, [port.name for port in report.inputs])
    found = tuple(to_inner(path, arrays[port.name], port) for port in report.inputs)
    if len({len(array) for array in found}) != 1:
        raise InputFileError(path, "its inputs do not have the same number of samples")
    return found


def to_inner(path: Path, array: NDArray[np.generic], port: PortReport) -> NDArray[np.int8]:
    """Samples of an input in ONNX layout, float or int8, to int8 in inner layout.

    Raises:
        InputFileError: shape or element type do not fit; `path` is named.
    """
    wanted = tuple(port.shape[1:])
    if array.ndim != len(port.shape) or array.shape[1:] != wanted:
        raise InputFileError(
            path,
            f"input '{port.name}' must be (N, {', '.join(map(str, wanted))}), "
            f"the array is {array.shape}",
        )
    if not len(array):
        raise InputFileError(path, f"input '{port.name}' holds no samples: N must be 1 or more")
    if array.dtype.kind == "f":
        quant = QParams((port.scale,), port.zero_point)
        with np.errstate(over="ignore"):  # beyond float32 is beyond int8 too: infinity saturates
            q = quantize(array.astype(np.float32), quant)
    elif array.dtype == np.int8:
        q = array.astype(np.int8)
    else:
        raise InputFileError(
            path, f"input '{port.name}' must be float32 or int8, the array is {array.dtype}"
        )
    inner = q if port.perm is None else q.transpose(port.perm)
    return np.ascontiguousarray(inner)


def to_onnx(
    report: Report, outputs: Sequence[NDArray[np.int8]], *, dequantized: bool
) -> OnnxArrays:
    """Outputs (N, bytes) to arrays in ONNX layout by ONNX name, stacked along the first axis."""
    found: dict[str, NDArray[np.int8] | NDArray[np.float32]] = {}
    for port, flat in zip(report.outputs, outputs, strict=True):
        inner_shape = port.shape if port.perm is None else tuple(port.shape[a] for a in port.perm)
        inner = flat.reshape(len(flat), *inner_shape[1:])
        back = None if port.perm is None else tuple(int(a) for a in np.argsort(port.perm))
        q = np.ascontiguousarray(inner if back is None else inner.transpose(back))
        quant = QParams((port.scale,), port.zero_point)
        found[port.name] = dequantize(q, quant) if dequantized else q
    return found


def flatten(samples: Samples) -> NDArray[np.int8]:
    """All inputs of a sample side by side: (N, bytes), as the harness takes them."""
    return np.concatenate([array.reshape(len(array), -1) for array in samples], axis=1)


def save_npz(path: Path, arrays: OnnxArrays) -> None:
    """Write an .npz whose bytes depend on the arrays alone (numpy's own carries the time).

    Raises:
        UsageError: it cannot be written; an earlier file of that name is as it was.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, array in arrays.items():
            info = zipfile.ZipInfo(f"{name}.npy")
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    try:
        _write_whole(path, content.getvalue())
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file at once; a device or a pipe is written to directly."""
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _read_arrays(path: Path, names: Sequence[str]) -> Mapping[str, NDArray[np.generic]]:
    """The arrays of these names; an array that is alone may stand for a name that is alone."""
    try:
        with path.open("rb") as file:
            return _arrays_of(path, np.load(file, allow_pickle=False), names)
    except OSError as error:
        raise InputFileError(path, f"cannot be read: {error.strerror or error}") from error
    except _UNREADABLE as error:
        raise InputFileError(
            path, "is damaged, or is no .npy or .npz file of plain numbers (pickles are not read)"
        ) from error


def _arrays_of(
    path: Path, loaded: NDArray[np.generic] | np.lib.npyio.NpzFile, names: Sequence[str]
) -> Mapping[str, NDArray[np.generic]]:
    if not isinstance(loaded, np.lib.npyio.NpzFile):
        _pick(path, names, ["one array without a name"])
        return {names[0]: loaded}
    with loaded:
        keys = _pick(path, names, loaded.files)
        # What is no .npy inside comes as bytes.
        return {
            name: np.asarray(cast("object", loaded[key]))
            for name, key in zip(names, keys, strict=True)
        }


def _pick(path: Path, names: Sequence[str], found: Sequence[str]) -> Sequence[str]:
    """Which of the arrays that were found to take for each name."""
    if len(names) == len(found) == 1:
        return found
    for name in names:
        if name not in found:
            held = ", ".join(sorted(found)) or "nothing"
            raise InputFileError(path, f"holds no array named as input '{name}' (it holds {held})")
    return names
