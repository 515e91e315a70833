"""Measures networks as they come: compiled directories, and models that are compiled for it."""

import tempfile
from dataclasses import replace
from pathlib import Path

from mcucc.api.compile import compile_model, write_compilation
from mcucc.api.measure import Measurement, measure
from mcucc.api.options import CompileOptions
from mcucc.compiled.counts import CountedLayer, Counts, save_counts
from mcucc.compiled.report_file import load_report
from mcucc.importer import ModelSource, path_of
from mcucc.progress import Stage, silent
from mcucc.targets.board import load_board


def is_model(path: Path) -> bool:
    """Whether a path is taken for a model, not for a compiled directory."""
    return (
        path.suffix in (".onnx", ".tflite") or path.exists() or str(path) == "-"
    ) and not path.is_dir()


def measure_model(
    source: ModelSource, options: CompileOptions, stage: Stage = silent
) -> Measurement:
    """Compile a model into a temporary directory and measure one inference.

    Raises: as `compile_model`, `write_compilation` and `measure`.
    """
    load_board(options.board).require_simulator()
    with tempfile.TemporaryDirectory(prefix="mcucc-bench-") as folder:
        directory = Path(folder) / "network"
        calibration = replace(options.calibration, results_matter=False)
        chosen = replace(options, calibration=calibration)
        write_compilation(compile_model(source, chosen, stage), directory)
        stage(f"measuring {path_of(source).name}")
        return measure(directory)


def save_measurement(directory: Path, measured: Measurement) -> Path:
    """Keep what was counted of a compiled directory in it, for its page.

    Raises: as `load_report` and `save_counts`.
    """
    counts = Counts(
        report_sha256=load_report(directory).report_sha256,
        board=measured.board,
        instructions=measured.instructions,
        modelled_cycles=measured.modelled_cycles,
        layers=tuple(CountedLayer(x.index, x.name, x.instructions) for x in measured.layers),
    )
    return save_counts(directory, counts)
