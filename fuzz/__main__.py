"""Attacks the compiler with drawn inputs.

    python -m fuzz --seeds 0..500              rounds 0 to 499 of all kinds
    python -m fuzz --seeds 0..20000 --kind onnx  these seeds of one kind (may be repeated)
    python -m fuzz --brief                     some minutes of all kinds; no results are kept
    python -m fuzz --case onnx:4711            one case, with what it prints (or the file of a case)

Seeds that the results file holds for this state of the code are passed over, so a run that was
stopped is resumed. A failure is made smaller and written to fuzz/cases; the exit code is then 1.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from fuzz.case import load_case
from fuzz.kinds import KINDS
from fuzz.ledger import Ledger
from fuzz.run import Run, Wanted

HERE = Path(__file__).parent
BRIEF: Mapping[str, int] = MappingProxyType(
    {
        "onnx": 1200,
        "tflite": 320,
        "graph": 90,
        "qemu": 24,
        "calibration": 60,
        "board": 90,
        "directory": 40,
        "kill": 226,
    }
)
"""Seeds of each kind for less than two minutes on two quiet cores."""


def main() -> int:
    """Attack; the exit code says whether anything failed."""
    # One process is one core: what computes in threads would be counted twice.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", COLUMNS="100")
    arguments = _arguments()
    if arguments.case:
        return _one_case(arguments.case)
    wanted = _wanted(arguments)
    ledger = Ledger(None if arguments.brief else arguments.results)
    run = Run(ledger, arguments.cases, arguments.jobs, arguments.seconds)
    return run.attack(wanted)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m fuzz", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--seeds", default="0..8", help="a..b: from a to b - 1")
    parser.add_argument("--kind", action="append", choices=KINDS, help="repeatable; default: all")
    parser.add_argument("--results", type=Path, default=HERE / "results.jsonl")
    parser.add_argument("--cases", type=Path, default=HERE / "cases", help="where failures go")
    parser.add_argument("--seconds", type=float, default=None, help="begin nothing after that")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--brief", action="store_true", help="some minutes; keep no results")
    parser.add_argument("--case", help="kind:seed, or a file of fuzz/cases")
    return parser.parse_args()


def _wanted(arguments: argparse.Namespace) -> list[Wanted]:
    """Which seeds of which kinds."""
    kinds: list[str] = arguments.kind or list(KINDS)
    if arguments.brief:
        return [Wanted(KINDS[name], 0, BRIEF[name]) for name in kinds]
    first, end = _range(arguments.seeds)
    if arguments.kind:
        return [Wanted(KINDS[name], first, end) for name in kinds]
    rounds = [(KINDS[name], KINDS[name].per_round) for name in kinds]
    return [Wanted(kind, first * count, end * count) for kind, count in rounds]


def _range(text: str) -> tuple[int, int]:
    first, dots, end = text.partition("..")
    if not (dots and first.isdigit() and end.isdigit() and int(first) < int(end)):
        sys.exit(f"--seeds {text}: give a range of seeds such as 0..100")
    return int(first), int(end)


def _one_case(text: str) -> int:
    """Try one case in a process of its own and show what came of it."""
    name, _, seed = text.partition(":")
    case = KINDS[name].draw(int(seed)) if seed.isdigit() else load_case(Path(text))
    print(f"mcucc {' '.join(case.arguments)}  with  {', '.join(case.files)}")
    run = Run(Ledger(None), None, 1, None)
    outcome = run.judge(case)
    print(f"{'FAILED: ' if outcome.failed else ''}{outcome.said}\n{outcome.detail}")
    return int(outcome.failed)


if __name__ == "__main__":
    sys.exit(main())
