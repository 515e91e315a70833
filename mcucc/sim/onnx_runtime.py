"""Runs an ONNX file in ONNX Runtime: judge of float networks, information beside int8.

Its optimizer is off: it rewrites graphs into ones that compute otherwise (of two pairs of Quantize
and Dequantize in a row it drops one, rounding and clamping with it), or that it then cannot run.
"""

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import JudgeAbsentError, SimulationError
from mcucc.importer import ModelSource, path_of, with_outputs

if TYPE_CHECKING:
    import onnxruntime

REQUIREMENT = "onnxruntime>=1.19"
"""What pip installs, as in the extra `verify`."""

Inputs = Mapping[str, NDArray[np.generic]]
"""Samples (N, ...) in ONNX layout by ONNX name, of the type that the file declares."""

Outputs = Mapping[str, NDArray[np.float32]]
"""Likewise; integers come as floats."""


_SILENT = 4
"""The level at which ONNX Runtime logs fatal errors alone; the others reach us as exceptions."""

_ELEMENT_TYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
}


class OnnxRuntimeAbsentError(JudgeAbsentError):
    """ONNX Runtime is not installed, or it does not run this file."""


def open_session(model: str | bytes) -> "onnxruntime.InferenceSession":
    """A session that computes what the file says, the same on every x86-64.

    Without VNNI the processor's int8 products saturate at 16 bits; ONNX Runtime has a slower way
    around that, which it does not take by itself.

    Args:
        model: the path of an ONNX file, or its bytes.
    """
    import onnxruntime  # noqa: PLC0415 -- optional, and slow to import

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = _SILENT
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run_onnx(
    source: ModelSource,
    inputs: Inputs,
    names: Sequence[str] = (),
    handed_over: Mapping[str, str] = MappingProxyType({}),
) -> Outputs:
    """Outputs of a file, sample by sample (files usually have a batch of 1).

    Args:
        source: the ONNX file.
        inputs: for each input; float32 where the file says float16.
        names: outputs or inner values that are wanted; the outputs of the file if none.
        handed_over: for inputs that are states the output that the next sample finds there; the
            first sample finds zeros.

    Raises:
        OnnxRuntimeAbsentError: it is not installed, or it does not run the file.
        SimulationError: the inputs are not those that the file declares.
    """
    refusals, path = _own_errors(), path_of(source)
    try:
        wanted = (*names, *handed_over.values()) if names else ()
        session = open_session(with_outputs(source, wanted))
    except (RuntimeError, ValueError, *refusals) as error:
        raise _refusal(path, error) from error
    states = _zeros(session, handed_over)
    halves = {port.name for port in session.get_inputs() if port.type == "tensor(float16)"}
    inputs = {name: _half(x) if name in halves else x for name, x in inputs.items()}
    _check_feed(session, path, {**inputs, **states})
    names = names or [output.name for output in session.get_outputs()]
    count = len(next(iter(inputs.values())))
    results: list[Sequence[NDArray[np.generic]]] = []
    try:
        for i in range(count):
            feed = {name: x[i : i + 1] for name, x in inputs.items()} | states
            made = session.run([*names, *handed_over.values()], feed)
            results.append(made[: len(names)])
            states = dict(zip(handed_over, made[len(names) :], strict=True))
    except (RuntimeError, ValueError, *refusals) as error:
        raise _refusal(path, error) from error
    return {
        name: np.concatenate([np.asarray(result[i], dtype=np.float32) for result in results])
        for i, name in enumerate(names)
    }


def _half(x: NDArray[np.generic]) -> NDArray[np.generic]:
    return x.astype(np.float16)


def _zeros(
    session: "onnxruntime.InferenceSession", names: Iterable[str]
) -> dict[str, NDArray[np.generic]]:
    """What the first sample finds in inputs that are states."""
    ports = {port.name: port for port in session.get_inputs()}
    return {
        name: np.zeros(
            [size if isinstance(size, int) else 1 for size in ports[name].shape],
            _ELEMENT_TYPES.get(ports[name].type, "float32"),
        )
        for name in names
        if name in ports
    }


def _refusal(path: Path, error: Exception) -> OnnxRuntimeAbsentError:
    """What it says of a file: that it does not run it says nothing against the file."""
    said = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return OnnxRuntimeAbsentError(f"ONNX Runtime does not run {path.name}: {said}")


def _check_feed(
    session: "onnxruntime.InferenceSession",
    path: Path,
    inputs: Mapping[str, NDArray[np.generic]],
) -> None:
    """Demand what the file declares: of a wrong feed a refusal would be our fault, not its own."""
    declared = {port.name: port for port in session.get_inputs()}
    for name in sorted(declared.keys() ^ inputs.keys()):
        problem = "is not given" if name in declared else "is given and not declared"
        raise SimulationError(f"ONNX Runtime does not run {path.name}: input '{name}' {problem}")
    for name, port in declared.items():
        given = inputs[name]
        fits = len(port.shape) == given.ndim and all(
            not isinstance(wanted, int) or wanted == size
            for wanted, size in zip(port.shape[1:], given.shape[1:], strict=True)
        )
        if not fits or _ELEMENT_TYPES.get(port.type) != given.dtype.name:
            raise SimulationError(
                f"ONNX Runtime does not run {path.name}: input '{name}' is {port.type} "
                f"{port.shape}, it was given {given.dtype} {list(given.shape)}"
            )


def _own_errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises; its errors have no common base.

    Raises:
        OnnxRuntimeAbsentError: it is not installed, or cannot be loaded.
    """
    try:
        from onnxruntime.capi import onnxruntime_pybind11_state as errors  # noqa: PLC0415 -- optional
    except ImportError as error:
        if importlib.util.find_spec("onnxruntime") is None:
            hint = f"`pip install '{REQUIREMENT}'`"
            raise OnnxRuntimeAbsentError(f"ONNX Runtime is not installed; {hint}") from error
        raise OnnxRuntimeAbsentError(
            f"ONNX Runtime is installed and cannot be loaded: {error}"
        ) from error

    return (
        errors.EPFail,
        errors.EngineError,
        errors.Fail,
        errors.InvalidArgument,
        errors.InvalidGraph,
        errors.InvalidProtobuf,
        errors.ModelLoaded,
        errors.NoModel,
        errors.NoSuchFile,
        errors.NotImplemented,
        errors.RuntimeException,
    )
