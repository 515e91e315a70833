"""What public int8 `.tflite` networks gain over TensorFlow Lite Micro.

    python bench/tflite_gains.py               all files: print, write results/tflite_gains.json
    python bench/tflite_gains.py tiny_ micro_  files whose name begins so: print

Each file that mcucc takes and that needs no calibration is compared by `mcucc compare` for a
Cortex-M4 with memory for every plan: TFLM's activations and variables, mcucc's arena in each plan,
flash, instructions, and whether the bits are equal.
"""

import argparse
import json
import os
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from mcucc.api.compare import Comparison, compare_model
from mcucc.api.compile import CompileOptions
from mcucc.errors import McuccError
from mcucc.importer import lower_network, read_network
from mcucc.passes import FLOAT, run_passes
from mcucc.quant.scheme import uncalibrated

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "tflite_gains.json"
MODELS = Path(os.environ.get("MCUCC_MODELS", HERE.parents[1] / "shared" / "models"))
BOARD = "mps2-an386"


def comparisons(paths: list[Path]) -> Iterator[Comparison]:
    """One after the other, as far as mcucc takes them as they are."""
    for path in paths:
        try:
            if uncalibrated(run_passes(lower_network(read_network(path), "net"), FLOAT)[0]):
                continue
            found = compare_model(path, CompileOptions(BOARD))
        except McuccError as error:
            print(f"{path.name:60} {type(error).__name__}: {str(error).splitlines()[0][:80]}")
            continue
        print(line(found), flush=True)
        yield found


def line(found: Comparison) -> str:
    """A network in a line."""
    held = found.tflm_activation_bytes
    plans = " ".join(f"{plan.name} {plan.arena_bytes:,}" for plan in found.plans)
    count = next((p.instructions for p in found.plans if p.name == "auto"), None)
    counted = "-" if count is None else f"{count:,}"
    return (
        f"{found.model:60} TFLM {held if held is None else f'{held:,}'} "
        f"+ {found.tflm_variable_bytes:,}  {plans}  {counted} instructions  "
        f"bits {found.bits_equal}"
    )


def row_of(found: Comparison) -> dict[str, object]:
    """What is written of a network: bytes, and instructions of the automatic plan."""
    arenas = {plan.name: plan.arena_bytes for plan in found.plans}
    return {
        "model": found.model,
        "tflm_activations": found.tflm_activation_bytes,
        "tflm_variables": found.tflm_variable_bytes,
        **arenas,
        "instructions": next((p.instructions for p in found.plans if p.name == "auto"), None),
        "bits_equal": found.bits_equal,
    }


def ratios(found: list[Comparison], plan: str) -> list[float]:
    """Arena less state by TFLM's activations, of the networks that TFLM runs."""
    return [
        (p.arena_bytes - p.state_bytes) / each.tflm_activation_bytes
        for each in found
        for p in each.plans
        if p.name == plan and each.tflm_activation_bytes
    ]


def main(arguments: list[str] | None = None) -> int:
    """Compare, print, and write the results if all files were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prefixes", nargs="*")
    prefixes = parser.parse_args(arguments).prefixes
    paths = sorted((MODELS / "tflite").glob("*.tflite"))
    if prefixes:
        paths = [path for path in paths if path.name.startswith(tuple(prefixes))]
    found = list(comparisons(paths))
    for plan in ("fastest", "auto", "smallest", "streamed"):
        each = ratios(found, plan)
        if each:
            print(
                f"{plan:9} median {statistics.median(each):.2f} of TFLM's activations, "
                f"most {max(each):.2f}, {len(each)} networks"
            )
    if not prefixes:
        rows = [row_of(each) for each in found]
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0 if all(each.bits_equal for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
