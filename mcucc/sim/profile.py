"""Which part of a program instructions were executed for, and of which class they were.

The plugin `profile_insn.c` is told which addresses belong to which functions; its text says how
code that is called is attributed to its caller.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcucc.build.elf import symbol_addresses
from mcucc.build.network import Network
from mcucc.build.project import Artifact
from mcucc.build.ranges import CodeMap, CodeRange
from mcucc.errors import SimulationError
from mcucc.sim.counting import RUN_END, run_entries
from mcucc.sim.qemu import TIMEOUT_S, plugin_option, simulate
from mcucc.sim.result import RunResult
from mcucc.targets.board import Board
from mcucc.targets.cycles import CLASSES, COLUMNS, InstructionCounts

_PARTS_FILE = "parts.bin"
_COUNTS_FILE = "counts.bin"
_KEEP = 0xFFFFFFFF

Profile = Mapping[tuple[str, str], InstructionCounts]
"""What was executed by owner and kernel; the kernel is empty for an owner's own code."""


@dataclass(frozen=True)
class _Labels:
    """Numbers of owners and kernels in the plugin; kernel 0 is none."""

    owners: tuple[str, ...]
    kernels: tuple[str, ...]

    def record(self, part: CodeRange) -> tuple[int, int, int, int]:
        owner = self.owners.index(part.owner) if part.owner else _KEEP
        kernel = self.kernels.index(part.kernel)
        return part.start, part.end, owner, kernel


def profile_qemu(
    artifact: Artifact,
    network: Network,
    board: Board,
    samples: NDArray[np.int8],
    *,
    plugin: Artifact,
    code: CodeMap,
    owners: Sequence[str],
    timeout_s: float = TIMEOUT_S,
) -> tuple[RunResult, tuple[Profile, ...]]:
    """Runs a Cortex-M program on samples and counts what each of them executes.

    Args:
        artifact: from `build_cortex_m` for the same board.
        network: its interface.
        board: says which machine to simulate.
        samples: int8 (N, bytes of all inputs of a sample).
        plugin: from `build_profile_plugin`.
        code: whose code the program's addresses are.
        owners: every owner that `code` knows; the first has what is executed before any other.
        timeout_s: seconds after which the simulator is killed.

    Returns:
        The outputs, and a profile for each sample. Owners that executed nothing are left out.

    Raises:
        SimulationError: as `run_qemu`.
        ToolchainError: qemu-system-arm is missing.
    """
    kernels = dict.fromkeys(part.kernel for part in code.ranges if part.kernel)
    labels = _Labels(tuple(owners), ("", *kernels))
    with tempfile.TemporaryDirectory(prefix="mcucc-run-") as temporary:
        workdir = Path(temporary)
        records = np.array([labels.record(part) for part in code.ranges], np.uint32)
        (workdir / _PARTS_FILE).write_bytes(records.tobytes())
        option = plugin_option(plugin, _arguments(artifact, network, labels))
        result = simulate(artifact, network, board, samples, workdir, option, timeout_s=timeout_s)
        shape = (-1, len(labels.owners), len(labels.kernels), len(COLUMNS))
        path = workdir / _COUNTS_FILE
        if not path.is_file():
            raise SimulationError("the profiler was not loaded by the simulator")
        tables = np.fromfile(path, np.uint64).reshape(shape)
    if len(tables) != len(samples):
        raise SimulationError("instructions were not counted for every sample")
    return result, tuple(_profile(table, labels) for table in tables)


def _arguments(artifact: Artifact, network: Network, labels: _Labels) -> list[str]:
    addresses = symbol_addresses(artifact.path, (*run_entries(network.name), RUN_END))
    end = addresses.pop(RUN_END)
    begins = [f"begin={address:#x}" for address in addresses.values()]
    sizes = [f"owners={len(labels.owners)}", f"kernels={len(labels.kernels)}"]
    return [f"out={_COUNTS_FILE}", f"parts={_PARTS_FILE}", *sizes, *begins, f"end={end:#x}"]


def _profile(table: NDArray[np.uint64], labels: _Labels) -> Profile:
    found: dict[tuple[str, str], InstructionCounts] = {}
    for i, owner in enumerate(labels.owners):
        for k, kernel in enumerate(labels.kernels):
            numbers = [int(n) for n in table[i, k]]
            if any(numbers):
                by_class = dict(zip(CLASSES, numbers, strict=False))
                found[owner, kernel] = InstructionCounts(by_class, *numbers[len(CLASSES) :])
    return found
