"""Plans the networks of the model folder in every way and prints what each needs of memory.

    python bench/memory.py            plan, print, and write bench/results/memory.json
    python bench/memory.py --check    plan and print; fail if an arena is larger than the committed

Bytes of arena: whole tensors, the smallest plan with the image in the arena, with the image handed
over row by row, with an image that lies elsewhere (in strips that execute at most 10 % again), and
MCUNetV2's patches as `mcucc plan` models them (the image not counted).
"""

import argparse
import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from run import BOARD, HERE, MODELS

from mcucc.api.compile import CompileOptions
from mcucc.api.plan import ModelPlans, plan_model
from mcucc.schedule.compare.strategies import Strategy

RESULTS = HERE / "results" / "memory.json"
NETWORKS = (
    "te_vww_qdq",
    "vww_96_qdq",
    "kws_qdq",
    "resnet8_qdq",
    "torch/mbv2_035_144",
    "torch/mbv2_100_224",
)
COLUMNS = ("whole", "resident", "streamed", "elsewhere", "patches")


def main() -> int:
    """Plan, compare, report; the exit code says whether an arena has grown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing, fail on a larger arena"
    )
    check: bool = parser.parse_args().check
    console = Console()
    if not MODELS.is_dir():
        console.print(f"The trained networks are missing: {MODELS}; set MCUCC_MODELS.")
        return 2
    with console.status("planning"):
        found = {name: _figures(name) for name in NETWORKS}
    committed: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    table = Table("network", *COLUMNS, title="bytes of arena")
    for name, figures in found.items():
        table.add_row(name, *(f"{figures[column]:,}" for column in COLUMNS))
    console.print(table)
    grown = [
        f"{name} {column}: {figures[column]:,} instead of {committed[name][column]:,}"
        for name, figures in found.items()
        for column in COLUMNS
        if column in committed.get(name, {}) and figures[column] > committed[name][column]
    ]
    for line in grown:
        console.print(f"larger: {line}")
    if not check:
        RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 1 if check and grown else 0


def _figures(name: str) -> dict[str, int]:
    options = CompileOptions(BOARD, objective="memory")
    plans = plan_model(MODELS / f"{name}.onnx", options)
    mine = [each for each in plans.strategies if each.name.startswith("mcucc")]
    handed_over = [each for each in mine if each.arena_bytes_streamed_input]
    return {
        "whole": _named(plans, "whole, best order").arena_bytes or 0,
        "resident": min(each.arena_bytes for each in mine if each.arena_bytes),
        "streamed": min(e.arena_bytes_streamed_input or 0 for e in handed_over if e.patches == 1),
        "elsewhere": min(e.arena_bytes_streamed_input or 0 for e in handed_over),
        "patches": next(
            (e.arena_bytes_streamed_input or 0 for e in plans.strategies if e.modelled), 0
        ),
    }


def _named(plans: ModelPlans, name: str) -> Strategy:
    return next(each for each in plans.strategies if each.name == name)


if __name__ == "__main__":
    sys.exit(main())
