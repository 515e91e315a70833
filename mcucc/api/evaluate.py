"""Task accuracy of a compiled network, beside that of the float network it came from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcucc.compiled.arrays import read_arrays
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.samples import flatten, load_reals, load_samples, to_onnx
from mcucc.errors import InputFileError
from mcucc.ir.limits import DEFAULT_LIMIT, Limit
from mcucc.sim.onnx_runtime import run_onnx


@dataclass(frozen=True)
class Evaluation:
    """Shares of samples, 0 to 1.

    Attributes:
        samples: how many.
        int8_top1: whose largest int8 output is the label.
        float_top1: the same for the float network in ONNX Runtime; None without a model.
        agreement: for which both choose the same class; None without a model.
    """

    samples: int
    int8_top1: float
    float_top1: float | None
    agreement: float | None


def evaluate(
    directory: Path,
    input_path: Path,
    labels_path: Path,
    model: Path | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Evaluation:
    """Top-1 accuracy of the first output.

    Args:
        directory: as `write_compilation` left it.
        input_path: .npy or .npz with samples.
        labels_path: .npy, or .npz with an array `labels`: one class number per sample.
        model: the compiled ONNX file, for the float figures.
        limit: how large the samples may be.

    Raises:
        InputFileError: a file cannot be read or does not fit; the model is not the compiled one.
        OnnxRuntimeAbsentError: a model was given and ONNX Runtime is not installed.
    """
    compiled = CompiledNetwork.open(directory)
    samples = load_samples(compiled.report, input_path, limit)
    labels = _labels(labels_path, len(samples[0]), limit)
    outputs = to_onnx(compiled.report, compiled.run_host(flatten(samples)), dequantized=False)
    scores = next(iter(outputs.values()))
    _check_classes(labels_path, labels, scores[0].size)
    chosen = _top1(scores)
    int8 = float((chosen == labels).mean())
    if model is None:
        return Evaluation(len(labels), int8, None, None)
    compiled.check_model(model)
    reals = run_onnx(model, load_reals(compiled.report, input_path, limit))
    original = _top1(reals[compiled.report.outputs[0].name])
    return Evaluation(
        len(labels), int8, float((original == labels).mean()), float((original == chosen).mean())
    )


def _top1(scores: NDArray[np.generic]) -> NDArray[np.int64]:
    return scores.reshape(len(scores), -1).argmax(axis=1).astype(np.int64)


def _labels(path: Path, count: int, limit: Limit) -> NDArray[np.int64]:
    labels = read_arrays(path, ["labels"], kind="labels", limit=limit)["labels"]
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise InputFileError(
            path,
            f"must hold one class number for each of the {count} samples, "
            f"it holds {labels.dtype} {labels.shape}",
        )
    return labels.astype(np.int64)


def _check_classes(path: Path, labels: NDArray[np.int64], classes: int) -> None:
    """Labels that no output stands for show that they are those of another network.

    Raises:
        InputFileError: a label is below 0 or not below the number of outputs.
    """
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise InputFileError(
            path,
            f"holds labels from {low} to {high}; the network has {classes} outputs, which are "
            f"classes 0 to {classes - 1}",
        )
