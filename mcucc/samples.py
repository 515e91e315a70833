"""Inputs and outputs as users hold them (ONNX names, layout, floats) and as the C code does."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import InputFileError
from mcucc.ir import QParams, Shape
from mcucc.reference.fixed_point import dequantize, quantize
from mcucc.report.model import PortReport, Report

Samples = tuple[NDArray[np.int8], ...]
"""One int8 array (N, ...) in inner layout per port, in the order of the ports."""


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
    arrays = _read_arrays(path)
    found: list[NDArray[np.int8]] = []
    for port in report.inputs:
        array = _array_for(path, arrays, port, alone=len(report.inputs) == 1)
        found.append(to_inner(path, array, port))
    if len({len(array) for array in found}) != 1:
        raise InputFileError(path, "its inputs do not have the same number of samples")
    return tuple(found)


def to_inner(path: Path, array: NDArray[np.generic], port: PortReport) -> NDArray[np.int8]:
    """Samples of an input in ONNX layout, float or int8, to int8 in inner layout.

    Raises:
        InputFileError: shape or element type do not fit; `path` is named.
    """
    wanted = tuple(port.shape[1:])
    if array.ndim != len(port.shape) or array.shape[1:] != wanted or not len(array):
        raise InputFileError(
            path,
            f"input '{port.name}' must be (N, {', '.join(map(str, wanted))}), "
            f"the array is {array.shape}",
        )
    if array.dtype.kind == "f":
        quant = QParams((port.scale,), port.zero_point)
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
) -> Mapping[str, NDArray[np.int8] | NDArray[np.float32]]:
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


def _read_arrays(path: Path) -> Mapping[str, NDArray[np.generic]]:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.lib.npyio.NpzFile):
            with loaded:
                names = [str(name) for name in loaded.files]
                return {name: cast("NDArray[np.generic]", loaded[name]) for name in names}
        return {"": loaded}
    except OSError as error:
        raise InputFileError(path, f"cannot be read: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        raise InputFileError(path, f"is neither .npy nor .npz: {error}") from error


def _array_for(
    path: Path, arrays: Mapping[str, NDArray[np.generic]], port: PortReport, *, alone: bool
) -> NDArray[np.generic]:
    if port.name in arrays:
        return arrays[port.name]
    if alone and len(arrays) == 1:
        return next(iter(arrays.values()))
    raise InputFileError(
        path,
        f"holds no array named as input '{port.name}' (it holds {', '.join(sorted(arrays))})",
    )
