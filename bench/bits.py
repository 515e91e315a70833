"""Holds every model of the groups float, qdq and torch on every core against the host.

    python bench/bits.py                     all cores: run, print, write bench/results/bits.json
    python bench/bits.py --board mps2-an386  the cores of these boards only (may be repeated)
    python bench/bits.py --model kws         models whose file name begins so (may be repeated)

Each model is compiled for the core with `--objective speed`, and a few random samples must give the
same bits in host C, of the same files, and on the simulated core. Too slow for every change: the
tests hold all models on the Cortex-M4, tensor by tensor, and some on the other cores.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from run import BOARDS, MODELS, RESULTS

from mcucc.api.compile import compile_model, write_compilation
from mcucc.api.network import Calibration
from mcucc.api.options import CompileOptions
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.samples import flatten, random_samples
from mcucc.errors import McuccError
from mcucc.targets.board import Board, Region, load_board

GROUPS = ("float", "qdq", "torch")
SAMPLES = 2
ROOM = {
    "rpi-pico": load_board("mps2-an385").regions,
    "mps3-an547": (
        *load_board("mps3-an547").regions,
        Region("ddr", "flash", 0x7000_0000, 16 << 20),
    ),
}
"""Memory of the simulated machines for networks that are too large for the boards."""


def main() -> int:
    """Run, report; the exit code says whether anything differs."""
    arguments = _arguments()
    console = Console()
    if not MODELS.is_dir():
        console.print(f"The trained networks are missing: {MODELS}; set MCUCC_MODELS.")
        return 2
    found: dict[str, dict[str, str]] = {}
    for file in _models(arguments.model):
        found[file] = {}
        for board in arguments.board or BOARDS:
            found[file][load_board(board).core.name] = said = _compare(file, board)
            console.print(f"{file:45} {board:12} {said}")
    if not arguments.board and not arguments.model:
        RESULTS.joinpath("bits.json").write_text(json.dumps(found, indent=1) + "\n")
    return int(any(said != "equal" for row in found.values() for said in row.values()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Equal bits of every model on every core.")
    parser.add_argument("--board", action="append", choices=BOARDS, help="repeatable")
    parser.add_argument("--model", action="append", default=[], help="repeatable")
    return parser.parse_args()


def _models(wanted: list[str]) -> list[str]:
    manifest = json.loads((MODELS / "manifest.json").read_text())
    files = [entry["file"] for entry in manifest["models"] if entry["group"] in GROUPS]
    return [f for f in files if not wanted or Path(f).name.startswith(tuple(wanted))]


def _compare(file: str, board: str) -> str:
    """What a model gives on a board: "equal", or what is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            network = _compile(MODELS / file, board, Path(folder))
            return _run(network, load_board(board))
        except McuccError as error:
            return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _compile(path: Path, board: str, folder: Path) -> CompiledNetwork:
    """For the core of a board; a larger network for one with the same core and more memory."""
    options = CompileOptions(board, objective="speed", calibration=Calibration(None))
    compilation = compile_model(path, options)
    if not compilation.report.fits:
        own = folder / "roomy.toml"
        own.write_text(_board_file(replace(load_board(board), regions=ROOM[board])))
        compilation = compile_model(path, replace(options, board=str(own)))
    write_compilation(compilation, folder / "net")
    return CompiledNetwork.open(folder / "net")


def _board_file(board: Board) -> str:
    lines = [f"{key} = {json.dumps(value)}" for key, value in _facts(board).items()]
    for region in board.regions:
        lines += ["[[memory]]", f'name = "{region.name}"', f'kind = "{region.kind}"']
        lines += [f"origin = {region.origin}", f"size = {region.size}"]
    simulator = board.require_simulator()
    proxy = str(simulator.proxy).lower()
    lines += ["[qemu]", f'machine = "{simulator.machine}"', f"proxy = {proxy}"]
    return "\n".join(lines) + "\n"


def _facts(board: Board) -> dict[str, str | int | None]:
    return {
        "name": board.name,
        "vendor": board.vendor,
        "core": board.core.name,
        "clock_hz": board.clock_hz,
        "source": "All memory of the simulated machine.",
    }


def _run(network: CompiledNetwork, board: Board) -> str:
    graph = network.graph
    drawn = random_samples([graph.tensors[port.tensor].shape for port in graph.inputs], SAMPLES)
    samples = flatten(drawn)
    host = network.run_host(samples)
    core = network.count_qemu(samples).outputs
    equal = all(np.array_equal(ours, theirs) for ours, theirs in zip(host, core, strict=True))
    machine = board.require_simulator().machine
    return "equal" if equal else f"the outputs on {machine} differ from the host's"


if __name__ == "__main__":
    sys.exit(main())
