"""Measures the trained networks on a simulated Cortex-M4 and compares.

    python bench/run.py            measure, print, and write bench/results/cortex-m4.json
    python bench/run.py --check    measure and print; fail if a figure is worse than the committed

Figures are exact and repeatable: instructions of one inference (not cycles), bytes of arena, code,
weights and stack. They are compared with the committed results and, as ratios, with the peers'
figures in bench/peers.json.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from mcucc.measure import Measurement, measure
from mcucc.pipeline import CompileOptions, compile_model, write_compilation

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "cortex-m4.json"
MODELS = Path(os.environ.get("MCUCC_MODELS", HERE.parents[1] / "shared" / "models"))
NETWORKS = ("vww_96", "kws", "resnet8", "ad01", "te_vww")
BOARD = "mps2-an386"
CORE = "cortex-m4"
PLANS: dict[str, dict[str, Any]] = {
    "": {"schedule": "layer"},
    " memory": {"objective": "memory"},
    " streamed": {"objective": "memory", "stream_input": True},
}
"""What is appended to a network's name, and the options of the plan."""
FIGURES = ("instructions", "arena_bytes", "code_bytes", "weights_bytes", "stack_bytes")


def main() -> int:
    """Measure, compare, report; the exit code says whether something got worse."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing, fail on a worse figure"
    )
    check: bool = parser.parse_args().check
    console = Console()
    if not MODELS.is_dir():
        console.print(f"The trained networks are missing: {MODELS}; set MCUCC_MODELS.")
        return 2
    with console.status("measuring"):
        found = {
            name + plan: _measure(name, options)
            for name in NETWORKS
            for plan, options in PLANS.items()
        }
    committed = _load(RESULTS)
    _print(console, found, committed)
    worse = _worse(found, committed)
    for line in worse:
        console.print(f"worse: {line}")
    if not check:
        text = msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
        RESULTS.write_text(text + "\n", encoding="utf-8")
    return 1 if check and worse else 0


def _measure(name: str, plan: dict[str, Any]) -> Measurement:
    with tempfile.TemporaryDirectory(prefix="mcucc-bench-") as folder:
        directory = Path(folder) / name
        options = CompileOptions(BOARD, name=name, **plan)
        write_compilation(compile_model(MODELS / f"{name}_qdq.onnx", options), directory)
        return measure(directory)


def _load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _print(console: Console, found: dict[str, Measurement], committed: dict[str, Any]) -> None:
    peers = _load(HERE / "peers.json")["tflm_cmsis_nn"][CORE]
    table = Table(
        "network", title=f"{CORE}; ratios to TFLM + CMSIS-NN and to the committed figures"
    )
    for column in ("instructions", "per MAC", "/ TFLM", "/ before", "arena B", "/ TFLM", "code B"):
        table.add_column(column, justify="right")
    for name, m in found.items():
        peer = peers[name.split()[0]]
        before = committed.get(name, {}).get("instructions")
        table.add_row(
            name,
            f"{m.instructions:,}",
            f"{m.instructions_per_mac:.3f}",
            f"{m.instructions / peer['instructions']:.3f}",
            f"{m.instructions / before:.3f}" if before else "",
            f"{m.arena_bytes:,}",
            f"{m.arena_bytes / peer['arena_bytes']:.3f}",
            f"{m.code_bytes:,}" if m.code_bytes is not None else "?",
        )
    console.print(table)


def _worse(found: dict[str, Measurement], committed: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for name, m in found.items():
        for figure in FIGURES:
            was, now = committed.get(name, {}).get(figure), getattr(m, figure)
            if was is not None and now is not None and now > was:
                lines.append(f"{name} {figure}: {now:,} instead of {was:,}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
