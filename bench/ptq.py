"""What quantizing the trained float networks costs, per technique.

    python bench/ptq.py            measure, print, and write bench/results/ptq.json

Calibration uses the first half of the calibration inputs; the figures are measured on the second
half and on the recorded inputs, none of which the quantizer has seen. SQNR compares dequantized
int8 outputs (numpy reference, which is bit for bit the C) with the float network's outputs.
Beside them stands the int8 network that Google trained or quantized, from its QDQ file.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from mcucc.importer import lower_network, read_onnx
from mcucc.ops import FloatGraph, Int8Graph
from mcucc.ops.dense import FloatDense
from mcucc.passes import FLOAT, run_passes
from mcucc.quant.ptq import PtqOptions, decibels, from_file, quantize_network
from mcucc.reference import interpreter
from mcucc.reference.fixed_point import dequantize, quantize
from mcucc.reference.float_interpreter import run_float

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "ptq.json"
MODELS = Path(os.environ.get("MCUCC_MODELS", HERE.parents[1] / "shared" / "models"))
NETWORKS = ("vww_96", "kws", "resnet8", "ad01", "te_vww")
TECHNIQUES = {
    "minmax": PtqOptions("minmax", equalize=False, correct_bias=False),
    "percentile": PtqOptions("percentile", equalize=False, correct_bias=False),
    "mse": PtqOptions("mse", equalize=False, correct_bias=False),
    "minmax + equalization": PtqOptions("minmax", equalize=True, correct_bias=False),
    "minmax + bias correction": PtqOptions("minmax", equalize=False, correct_bias=True),
    "minmax + both": PtqOptions("minmax", equalize=True, correct_bias=True),
    "mse + both (default)": PtqOptions(),
}
GOOGLE = "Google's int8 network"


@dataclass(frozen=True)
class Quality:
    """How close int8 outputs are to float ones.

    Attributes:
        sqnr_db: of the outputs.
        logits_sqnr_db: of the last dense layer's outputs.
        top1_agreement: samples for which both choose the same class.
        samples: how many.
    """

    sqnr_db: float
    logits_sqnr_db: float
    top1_agreement: int
    samples: int


def measure_network(name: str, models: Path) -> Iterator[tuple[str, Quality]]:
    """Google's network first, then each technique."""
    imported = lower_network(read_onnx(models / f"{name}_float.onnx"), name)
    graph, _ = run_passes(imported, FLOAT)
    calibration = np.load(models / f"{name}_calib.npz")["x_f32"]
    recorded = np.load(models / f"{name}_io.npz")["x_f32"]
    if name == "ad01":
        recorded = recorded[:7]  # the 8th is a synthetic anomaly
    half = len(calibration) // 2
    unseen = np.concatenate([calibration[half:], recorded])
    lowered = lower_network(read_onnx(models / f"{name}_qdq.onnx"), name)
    google = from_file(run_passes(lowered, FLOAT)[0])
    yield GOOGLE, _quality(graph, google, unseen)
    (port,) = graph.inputs
    seen = {port.tensor: _inner(calibration[:half], port.perm)}
    for technique, options in TECHNIQUES.items():
        yield technique, _quality(graph, quantize_network(graph, seen, options).graph, unseen)


def _quality(original: FloatGraph, int8: Int8Graph, x: NDArray[np.float32]) -> Quality:
    (port,) = original.inputs
    real = run_float(original, {port.tensor: _inner(x, port.perm)})
    (port,) = int8.inputs
    q = quantize(_inner(x, port.perm), int8.tensors[port.tensor].q)
    values = interpreter.run(int8, {port.tensor: q})

    def pair(float_name: str, int8_name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        approximated = dequantize(values[int8_name], int8.tensors[int8_name].q)
        expected = real[float_name].astype(np.float64)
        return expected, approximated.reshape(expected.shape).astype(np.float64)

    expected, approximated = pair(original.outputs[0].tensor, int8.outputs[0].tensor)
    logits = pair(_last_dense(original), _last_dense(int8))
    return Quality(
        round(_ratio(expected, approximated), 2),
        round(_ratio(*logits), 2),
        int((expected.argmax(axis=1) == approximated.argmax(axis=1)).sum()),
        len(x),
    )


def _last_dense(graph: FloatGraph | Int8Graph) -> str:
    kinds = (FloatDense.__name__, "FullyConnected")
    return [node.output for node in graph.nodes if type(node.op).__name__ in kinds][-1]


def _ratio(expected: NDArray[np.float64], approximated: NDArray[np.float64]) -> float:
    return decibels(float((expected**2).sum()), float(((expected - approximated) ** 2).sum()))


def _inner(x: NDArray[np.float32], perm: tuple[int, ...] | None) -> NDArray[np.float32]:
    return np.ascontiguousarray(x if perm is None else x.transpose(perm)).astype(np.float32)


def main() -> None:
    """Measure all networks, print the table, write the results."""
    console = Console()
    if not MODELS.is_dir():
        console.print(f"The trained networks are missing: {MODELS}; set MCUCC_MODELS.")
        return
    with console.status("quantizing"):
        found = {name: dict(measure_network(name, MODELS)) for name in NETWORKS}
    table = Table("technique", title="SQNR of the outputs in dB (top-1 agreement with float)")
    for name in NETWORKS:
        table.add_column(name, justify="right")
    for technique in (GOOGLE, *TECHNIQUES):
        each = (found[name][technique] for name in NETWORKS)
        table.add_row(
            technique, *(f"{q.sqnr_db:.1f} ({q.top1_agreement}/{q.samples})" for q in each)
        )
    console.print(table)
    text = json.dumps(json.loads(msgspec.json.encode(found)), indent=2)
    RESULTS.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
