"""What becomes of the ONNX files that people bring: compiled, verified, held against given values.

    python bench/onnx_files.py              all files: print, write bench/results/onnx_files.json
    python bench/onnx_files.py eegnet yolo  files whose name begins so: print

Each file of `brought` is compiled for this computer, on the calibration inputs beside it or on
seeded random ones, and verified with the file itself: numpy, sanitized C and TensorFlow Lite Micro
on every tensor, and the float network against ONNX Runtime. A case of `cases` is calibrated on its
given inputs, and what the C then gives is compared with the given outputs: 25 dB or more, and no
output may be absent. A file that the committed results call verified must be so again.
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import mcucc
from mcucc.errors import grouped

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "onnx_files.json"
MODELS = Path(os.environ.get("MCUCC_MODELS", HERE.parents[1] / "shared" / "models"))
SAMPLES = 16
LEAST_DB = 25.0
BELOW = {"unary_sign.onnx"}
"""Cases with less: a value next to zero that is a step off has the other sign.

No int8 input allows 25 dB here: with everything behind it in float64, the best of 27 000 scales and
zero points around its range gives 24.0 dB. Six of 7680 signs might be wrong, each of which costs as
much as four whole values, and ten are, of sums closer to zero than the rounding of their inputs.
"""
UNLIKE = {"basic_pitch.onnx"}
"""Files that fail because of what floats are, though all judges of the bits agree.

It takes logarithms of powers that all but cancel out, of which sums of float32 in another order
than ONNX Runtime's make a hundredth more or less; its outputs then differ by 2e-4.
"""
LEFT_OUT = {"constant_output.onnx": {"anchors"}}
"""Outputs that depend on no input, by case."""
SHAPES: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "ch_ppocr_mobile_v2.0_cls_infer.onnx": {"x": (1, 3, 48, 192)},
}
"""Of inputs that a file leaves open."""

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Tried:
    """What became of a file.

    Attributes:
        file: its name.
        says: "verified", "refused", or "failed".
        why: reasons of a refusal, or failures.
        arena_bytes: of the automatic plan.
        judges: by name what each said of the bits.
        sqnr_db: by output that was compared with given values; None where all are equal.
        largest_lsb: by output that was compared, the largest difference in its own steps.
        seconds: of compiling and verifying.
    """

    file: str
    says: str
    why: tuple[str, ...] = ()
    arena_bytes: int | None = None
    judges: Mapping[str, str] | None = None
    sqnr_db: Mapping[str, float | None] | None = None
    largest_lsb: Mapping[str, float] | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Work:
    """A file to try.

    Attributes:
        path: of the model.
        beside: calibration inputs of a file of `brought`, inputs and outputs of a case.
        held: the outputs are compared with those of `beside`.
    """

    path: Path
    beside: Path | None
    held: bool


def tried(work: Work) -> Tried:
    """Compile a file, verify it with itself, and compare what it gives where that is known."""
    begin, name = time.monotonic(), work.path.name
    given = _values(work.beside if work.held else None)
    inputs = {key[3:]: values for key, values in given.items() if key.startswith("in/")}
    wanted = {key[4:]: values for key, values in given.items() if key.startswith("out/")}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        try:
            arena = _compiled(work.path, out, inputs or work.beside)
        except (mcucc.UnsupportedModelError, mcucc.InputFileError) as error:
            whole = not isinstance(error, mcucc.UnsupportedModelError)
            return Tried(
                name,
                "refused",
                (str(error).replace(str(work.path), name),) if whole else grouped(error.violations),
            )
        except mcucc.McuccError as error:
            return Tried(name, "failed", (f"{type(error).__name__}: {error}",))
        try:
            found = mcucc.verify(out, model=work.path, require="tflm")
            sqnr, lsb = _compared(out, inputs, wanted)
        except mcucc.McuccError as error:
            return Tried(name, "failed", (f"{type(error).__name__}: {error}",), arena)
    seconds = round(time.monotonic() - begin, 1)
    why = (*found.failures, *_shortfalls(name, wanted, sqnr))
    says = "failed" if why or not found.ok else "verified"
    return Tried(name, says, why, arena, found.judges, sqnr, lsb, seconds)


def _shortfalls(name: str, wanted: Arrays, sqnr: Mapping[str, float | None]) -> Iterator[str]:
    """What a case lacks."""
    absent = wanted.keys() - sqnr.keys() - LEFT_OUT.get(name, set())
    yield from (f"output '{each}' is absent" for each in sorted(absent))
    for each, found in sqnr.items():
        if found is not None and found < LEAST_DB and name not in BELOW:
            yield f"output '{each}' has {found} dB"


def _values(path: Path | None) -> Arrays:
    if path is None:
        return {}
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def _compiled(path: Path, out: Path, calibration: Arrays | Path | None) -> int:
    """On this calibration, the scales of the file, or else random inputs; gives arena bytes."""
    shapes = SHAPES.get(path.name, {})

    def compiled(calibration: Arrays | Path | None) -> int:
        made = mcucc.compile(
            path, "host", out, name="network", calibration=calibration, input_shapes=shapes
        )
        return made.report.arena_bytes

    try:
        return compiled(calibration)
    except mcucc.UsageError:
        if calibration is not None:
            raise
    except mcucc.UnsupportedModelError as refusal:
        if calibration is not None or not any("--calib" in v.hint for v in refusal.violations):
            raise
    return compiled(_random(path, shapes))


def _random(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> Arrays:
    random = np.random.default_rng(0)
    return {
        port.name: random.standard_normal(
            (SAMPLES, *(n for n in port.shape[1:] if n is not None)), dtype=np.float32
        )
        for port in mcucc.inspect(path, input_shapes=shapes).inputs
    }


def _compared(
    out: Path, inputs: Arrays, wanted: Arrays
) -> tuple[dict[str, float | None], dict[str, float]]:
    """Decibels of each output over the given values, and the largest difference in its steps."""
    if not wanted:
        return {}, {}
    with mcucc.load(out) as network:
        given = network(dict(inputs))
        scales = {port.name: port.scale for port in network.report.outputs}
    found = given if isinstance(given, Mapping) else {next(iter(wanted)): given}
    sqnr: dict[str, float | None] = {}
    lsb: dict[str, float] = {}
    for name in sorted(wanted.keys() & found.keys()):  # what depends on no input is left out
        true = wanted[name].astype(np.float64)
        error = found[name].reshape(true.shape).astype(np.float64) - true
        noise = float(np.square(error).sum())
        power = float(np.square(true).sum())
        sqnr[name] = round(10 * np.log10(power / noise), 1) if noise else None
        lsb[name] = round(float(np.abs(error).max()) / (scales.get(name) or 1.0), 2)
    return sqnr, lsb


def everything(prefixes: Sequence[str]) -> list[Tried]:
    """All files whose names begin so, on two processes."""
    found = list[Tried]()
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        for each in pool.map(tried, _work(prefixes)):
            found.append(each)
            print(line(each), flush=True)
    return found


def _work(prefixes: Sequence[str]) -> Iterator[Work]:
    for group, key in (("brought", "calibration"), ("cases", "values")):
        folder = MODELS / group
        for entry in json.loads((folder / "manifest.json").read_text()):
            held, beside = group == "cases", entry[key]
            if entry["file"].startswith(tuple(prefixes) or "") and (beside or not held):
                yield Work(folder / entry["file"], folder / beside if beside else None, held)


def line(found: Tried) -> str:
    """A file in a line, and its reasons below."""
    arena = "" if found.arena_bytes is None else f"{found.arena_bytes:,}"
    held = zip((found.sqnr_db or {}).items(), (found.largest_lsb or {}).values(), strict=True)
    notes = [f"{k} {v} dB, {lsb} LSB" for (k, v), lsb in held]
    text = f"{found.file:50} {found.says:9} {arena:>10} {found.seconds:6.1f} s  {'; '.join(notes)}"
    return "\n".join([text.rstrip(), *(f"    {reason}" for reason in found.why)])


def main() -> int:
    """Try, report; the exit code says whether anything failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("prefix", nargs="*", help="beginnings of file names")
    prefixes: Sequence[str] = parser.parse_args().prefix
    if not (MODELS / "brought").is_dir():
        print(f"The files are missing: {MODELS / 'brought'}; set MCUCC_MODELS.")
        return 2
    found = everything(prefixes)
    counts = Counter(each.says for each in found)
    print(", ".join(f"{says}: {n}" for says, n in sorted(counts.items())))
    lost = _lost(found)
    print("".join(f"verified before: {name}\n" for name in lost), end="")
    if not prefixes:
        RESULTS.write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n")
    unknown = [each for each in found if each.says == "failed" and each.file not in UNLIKE]
    return int(bool(unknown or lost))


def _lost(found: Sequence[Tried]) -> list[str]:
    """Files that the committed results call verified and that are not so any more."""
    before = {each["file"]: each["says"] for each in json.loads(RESULTS.read_text())}
    return [
        each.file
        for each in found
        if before.get(each.file) == "verified" and each.says != "verified"
    ]


if __name__ == "__main__":
    sys.exit(main())
