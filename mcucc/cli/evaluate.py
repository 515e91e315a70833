"""`mcucc evaluate`."""

from pathlib import Path

import click

from mcucc.api.evaluate import evaluate as evaluate_directory
from mcucc.cli import options as arguments
from mcucc.cli.options import DIRECTORY, FILE, as_json
from mcucc.cli.printing import print_json, show
from mcucc.cli.tables import render_evaluation
from mcucc.ir.limits import Limit
from mcucc.progress import progress


@click.command()
@click.argument("directory", type=DIRECTORY)
@click.option("--input", "input_path", type=FILE, required=True, help="Samples, .npy or .npz.")
@click.option("--labels", "labels_path", type=FILE, required=True, help="Class numbers.")
@click.option("--model", type=FILE, help="The compiled ONNX file, for the float accuracy.")
@arguments.tensor_limit
@as_json
def evaluate(
    directory: Path,
    input_path: Path,
    labels_path: Path,
    model: Path | None,
    limit: Limit,
    *,
    as_json: bool,
) -> None:
    """Measure top-1 accuracy of the int8 C code, and with --model that of the float network."""
    with progress(quiet=as_json) as stage:
        stage("evaluating")
        result = evaluate_directory(directory, input_path, labels_path, model, limit)
    if as_json:
        print_json(result)
    else:
        show(render_evaluation(result))
