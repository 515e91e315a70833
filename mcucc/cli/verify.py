"""`mcucc verify`."""

import sys
from pathlib import Path

import click

from mcucc.api.verify import verify_directory
from mcucc.cli import options as arguments
from mcucc.cli.options import DIRECTORY, FILE, as_json, input_file, on_target
from mcucc.cli.printing import print_json, show
from mcucc.cli.tables import render_verification
from mcucc.errors import VerificationError
from mcucc.ir.limits import Limit
from mcucc.progress import progress


@click.command()
@click.argument("directory", type=DIRECTORY)
@input_file
@on_target
@click.option("--require", multiple=True, type=click.Choice(["tflm"]), help="Absence is failure.")
@click.option("--model", type=FILE, help="The compiled file, for the link to it.")
@arguments.array
@arguments.tensor_limit
@as_json
def verify(
    directory: Path,
    input_path: Path | None,
    limit: Limit,
    target: str,
    require: tuple[str, ...],
    model: Path | None,
    array: str | None,
    *,
    as_json: bool,
) -> None:
    """Hold numpy, host C, TFLM and (with --on qemu) the Cortex-M program against each other.

    With --model also the float network: ONNX Runtime against numpy, and int8 against float. A
    quantized .tflite file is run by TFLM itself, and must give the same bits.
    """
    with progress(quiet=as_json) as stage:
        verification = verify_directory(
            directory,
            inputs=input_path,
            on_qemu=target == "qemu",
            require=require,
            model=None if model is None else arguments.model_in(model, array),
            stage=stage,
            limit=limit,
        )
    if as_json:
        print_json(verification)
    else:
        show(render_verification(verification))
    if not verification.ok:
        sys.exit(VerificationError.exit_code)
