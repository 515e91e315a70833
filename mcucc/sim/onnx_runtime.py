"""Runs an ONNX file in ONNX Runtime, as information beside the ladder of judges."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import SimulationError

if TYPE_CHECKING:
    import onnxruntime

Inputs = Mapping[str, NDArray[np.float32] | NDArray[np.int8] | NDArray[np.uint8]]
"""Samples (N, ...) in ONNX layout by ONNX name, of the type that the file declares."""

Outputs = Mapping[str, NDArray[np.float32]]
"""Likewise; integers come as floats."""


class OnnxRuntimeAbsentError(SimulationError):
    """The package `onnxruntime` is not installed."""

    def __init__(self) -> None:
        super().__init__("ONNX Runtime is not installed; `pip install 'mcucc[verify]'`")


def open_session(model: str | bytes, *, optimized: bool = True) -> "onnxruntime.InferenceSession":
    """A session that computes the same on every x86-64.

    Without VNNI the processor's int8 products saturate at 16 bits; ONNX Runtime has a slower way
    around that, which it does not take by itself.

    Args:
        model: the path of an ONNX file, or its bytes.
        optimized: whether operators may be fused.
    """
    import onnxruntime  # noqa: PLC0415 -- optional, and slow to import

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run_onnx(path: Path, inputs: Inputs) -> Outputs:
    """Outputs of a file, sample by sample (files usually have a batch of 1).

    Args:
        path: of the ONNX file.
        inputs: for each input.

    Raises:
        OnnxRuntimeAbsentError: it is not installed.
        SimulationError: it does not accept the file or the inputs.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        raise OnnxRuntimeAbsentError

    try:
        session = open_session(str(path))
        names = [output.name for output in session.get_outputs()]
        count = len(next(iter(inputs.values())))
        results = [
            session.run(None, {name: x[i : i + 1] for name, x in inputs.items()})
            for i in range(count)
        ]
    except (RuntimeError, ValueError, *_own_errors()) as error:
        raise SimulationError(f"ONNX Runtime does not run {path.name}: {error}") from error
    return {
        name: np.concatenate([np.asarray(result[i], dtype=np.float32) for result in results])
        for i, name in enumerate(names)
    }


def _own_errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises; its errors have no common base."""
    from onnxruntime.capi import onnxruntime_pybind11_state as errors  # noqa: PLC0415 -- optional

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
