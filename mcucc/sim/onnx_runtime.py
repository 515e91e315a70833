"""Runs an ONNX file in ONNX Runtime, for the float link of the ladder."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import SimulationError

Arrays = Mapping[str, NDArray[np.float32]]
"""Samples (N, ...) in ONNX layout by ONNX name."""


class OnnxRuntimeAbsentError(SimulationError):
    """The package `onnxruntime` is not installed."""

    def __init__(self) -> None:
        super().__init__("ONNX Runtime is not installed; `pip install 'mcucc[verify]'`")


def run_onnx(path: Path, inputs: Arrays) -> Arrays:
    """Float outputs of a file, sample by sample (files usually have a batch of 1).

    Args:
        path: of the ONNX file.
        inputs: for each input.

    Raises:
        OnnxRuntimeAbsentError: it is not installed.
        SimulationError: it does not accept the file or the inputs.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        raise OnnxRuntimeAbsentError
    import onnxruntime  # noqa: PLC0415 -- optional, and slow to import

    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        count = len(next(iter(inputs.values())))
        results = [
            session.run(None, {name: x[i : i + 1] for name, x in inputs.items()})
            for i in range(count)
        ]
    except (RuntimeError, ValueError) as error:
        raise SimulationError(f"ONNX Runtime does not run {path.name}: {error}") from error
    return {
        name: np.concatenate([np.asarray(result[i], dtype=np.float32) for result in results])
        for i, name in enumerate(names)
    }
