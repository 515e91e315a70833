"""What TensorFlow Lite Micro allocates for a file, as its own recording says it.

The interpreter runs in a child process, because it aborts on models that it does not like, and it
prints its recording with C's stderr. As `python -m mcucc.sim.tflm_memory FILE ARENA` this module is
that child.
"""

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import mcucc
from mcucc.errors import SimulationError
from mcucc.sim.tflm import TflmAbsentError, tflm_available
from mcucc.twin import read_tensors

_TIMEOUT_S = 120.0
_ROOM_BYTES = 1 << 22
"""Of an arena, beside the tensors."""
_LINE = re.compile(r"Arena allocation (?P<part>total|head|tail) (?P<bytes>\d+) bytes")


@dataclass(frozen=True)
class TflmMemory:
    """Bytes of the arena of TensorFlow Lite Micro.

    Attributes:
        activation_bytes: that hold activations and what kernels work in; the same on every machine
            but for alignment.
        total_bytes: all of it, records and kernels' data included. Those have pointers: on x86-64
            they take more than on a board.
    """

    activation_bytes: int
    total_bytes: int


def tflm_memory(raw: bytes) -> TflmMemory:
    """What the interpreter allocates for a `.tflite` file.

    Raises:
        TflmAbsentError: it is not installed.
        SimulationError: it crashed, hung or refused the file.
    """
    if not tflm_available():
        raise TflmAbsentError
    arena = sum(tensor.nbytes for tensor in read_tensors(raw)) + _ROOM_BYTES
    with tempfile.TemporaryDirectory(prefix="mcucc-tflm-") as folder:
        path = Path(folder) / "network.tflite"
        path.write_bytes(raw)
        said = _child_says(path, arena)
    found = {match["part"]: int(match["bytes"]) for match in _LINE.finditer(said)}
    if "head" not in found or "total" not in found:
        first = next(iter(said.strip().splitlines()), "it says nothing")
        raise SimulationError(f"TFLM does not run the file: {first}")
    return TflmMemory(found["head"], found["total"])


def _child_says(path: Path, arena: int) -> str:
    root = str(Path(mcucc.__file__).parent.parent)
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "mcucc.sim.tflm_memory", str(path), str(arena)],
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SimulationError(f"TFLM did not finish within {_TIMEOUT_S:g} seconds") from error
    return (done.stdout + done.stderr).decode(errors="replace")


def _child(path: str, arena: str) -> None:
    from tflite_micro.python.tflite_micro import runtime  # noqa: PLC0415 -- only in the child

    interpreter = runtime.Interpreter.from_bytes(
        Path(path).read_bytes(),
        arena_size=int(arena),
        intrepreter_config=runtime.InterpreterConfig.kAllocationRecording,
    )
    interpreter.print_allocations()


if __name__ == "__main__":
    _child(sys.argv[1], sys.argv[2])
