"""The main job on the example: compile the digits network for a board and try it on the host.

`make demo` runs this. It prints the memory budget, whether all judges agree, and the accuracy on
held-out images beside that of the float network.
"""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from rich.console import Console

from mcucc.compiled import CompiledNetwork
from mcucc.pipeline import CompileOptions, compile_model, write_compilation
from mcucc.report.text import render_report
from mcucc.samples import flatten, load_samples, to_onnx
from mcucc.verify import verify_directory

HERE = Path(__file__).parent
BOARD = "nucleo-f446re"
IMAGES = HERE / "test_images.npz"


def main() -> None:
    """Compile, report, verify, measure accuracy."""
    console = Console(width=100)
    directory = Path("out") / "digits"

    console.rule(f"mcucc compile examples/digits/digits_int8.onnx --board {BOARD} -o {directory}")
    options = CompileOptions(board=BOARD, name="digits")
    write_compilation(compile_model(HERE / "digits_int8.onnx", options), directory)
    compiled = CompiledNetwork.open(directory)
    console.print(render_report(compiled.report, compiled.board, width=100))

    console.rule(f"mcucc verify {directory}")
    verification = verify_directory(directory)
    for judge, says in verification.judges.items():
        console.print(f"  {judge:6} {says}")
    if not verification.ok:
        raise SystemExit("the judges disagree; this is a bug")

    console.rule(f"mcucc run {directory} --input examples/digits/test_images.npz")
    labels = np.load(IMAGES)["labels"]
    int8 = _accuracy(_int8_logits(compiled), labels)
    real = _accuracy(_float_logits(), labels)
    console.print(f"  {len(labels)} held-out images of handwritten digits")
    console.print(f"  int8 C code    {int8:.2%} right")
    console.print(f"  float network  {real:.2%} right")


def _int8_logits(compiled: CompiledNetwork) -> NDArray[np.generic]:
    samples = load_samples(compiled.report, IMAGES)
    outputs = compiled.run_host(flatten(samples))
    return next(iter(to_onnx(compiled.report, outputs, dequantized=False).values()))


def _float_logits() -> NDArray[np.generic]:
    session = onnxruntime.InferenceSession(
        str(HERE / "digits_float.onnx"), providers=["CPUExecutionProvider"]
    )
    images = np.load(IMAGES)["image"]
    return np.concatenate([np.asarray(session.run(None, {"image": x[None]})[0]) for x in images])


def _accuracy(logits: NDArray[np.generic], labels: NDArray[np.generic]) -> float:
    return float((logits.argmax(axis=1) == labels).mean())


if __name__ == "__main__":
    main()
