"""Task accuracy of a compiled network, beside that of the float network it came from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcucc.api.file_link import run_file
from mcucc.compiled.arrays import ArraySource, label, read_arrays
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.input_range import InputRange, input_ranges
from mcucc.compiled.samples import flatten, load_reals, load_samples, to_onnx
from mcucc.errors import InputFileError, UsageError
from mcucc.importer import ModelSource, tflite_values
from mcucc.ir.limits import DEFAULT_LIMIT, Limit
from mcucc.ops.index import TopKIndices, TopKValues
from mcucc.report.model import PortReport
from mcucc.report.summary import Summarized, Summary
from mcucc.sim.onnx_runtime import run_onnx

_CHANCE = 0.5
"""A share of right answers that wrong labels do not reach."""


@dataclass(frozen=True, repr=False)
class Evaluation(Summarized):
    """Shares of samples, 0 to 1.

    Attributes:
        samples: how many.
        int8_top1: whose largest int8 output is the label.
        float_top1: the same for the float network in ONNX Runtime; None without a model.
        agreement: for which both choose the same class; None without a model.
        input_range: how the samples lie in the range that was calibrated.
        notes: what a reader should know.
    """

    samples: int
    int8_top1: float
    float_top1: float | None
    agreement: float | None
    input_range: tuple[InputRange, ...]
    notes: tuple[str, ...]

    def summary(self) -> Summary:
        """The shares, and a row for each note."""
        facts = {
            "samples": self.samples,
            "int8_top1": self.int8_top1,
            "float_top1": self.float_top1,
            "agreement": self.agreement,
        }
        return Summary(type(self).__name__, facts, ("notes",), [(note,) for note in self.notes])


def evaluate(
    directory: Path,
    inputs: ArraySource,
    labels_source: ArraySource,
    model: ModelSource | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Evaluation:
    """Top-1 accuracy of the first output; of the indices of a TopK whose values that gives.

    Args:
        directory: as `write_compilation` left it.
        inputs: samples, as arrays, .npy or .npz.
        labels_source: an array, .npy, or .npz with an array `labels`: one class number per sample.
        model: the compiled ONNX file, for the float figures.
        limit: how large the samples may be.

    Raises:
        InputFileError: a file cannot be read or does not fit; the model is not the compiled one.
        UsageError: the labels are one-hot, or count from 1.
        OnnxRuntimeAbsentError: a model was given and ONNX Runtime is not installed.
    """
    compiled = CompiledNetwork.open(directory)
    samples = load_samples(compiled.report, inputs, limit)
    labels = _labels(labels_source, len(samples[0]), limit)
    first = _with_classes(compiled)
    if not first.is_index:  # which does not say how many classes there are
        _check_classes(label(labels_source), labels, first.bytes)
    outputs = to_onnx(compiled.report, compiled.run_host(flatten(samples)), dequantized=False)
    chosen = _top1(first, outputs[first.name])
    original = None if model is None else _float_top1(compiled, model, inputs, limit)
    return Evaluation(
        samples=len(labels),
        int8_top1=float((chosen == labels).mean()),
        float_top1=None if original is None else float((original == labels).mean()),
        agreement=None if original is None else float((original == chosen).mean()),
        input_range=input_ranges(compiled.report, inputs, limit),
        notes=_notes(labels, chosen),
    )


def _float_top1(
    compiled: CompiledNetwork, model: ModelSource, inputs: ArraySource, limit: Limit
) -> NDArray[np.int64]:
    compiled.check_model(model)
    names = tuple(port.name for port in compiled.report.outputs)
    given, file = load_reals(compiled.report, inputs, limit), tflite_values(model)
    if file is None:
        reals = run_onnx(model, given, names)
    else:
        reals = run_file(compiled.report, file, given)
    first = _with_classes(compiled)
    return _top1(first, reals[first.name])


def _with_classes(compiled: CompiledNetwork) -> PortReport:
    """The output that says the class: the first, or the indices where that is values in order."""
    ports = compiled.report.outputs
    makers = [compiled.graph.producers.get(port.tensor) for port in compiled.graph.outputs]
    first = makers[0]
    if first is None or not isinstance(first.op, TopKValues):
        return ports[0]
    found = (
        port
        for port, maker in zip(ports, makers, strict=True)
        if maker is not None and isinstance(maker.op, TopKIndices) and maker.inputs == first.inputs
    )
    return next(found, ports[0])


def _top1(port: PortReport, scores: NDArray[np.generic]) -> NDArray[np.int64]:
    """The class that an output says, or that has its largest number."""
    flat = scores.reshape(len(scores), -1)
    return (flat[:, 0] if port.is_index else flat.argmax(axis=1)).astype(np.int64)


def _labels(source: ArraySource, count: int, limit: Limit) -> NDArray[np.int64]:
    path = label(source)
    labels = read_arrays(source, ["labels"], kind="labels", limit=limit)["labels"]
    if labels.shape == (count,) and labels.dtype.kind in "iu":
        return labels.astype(np.int64)
    wrong = (
        f"must hold one class number for each of the {count} samples, "
        f"it holds {labels.dtype} {labels.shape}"
    )
    if labels.ndim == 2 and len(labels) == count and labels.shape[1] > 1:
        raise UsageError(
            f"{path}: {wrong}: a row per sample (one-hot, or probabilities) becomes class numbers "
            "by labels.argmax(axis=1)"
        )
    if labels.size == count and labels.dtype.kind in "iuf":
        wrong += ": give labels.reshape(-1).astype(int)"
    raise InputFileError(path, wrong)


def _check_classes(path: Path, labels: NDArray[np.int64], classes: int) -> None:
    """Labels that no output stands for count from 1, or are those of another network.

    Raises:
        UsageError: they count from 1.
        InputFileError: a label is below 0 or not below the number of outputs.
    """
    low, high = int(labels.min()), int(labels.max())
    held = (
        f"holds labels from {low} to {high}; the network has {classes} outputs, which are "
        f"classes 0 to {classes - 1}"
    )
    if low > 0 and high == classes:
        raise UsageError(f"{path}: {held}: do the labels count from 1? Then subtract 1")
    if low < 0 or high >= classes:
        raise InputFileError(path, held)


def _notes(labels: NDArray[np.int64], chosen: NDArray[np.int64]) -> tuple[str, ...]:
    """Labels that count from 1, but never name the last class, look right."""
    given, shifted = float((chosen == labels).mean()), float((chosen == labels - 1).mean())
    if int(labels.min()) < 1 or shifted <= max(_CHANCE, 2 * given):
        return ()
    note = (
        f"no label is 0, and with 1 subtracted from each {shifted:.2%} would be right instead of "
        f"{given:.2%}: do the labels count from 1? Then subtract 1."
    )
    return (note,)
