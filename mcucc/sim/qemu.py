"""Running a network on a simulated Cortex-M (QEMU), counting instructions on the way."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcucc.build.elf import symbol_addresses
from mcucc.build.network import Network
from mcucc.build.process import Completed, run_child, tail
from mcucc.build.project import Artifact, ArtifactKind
from mcucc.build.toolchain import find_tool
from mcucc.errors import SimulationError
from mcucc.sim.counting import EVENTS_FILE, Marks, add_counts, read_events
from mcucc.sim.faults import explain_fault
from mcucc.sim.protocol import DEFAULT_PAINT, REQUEST_FILE, encode_request
from mcucc.sim.result import RunResult, check_samples, read_result
from mcucc.targets.board import Board

QEMU = "qemu-system-arm"

TIMEOUT_S = 120.0
"""Seconds that a run may take unless the caller says otherwise; networks take a second or two."""

_FAULT = re.compile(r"fault: .*")
_LOCKUP = re.compile(r"Lockup: .*")


def run_qemu(
    artifact: Artifact,
    network: Network,
    board: Board,
    samples: NDArray[np.int8],
    *,
    plugin: Artifact | None = None,
    marks: Sequence[str] = (),
    paint: int = DEFAULT_PAINT,
    timeout_s: float = TIMEOUT_S,
) -> RunResult:
    """Runs a Cortex-M program on samples.

    Args:
        artifact: from `build_cortex_m` for the same board.
        network: its interface.
        board: says which machine to simulate.
        samples: int8 (N, bytes of all inputs of a sample).
        plugin: from `build_count_plugin`; with it, instructions are counted.
        marks: symbols whose passes are to be counted as well.
        paint: byte that fills the arena before each run.
        timeout_s: seconds after which the simulator is killed.

    Raises:
        SimulationError: the program had a fault, took too long, or gave no complete reply.
        ToolchainError: qemu-system-arm is missing.
    """
    addresses = symbol_addresses(artifact.path, Marks.symbols(network.name, marks))
    options: Sequence[str] = ()
    if plugin is not None:
        arguments = [f"mark={address:#x}" for address in addresses.values()]
        options = plugin_option(plugin, [f"out={EVENTS_FILE}", *arguments])
    with tempfile.TemporaryDirectory(prefix="mcucc-run-") as temporary:
        workdir = Path(temporary)
        result = simulate(
            *(artifact, network, board, samples, workdir, options),
            paint=paint,
            timeout_s=timeout_s,
        )
        if plugin is None:
            return result
        events = read_events(workdir / EVENTS_FILE, tuple(addresses))
        counted = add_counts(result, events, Marks(network.name, tuple(marks)))
    if len(counted.instructions or ()) != len(samples):
        raise SimulationError("instructions were not counted for every sample")
    return counted


def simulate(
    artifact: Artifact,
    network: Network,
    board: Board,
    samples: NDArray[np.int8],
    workdir: Path,
    options: Sequence[str],
    *,
    paint: int = DEFAULT_PAINT,
    timeout_s: float,
) -> RunResult:
    """Runs a Cortex-M program in a directory; `options` are more options of QEMU.

    Raises: as `run_qemu`.
    """
    artifact.require(ArtifactKind.CORTEX_M_ELF)
    check_samples(network, samples)
    (workdir / REQUEST_FILE).write_bytes(encode_request(samples, paint=paint))
    command = [str(find_tool(QEMU)), *_machine_options(board, artifact), *options]
    done = run_child(command, cwd=workdir, timeout_s=timeout_s)
    _check_end(done, network, board, timeout_s)
    return _read(done, network, workdir, len(samples), traced=artifact.options.trace)


def plugin_option(plugin: Artifact, arguments: Sequence[str]) -> list[str]:
    """QEMU's option to load a plugin with arguments, in which there is no comma."""
    # QEMU doubles no comma for us: a comma would end the path.
    path = str(plugin.path).replace(",", ",,")
    return ["-plugin", ",".join([path, *arguments])]


def _machine_options(board: Board, artifact: Artifact) -> list[str]:
    devices = ["-display", "none", "-monitor", "none", "-serial", "none"]
    semihosting = ["-semihosting-config", "enable=on,target=native"]
    kernel = ["-kernel", str(artifact.path)]
    return ["-machine", board.require_simulator().machine, *devices, *semihosting, *kernel]


def _check_end(done: Completed, network: Network, board: Board, timeout_s: float) -> None:
    who = f"{network.name} on {board.require_simulator().machine}"
    if done.timed_out:
        raise SimulationError(f"{who}: no end after {timeout_s:g} s, stopped")
    fault = _FAULT.search(done.stdout + done.stderr)
    if fault is not None:
        raise SimulationError(f"{who}: {explain_fault(fault[0])}")
    lockup = _LOCKUP.search(done.stderr)
    if lockup is not None:
        raise SimulationError(f"{who}: a fault while none can be handled: {lockup[0]}")


def _read(
    done: Completed, network: Network, workdir: Path, samples: int, *, traced: bool
) -> RunResult:
    """Reads the reply; where there is none, what the simulator said is the best explanation."""
    try:
        return read_result(network, workdir, samples, traced=traced)
    except SimulationError as error:
        if done.stderr.strip():
            raise SimulationError(f"{error}; {QEMU} said: {tail(done.stderr)}") from error
        raise
