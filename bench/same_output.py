"""Are the generated files of two states of mcucc the same, byte for byte?

    python bench/same_output.py --save before.json      in the one state
    python bench/same_output.py --against before.json   in the other

Every model of the groups below is compiled twice: with the smallest plan for a Cortex-M4 and with
the fastest one for a Cortex-M55. A step that must not change the output proves it so; one that
changes only names or comments is held against the objects (`--objects`: disassembly and read-only
data as gcc makes them for the core).
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import Pool
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from mcucc.api.compile import Compilation, CompileOptions, compile_model
from mcucc.api.network import Calibration
from mcucc.build.process import run_child
from mcucc.errors import InputFileError, UnsupportedModelError
from mcucc.schedule.plan import Objective
from mcucc.targets.board import load_board

GROUPS = ("float", "qdq", "torch", "torch-operators", "wild")
TARGETS: tuple[tuple[str, Objective], ...] = (("mps2-an386", "memory"), ("mps3-an547", "speed"))
Digests = dict[str, dict[str, str]]


class Work(NamedTuple):
    """A model to compile for a board."""

    folder: Path
    model: str
    calibration: str | None
    board: str
    objective: Objective
    objects: bool


def main() -> int:
    """Compile, and write digests or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--save", type=Path, help="write digests to this file")
    parser.add_argument("--against", type=Path, help="compare with the digests of this file")
    parser.add_argument("--objects", action="store_true", help="compare what gcc makes of it")
    parser.add_argument("--groups", nargs="+", default=GROUPS, help="of the folder of models")
    parser.add_argument("--models", type=Path, default=os.environ.get("MCUCC_MODELS"))
    arguments = parser.parse_args()
    folder = Path(arguments.models or "../shared/models")
    work = [
        Work(folder, model, calibration, board, objective, arguments.objects)
        for model, calibration in models(folder, arguments.groups)
        for board, objective in TARGETS
    ]
    with Pool(2) as pool:
        digests: Digests = dict(pool.imap_unordered(_digest, work))
    if arguments.save:
        arguments.save.write_text(json.dumps(digests, indent=1, sort_keys=True) + "\n")
    if not arguments.against:
        return 0
    return _compare(json.loads(arguments.against.read_text()), digests)


def models(folder: Path, groups: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Files of the groups and their calibration inputs, as paths in the folder of models."""
    for entry in json.loads((folder / "manifest.json").read_text())["models"]:
        if entry["group"] in groups:
            yield entry["file"], entry.get("calib")


def _digest(work: Work) -> tuple[str, dict[str, str]]:
    path = None if work.calibration is None else work.folder / work.calibration
    calibration = Calibration(path)
    options = CompileOptions(
        work.board, name="net", objective=work.objective, calibration=calibration
    )
    if not work.objects:
        os.environ["PATH"] = ""  # without a compiler nothing is built to learn sizes
    try:
        compilation = compile_model(work.folder / work.model, options)
        made = _objects(compilation, work.board) if work.objects else _files(compilation)
    except (InputFileError, UnsupportedModelError) as error:
        made = {"refused": type(error).__name__}
    return f"{work.model} {work.board} {work.objective}", made


def _files(compilation: Compilation) -> dict[str, str]:
    files = {name: text.encode() for name, text in compilation.files.items()}
    return {name: _hash(data) for name, data in {**files, "twin": compilation.twin}.items()}


def _objects(compilation: Compilation, board: str) -> dict[str, str]:
    flags = load_board(board).core.gcc_flags
    made: dict[str, str] = {}
    with TemporaryDirectory(prefix="mcucc-same-") as work:
        for name, text in compilation.files.items():
            path = Path(work) / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        for name in ("net.c", "net_weights.c", "net_io.c"):
            command = ["arm-none-eabi-gcc", "-std=c99", "-O3", *flags, "-c", name, "-o", "net.o"]
            done = run_child(command, cwd=Path(work), timeout_s=300)
            assert done.returncode == 0, done.stderr
            shown = run_child(
                ["arm-none-eabi-objdump", "-d", "-s", "net.o"], cwd=Path(work), timeout_s=300
            )
            text = "\n".join(line for line in shown.stdout.splitlines() if ".comment" not in line)
            made[name] = _hash(text.encode())
    return made


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _compare(
    before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]
) -> int:
    changed = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
    for key in changed:
        old, new = before.get(key, {}), after.get(key, {})
        files = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
        print(f"{key}: {', '.join(files)}")
    print(f"{len(after) - len(changed)} of {len(after)} equal")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
