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
@click.option("--model", type=FILE, help="The compiled file, for its own accuracy.")
@arguments.array
@arguments.tensor_limit
@as_json
def evaluate(
    directory: Path,
    input_path: Path,
    labels_path: Path,
    model: Path | None,
    array: str | None,
    limit: Limit,
    *,
    as_json: bool,
) -> None:
    """Measure top-1 accuracy of the int8 C code, and with --model that of the float network."""
    with progress(quiet=as_json) as stage:
        stage("evaluating")
        source = None if model is None else arguments.model_in(model, array)
        result = evaluate_directory(directory, input_path, labels_path, source, limit)
    if as_json:
        print_json(result)
    else:
        show(render_evaluation(result))
