"""Public `.tflite` networks on simulated cores: every tensor against numpy, host C and TFLM.

    python bench/tflite_boards.py               all: print, write bench/results/tflite_boards.json
    python bench/tflite_boards.py mps2-an386    on this board only: print

Of the int8 files that mcucc takes, in the order of their names, those are run whose network has at
most so many multiply-accumulates that a simulator runs it in seconds: twenty on a Cortex-M4, ten on
a Cortex-M55 and ten on a Cortex-M0+, evenly spread over all.
"""

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from mcucc.api.compile import CompileOptions, compile_model, write_compilation
from mcucc.api.verify import verify_directory
from mcucc.errors import McuccError
from mcucc.importer import lower_network, read_network
from mcucc.passes import FLOAT, run_passes
from mcucc.quant.scheme import uncalibrated

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "tflite_boards.json"
MODELS = Path(os.environ.get("MCUCC_MODELS", HERE.parents[1] / "shared" / "models"))
COUNTS = {"mps2-an386": 20, "mps3-an547": 10, "rpi-pico": 10}
"""How many files a board runs."""
MOST_MACS = 20_000_000


@dataclass(frozen=True)
class Ran:
    """A file on a board: what each judge says, and how many tensors it was asked for."""

    file: str
    board: str
    judges: dict[str, str]
    compared: dict[str, int]
    why: str = ""


def candidates() -> list[Path]:
    """Files that need no calibration and are not too large."""
    found: list[Path] = []
    for path in sorted((MODELS / "tflite").glob("*.tflite")):
        try:
            graph = run_passes(lower_network(read_network(path), "net"), FLOAT)[0]
        except McuccError:
            continue
        macs = sum(n.op.macs(graph.input_types(n), graph.tensors[n.output]) for n in graph.nodes)
        if not uncalibrated(graph) and macs <= MOST_MACS:
            found.append(path)
    return found


def ran(path: Path, board: str) -> Ran:
    """Compile a file for a board, and hold all judges against each other."""
    try:
        with tempfile.TemporaryDirectory(prefix="mcucc-boards-") as folder:
            write_compilation(compile_model(path, CompileOptions(board)), Path(folder))
            said = verify_directory(Path(folder), on_qemu=True, model=path)
    except McuccError as error:
        return Ran(path.name, board, {}, {}, str(error).splitlines()[0])
    why = "; ".join((*said.failures, *said.messages))
    return Ran(path.name, board, dict(said.judges), dict(said.compared), why)


def main(arguments: list[str] | None = None) -> int:
    """Run, print, and write the results if all boards were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("boards", nargs="*", choices=[[], *COUNTS])
    boards = parser.parse_args(arguments).boards
    paths, found = candidates(), list[Ran]()
    for board in boards or COUNTS:
        step = max(1, len(paths) // COUNTS[board])
        for path in paths[::step][: COUNTS[board]]:
            found.append(ran(path, board))
            print(board, path.name, found[-1].judges or found[-1].why, flush=True)
    wrong = [each for each in found if set(each.judges.values()) != {"equal"}]
    if not boards:
        rows = [asdict(each) for each in found]
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
