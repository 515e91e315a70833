"""Inputs and outputs as users hold them (ONNX names, layout, floats) and as the C code does."""

import io
import math
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mcucc.compiled.array_hints import first_index
from mcucc.compiled.arrays import ArraySource, label, read_arrays
from mcucc.compiled.output import write_whole
from mcucc.errors import InputFileError, UsageError
from mcucc.ir import UNSIGNED_SHIFT, QParams, Shape
from mcucc.ir.limits import DEFAULT_LIMIT, Limit
from mcucc.reference.fixed_point import dequantize, quantize
from mcucc.reference.index import from_bytes
from mcucc.reference.preprocessing import preprocess, unprocess
from mcucc.report.model import PortReport, Report

_QUANTIZED_AT_ONCE = 1 << 20
"""Numbers."""

Samples = tuple[NDArray[np.int8], ...]
"""One int8 array (N, ...) in inner layout per port, in the order of the ports."""

ScalarT = TypeVar("ScalarT", bound=np.generic)

OnnxArray = NDArray[np.int8] | NDArray[np.uint8] | NDArray[np.int32] | NDArray[np.float32]
"""Of an output: int8, or uint8 as in the file; indices; or reals."""

OnnxArrays = Mapping[str, OnnxArray]
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


def load_samples(report: Report, source: ArraySource, limit: Limit = DEFAULT_LIMIT) -> Samples:
    """Inputs that are given as arrays, or read from an .npy or .npz file.

    The leading axis is a list of samples: (N, ...) for a model input of (1, ...). An .npz holds one
    array, or arrays named as the model's inputs; other names are ignored.

    Raises:
        InputFileError: the file cannot be read, or its arrays do not fit the inputs.
    """
    path = label(source)
    arrays = read_arrays(source, _names(report), shapes=_shapes(report), limit=limit)
    found = tuple(to_inner(path, arrays[port.name], port) for port in report.inputs)
    if len({len(array) for array in found}) != 1:
        raise InputFileError(path, "its inputs do not have the same number of samples")
    return found


def load_reals(
    report: Report, source: ArraySource, limit: Limit = DEFAULT_LIMIT
) -> Mapping[str, NDArray[np.float32]]:
    """The same inputs as float32 in ONNX layout by ONNX name, as a float network takes them.

    Raises:
        InputFileError: as `load_samples`.
    """
    path = label(source)
    arrays = read_arrays(source, _names(report), shapes=_shapes(report), limit=limit)
    found: dict[str, NDArray[np.float32]] = {}
    for port in report.inputs:
        array = arrays[port.name]
        check_shape(path, array, port.name, port.shape)
        if _is_quantized(array, port):
            found[port.name] = _reals(_as_int8(array), port)
        else:
            found[port.name] = _floats(path, array, port.name)
    return found


def _names(report: Report) -> list[str]:
    return [port.name for port in report.inputs]


def _shapes(report: Report) -> Mapping[str, Shape]:
    return {port.name: tuple(port.shape) for port in report.inputs}


def dequantize_inputs(report: Report, samples: Samples) -> Mapping[str, NDArray[np.float32]]:
    """Samples in inner layout to the reals they stand for, in ONNX layout by ONNX name.

    Of an input with preprocessing they are what the model makes those values of.
    """
    return {
        port.name: _reals(_to_onnx_layout(port, array), port)
        for port, array in zip(report.inputs, samples, strict=True)
    }


def to_inner(path: Path, array: NDArray[np.generic], port: PortReport) -> NDArray[np.int8]:
    """Samples of an input in ONNX layout, float or int8, to int8 in inner layout.

    An input that is uint8 in the file takes uint8 too.

    Raises:
        InputFileError: shape or element type do not fit, or there is a NaN; `path` is named.
    """
    check_shape(path, array, port.name, port.shape)
    if _is_quantized(array, port):
        q = _as_int8(array)
    else:
        q = _quantize(_floats(path, array, port.name), port)
    inner = q if port.perm is None else q.transpose(port.perm)
    return np.ascontiguousarray(inner)


def _quantize(values: NDArray[np.float32], port: PortReport) -> NDArray[np.int8]:
    """Floats to int8, some samples at a time: the steps between need many times their memory."""
    size = max(1, _QUANTIZED_AT_ONCE // max(1, math.prod(values.shape[1:])))
    some = (values[i : i + size] for i in range(0, len(values), size))
    parts = [quantize(preprocess(port.preprocessing, part), _quant(port)) for part in some]
    return np.concatenate(parts)


def _reals(q: NDArray[np.int8], port: PortReport) -> NDArray[np.float32]:
    """The inputs of the model that int8 values in ONNX layout stand for."""
    reals = dequantize(q, _quant(port))
    return unprocess(port.preprocessing, reals) if port.preprocessing else reals


def _is_quantized(array: NDArray[np.generic], port: PortReport) -> bool:
    """Whether samples are int8, or uint8 for an input that is uint8 in the file."""
    return array.dtype == np.int8 or (array.dtype == np.uint8 and port.dtype == "uint8")


def _as_int8(array: NDArray[np.generic]) -> NDArray[np.int8]:
    """Quantized samples; uint8 values are shifted by 128."""
    if array.dtype == np.uint8:
        return (array.astype(np.int16) - UNSIGNED_SHIFT).astype(np.int8)
    return array.astype(np.int8)


def _quant(port: PortReport) -> QParams:
    return QParams((port.scale,), port.zero_point)


def _floats(path: Path, array: NDArray[np.generic], name: str) -> NDArray[np.float32]:
    """Floats of any width as float32; what is beyond its range becomes infinite, and saturates."""
    if array.dtype.kind != "f":
        raise InputFileError(
            path,
            f"input '{name}' must be floats (of any width) or int8, the array is {array.dtype}: "
            "give floats prepared as in training, such as x.astype('float32') / 255",
        )
    bad = np.isnan(array)
    if bad.any():
        raise InputFileError(path, f"input '{name}' holds NaN in {first_index(bad)}: mend the data")
    with np.errstate(over="ignore"):
        return array.astype(np.float32, copy=False)


def check_shape(path: Path, array: NDArray[np.generic], name: str, shape: Shape) -> None:
    """Demand (N, ...) for an input of (1, ...).

    Raises:
        InputFileError: the shape is another, or N is 0; `path` is named.
    """
    if array.ndim != len(shape) or array.shape[1:] != tuple(shape[1:]):
        wanted = f"({', '.join(map(str, ('N', *shape[1:])))}{',' if len(shape) == 1 else ''})"
        raise InputFileError(
            path,
            f"input '{name}' must be {wanted}, the array is {array.shape}"
            f"{_shape_hint(array.shape, tuple(shape[1:]))}",
        )
    if not len(array):
        raise InputFileError(path, f"input '{name}' holds no samples: N must be 1 or more")


def _shape_hint(found: Shape, wanted: Shape) -> str:
    """What to do with an array whose axes lie otherwise, or of which one is missing.

    Args:
        found: shape of the array.
        wanted: shape of a sample in ONNX layout, without the leading axis.
    """
    rank = len(wanted)
    if found == wanted:
        return "; the axis of samples is missing: x[None]"
    last_to_first = (rank - 1, *range(rank - 1))
    first_to_last = (*range(1, rank), 0)
    for order, layout in ((last_to_first, "NHWC"), (first_to_last, "NCHW")):
        named = f"looks like {layout}: " if rank == 3 else ""
        if len(found) == rank + 1 and tuple(found[1 + axis] for axis in order) == wanted:
            axes = ", ".join(str(axis) for axis in (0, *(1 + axis for axis in order)))
            return f"; {named}transpose it to the ONNX layout, x.transpose({axes})"
        if len(found) == rank and tuple(found[axis] for axis in order) == wanted:
            axes = ", ".join(map(str, order))
            named = named.replace("N", "", 1) if named else ""
            return (
                f"; {named}transpose it to the ONNX layout and add the axis of samples, "
                f"x.transpose({axes})[None]"
            )
    if tuple(e for e in found[1:] if e != 1) == tuple(e for e in wanted if e != 1):
        return f"; an axis of 1 is elsewhere: x.reshape({', '.join(map(str, (-1, *wanted)))})"
    return _size_hint(found, wanted)


def _size_hint(found: Shape, wanted: Shape) -> str:
    """What to do with an array whose samples have another number of axes."""
    size, shape = math.prod(wanted), ", ".join(map(str, (-1, *wanted)))
    if len(found) == 1 and size > 1 and found[0] % size:
        return "; one number each, as labels have it: give the samples that belong to them"
    if size in (math.prod(found), math.prod(found[1:])):
        return f"; if its numbers lie in that order, x.reshape({shape})"
    return ""


def to_onnx(
    report: Report, outputs: Sequence[NDArray[np.int8]], *, dequantized: bool
) -> OnnxArrays:
    """Outputs (N, bytes) to arrays in ONNX layout by ONNX name, stacked along the first axis.

    An output that is uint8 in the file stays uint8; indices are int32 in any case.
    """
    found: dict[str, OnnxArray] = {}
    for port, flat in zip(report.outputs, outputs, strict=True):
        if port.is_index:
            found[port.name] = _to_onnx_layout(port, from_bytes(flat))
            continue
        q = _to_onnx_layout(port, flat)
        raw = (q.astype(np.int16) + UNSIGNED_SHIFT).astype(np.uint8)
        own = raw if port.dtype == "uint8" else q
        found[port.name] = dequantize(q, _quant(port)) if dequantized else own
    return found


def _to_onnx_layout(port: PortReport, values: NDArray[ScalarT]) -> NDArray[ScalarT]:
    """Values (N, ...) of a port, in inner layout and any grouping of its axes."""
    inner_shape = port.shape if port.perm is None else tuple(port.shape[a] for a in port.perm)
    inner = values.reshape(len(values), *inner_shape[1:])
    back = None if port.perm is None else tuple(int(a) for a in np.argsort(port.perm))
    return np.ascontiguousarray(inner if back is None else inner.transpose(back))


def flatten(samples: Samples) -> NDArray[np.int8]:
    """All inputs of a sample side by side: (N, bytes), as the harness takes them."""
    return np.concatenate([array.reshape(len(array), -1) for array in samples], axis=1)


def check_npz(path: Path) -> None:
    """Demand the suffix .npz of a file that is to be written; devices and pipes may have any.

    Raises:
        UsageError: it has another.
    """
    is_device = path.exists() and not path.is_file() and not path.is_dir()
    if path.suffix != ".npz" and not is_device:
        raise UsageError(f"{path}: outputs are written as .npz: name the file so")


def save_npz(path: Path, arrays: OnnxArrays) -> None:
    """Write an .npz whose bytes depend on the arrays alone (numpy's own carries the time).

    Raises:
        UsageError: the file is not named .npz, or it cannot be written; an earlier file of that
            name is as it was.
    """
    check_npz(path)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, array in arrays.items():
            info = zipfile.ZipInfo(f"{name}.npy")
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    try:
        write_whole(path, content.getvalue())
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
