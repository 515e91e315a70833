"""Measures the trained networks on every simulated core and compares.

    python bench/run.py                      all cores: measure, print, write bench/results/*.json
    python bench/run.py --board mps2-an386   the cores of these boards only (may be repeated)
    python bench/run.py --check              write nothing; fail if a figure is worse than committed

Figures are exact and repeatable: instructions of one inference (not cycles), bytes of arena, code,
weights and stack. They are compared with the committed results and, as ratios, with the peers'
figures in bench/peers.json. Each core has a file of results, `bench/results/<core>.json`.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from mcucc.api.benchmark import measure_model
from mcucc.api.measure import Measurement
from mcucc.api.options import CompileOptions
from mcucc.errors import McuccError
from mcucc.targets.board import load_board

HERE = Path(__file__).parent
RESULTS = HERE / "results"
MODELS = Path(os.environ.get("MCUCC_MODELS", HERE.parents[1] / "shared" / "models"))
NETWORKS = ("vww_96", "kws", "resnet8", "ad01", "te_vww")
BOARD = "mps2-an386"
BOARDS = ("rpi-pico", "mps2-an385", BOARD, "mps2-an500", "mps2-an505", "mps3-an547")
"""One board of each core; code for the M0 has a proxy."""
PLANS: dict[str, dict[str, Any]] = {
    "": {"schedule": "layer"},
    " speed": {"objective": "speed"},
    " memory": {"objective": "memory"},
    " streamed": {"objective": "memory", "stream_input": True},
}
"""What is appended to a network's name, and the options of the plan."""
FIGURES = (
    *("instructions", "modelled_cycles", "arena_bytes"),
    *("code_bytes", "weights_bytes", "stack_bytes"),
)

COLUMNS = 110  # of the table, also where no terminal says how many there are

Found = dict[str, Measurement]


def main() -> int:
    """Measure, compare, report; the exit code says whether something got worse."""
    arguments = _arguments()
    console = Console(width=max(Console().width, COLUMNS))
    if not MODELS.is_dir():
        console.print(f"The trained networks are missing: {MODELS}; set MCUCC_MODELS.")
        return 2
    worse: list[str] = []
    for board in arguments.board or BOARDS:
        core = load_board(board).core.name
        path = RESULTS / f"{core}.json"
        committed = _load(path)
        found, failed = _measure(board, arguments.network or NETWORKS, console)
        console.print(_table(core, found, committed))
        worse += [f"{core}: {line}" for line in [*failed, *_worse(found, committed)]]
        if not arguments.check:
            _write(path, committed, found)
    for line in worse:
        console.print(f"worse: {line}")
    return 1 if arguments.check and worse else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing, fail on a worse figure"
    )
    parser.add_argument("--board", action="append", help="a board instead of one of each core")
    parser.add_argument("--network", action="append", choices=NETWORKS, help="only this one")
    return parser.parse_args()


def _measure(board: str, networks: tuple[str, ...], console: Console) -> tuple[Found, list[str]]:
    """Each network with each plan; what cannot be compiled or run is told, and the rest goes on."""
    found: Found = {}
    failed: list[str] = []
    jobs = [(name, plan) for name in networks for plan in PLANS]
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(board, total=len(jobs))
        for name, plan in jobs:
            progress.update(task, description=f"{board}: {name}{plan}")
            options = CompileOptions(board, name=name, **PLANS[plan])
            try:
                found[name + plan] = measure_model(MODELS / f"{name}_qdq.onnx", options)
            except McuccError as error:
                failed.append(f"{name}{plan}: {str(error).splitlines()[0]}")
            progress.advance(task)
    return found, failed


def _load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _write(path: Path, committed: dict[str, Any], found: Found) -> None:
    """Networks that were not measured now keep their figures."""
    whole = {**committed, **{name: msgspec.to_builtins(m) for name, m in found.items()}}
    text = msgspec.json.format(msgspec.json.encode(whole), indent=2).decode()
    path.write_text(text + "\n", encoding="utf-8")


def _table(core: str, found: Found, committed: dict[str, Any]) -> Table:
    peers: dict[str, Any] = _load(HERE / "peers.json")["tflm_cmsis_nn"].get(core, {})
    title = f"{core}; ratios to TFLM + CMSIS-NN and to the committed figures"
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("network", no_wrap=True)
    for column in (
        *("instructions", "per MAC", "/ TFLM", "/ before", "modelled"),
        *("arena B", "/ TFLM", "code B", "/ TFLM"),
    ):
        table.add_column(column, justify="right", no_wrap=True)
    for name, m in found.items():
        peer = peers.get(name.split()[0], {})
        before = committed.get(name, {})
        table.add_row(
            name,
            f"{m.instructions:,}",
            f"{m.instructions_per_mac:.3f}",
            _ratio(m.instructions, peer.get("instructions")),
            _ratio(m.instructions, before.get("instructions")),
            _number(m.modelled_cycles),
            f"{m.arena_bytes:,}",
            _ratio(m.arena_bytes, peer.get("arena_bytes")),
            _number(m.code_bytes),
            _ratio(m.code_bytes, peer.get("code_bytes")),
        )
    return table


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _ratio(value: int | None, other: int | None) -> str:
    return f"{value / other:.3f}" if value is not None and other else ""


def _worse(found: Found, committed: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for name, m in found.items():
        for figure in FIGURES:
            was, now = committed.get(name, {}).get(figure), getattr(m, figure)
            if was is not None and now is not None and now > was:
                lines.append(f"{name} {figure}: {now:,} instead of {was:,}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
