"""The main job on the example: from the float digits network to C, tried on the host.

`make demo` runs this. It prints the memory budget, whether all judges agree, and the accuracy of
the C code on held-out images beside that of the float network.
"""

from pathlib import Path

from rich.console import Console

from mcucc.api.compile import CompileOptions, compile_model, write_compilation
from mcucc.api.evaluate import evaluate
from mcucc.api.network import Calibration
from mcucc.api.page import write_page
from mcucc.api.verify import verify_directory
from mcucc.cli.tables import render_evaluation, render_quantization, render_verification
from mcucc.compiled.directory import CompiledNetwork
from mcucc.report.text.page import render_report

HERE = Path(__file__).parent
EXAMPLE = "examples/digits"
BOARD = "nucleo-f446re"
MODEL = HERE / "digits_float.onnx"
CALIBRATION = HERE / "calibration.npz"
IMAGES = HERE / "test_images.npz"


def main() -> None:
    """Compile, report, verify, measure accuracy, write the page."""
    console = Console(width=100, highlight=False)
    directory = Path("out") / "digits"

    by_hand = f"--calib {EXAMPLE}/{CALIBRATION.name} --board {BOARD} --name digits -o {directory}"
    _title(console, "Compile", f"mcucc compile {EXAMPLE}/{MODEL.name} {by_hand}")
    options = CompileOptions(board=BOARD, name="digits", calibration=Calibration(CALIBRATION))
    write_compilation(compile_model(MODEL, options), directory)
    compiled = CompiledNetwork.open(directory)
    console.print(render_report(compiled.report, compiled.board, width=100))
    if compiled.report.quantization is not None:
        console.print(render_quantization(compiled.report.quantization))

    by_hand = f"--model {EXAMPLE}/{MODEL.name} --input {EXAMPLE}/{IMAGES.name}"
    _title(console, "Verify", f"mcucc verify {directory} {by_hand}")
    verification = verify_directory(directory, inputs=IMAGES, model=MODEL)
    console.print(render_verification(verification))
    if not verification.ok:
        raise SystemExit("the judges disagree; this is a bug")

    images = f"{EXAMPLE}/{IMAGES.name}"
    by_hand = f"--input {images} --labels {images} --model {EXAMPLE}/{MODEL.name}"
    _title(console, "Evaluate on held-out images", f"mcucc evaluate {directory} {by_hand}")
    console.print(render_evaluation(evaluate(directory, IMAGES, IMAGES, MODEL)))

    page = directory.with_suffix(".html")
    _title(console, "The report as a page", f"mcucc report {directory} --html {page}")
    write_page(directory, page)
    console.print(f"Open it in a browser: {page.resolve()}", soft_wrap=True)


def _title(console: Console, what: str, command: str) -> None:
    """What comes next, and the command that gives the same."""
    console.print()
    console.rule(what)
    console.print(f"The same by hand: {command}", style="dim", soft_wrap=True)
    console.print()


if __name__ == "__main__":
    main()
