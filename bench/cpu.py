"""What two states of mcucc need of the processor for the same compilations.

    git worktree add ../before 087b7be
    python bench/cpu.py ../before .            measure, print, and write bench/results/cpu.json

Each run is a process of its own that compiles one network through the command line. Only the time
that this process itself spends is counted: neither the start of Python and the imports, nor the
compiler that is called as a child. Runs of the two states alternate, so that a busy machine slows
both; the smallest time of each counts.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from mcucc.build.process import run_child

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "cpu.json"
MODELS = Path(os.environ.get("MCUCC_MODELS", HERE.parents[1] / "shared" / "models"))
BOARD = "mps2-an386"
MOST = {"te_vww_qdq": 0.70, "torch/mbv2_100_224": 0.90}
"""The largest ratio of the time after to the time before."""

CHILD = """
import sys, time
from mcucc.__main__ import main
begin = time.process_time()
try:
    main()
finally:
    print("seconds", time.process_time() - begin, file=sys.stderr)
"""


def main() -> int:
    """Measure, compare, report; the exit code says whether a ratio is too large."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("before", type=Path, help="a checkout")
    parser.add_argument("after", type=Path, help="another one")
    parser.add_argument("--runs", type=int, default=5, help="of each state and network")
    arguments = parser.parse_args()
    states = {"before": arguments.before, "after": arguments.after}
    names = {key: _commit(checkout) for key, checkout in states.items()}
    table = Table("network", *names.values(), "ratio", "at most", title="seconds")
    found: dict[str, dict[str, float]] = {}
    for network, most in MOST.items():
        times: dict[str, list[float]] = {key: [] for key in states}
        for _ in range(arguments.runs):
            for key, checkout in states.items():
                times[key].append(_seconds(checkout.resolve(), MODELS / f"{network}.onnx"))
        least = {key: min(each) for key, each in times.items()}
        ratio = least["after"] / least["before"]
        found[network] = {key: round(value, 3) for key, value in (*least.items(), ("ratio", ratio))}
        table.add_row(network, *(f"{v:.3f}" for v in found[network].values()), f"{most}")
    Console().print(table)
    document = {"before": names["before"], "runs": arguments.runs, "seconds": found}
    RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 1 if any(found[network]["ratio"] > most for network, most in MOST.items()) else 0


def _seconds(checkout: Path, model: Path) -> float:
    """CPU time of one compilation by the mcucc of a checkout."""
    with TemporaryDirectory(prefix="mcucc-cpu-") as folder:
        command = [sys.executable, "-c", CHILD, "compile", str(model), "--board", BOARD, "--json"]
        done = run_child(
            [*command, "-o", f"{folder}/out"],
            cwd=Path(folder),
            timeout_s=600,
            environment={"PYTHONPATH": str(checkout)},
        )
    return float(done.stderr.split()[-1])


def _commit(checkout: Path) -> str:
    done = run_child(["git", "rev-parse", "--short=7", "HEAD"], cwd=checkout, timeout_s=60)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
