"""Running a network on the host: as a program of its own, or within this process."""

import ctypes
import re
import signal
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcucc.build.network import Network
from mcucc.build.process import Completed, run_child, tail
from mcucc.build.project import Artifact, ArtifactKind
from mcucc.errors import SimulationError
from mcucc.sim.protocol import DEFAULT_PAINT, REQUEST_FILE, Placement, encode_request
from mcucc.sim.result import RunResult, check_samples, read_result, split_outputs

# A leak checker cannot work where processes may not be traced; the harness allocates nothing.
_SANITIZER_ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
_SANITIZER_FINDING = re.compile(r"(ERROR: AddressSanitizer|runtime error): (?P<finding>.*)")


def run_executable(
    artifact: Artifact,
    network: Network,
    samples: NDArray[np.int8],
    *,
    paint: int = DEFAULT_PAINT,
    placement: Placement = Placement.LOW,
    timeout_s: float = 120.0,
) -> RunResult:
    """Runs a host executable on samples.

    Args:
        artifact: from `build_host_executable`.
        network: its interface.
        samples: int8 (N, bytes of all inputs of a sample).
        paint: byte that fills the arena before each run.
        placement: which end of the arena touches a guard page.
        timeout_s: seconds after which the program is killed.

    Raises:
        SimulationError: the program crashed, a sanitizer complained, it took too long, or it
            broke a rule of the memory plan.
    """
    artifact.require(ArtifactKind.HOST_EXECUTABLE)
    check_samples(network, samples)
    with tempfile.TemporaryDirectory(prefix="mcucc-run-") as temporary:
        workdir = Path(temporary)
        request = encode_request(samples, paint=paint, placement=placement)
        (workdir / REQUEST_FILE).write_bytes(request)
        done = run_child(
            [str(artifact.path)],
            cwd=workdir,
            timeout_s=timeout_s,
            environment=_SANITIZER_ENVIRONMENT,
        )
        _check_end(done, network, timeout_s)
        return read_result(network, workdir, len(samples), traced=artifact.options.trace)


class HostLibrary:
    """A network loaded into this process: the fastest way to run it, and the least protected."""

    def __init__(self, artifact: Artifact, network: Network) -> None:
        """Loads a library and allocates its arena.

        Args:
            artifact: from `build_host_library`.
            network: its interface.

        Raises:
            SimulationError: the library cannot be loaded.
        """
        artifact.require(ArtifactKind.HOST_LIBRARY)
        try:
            library = ctypes.CDLL(str(artifact.path))
        except OSError as error:
            raise SimulationError(f"{artifact.path} cannot be loaded: {error}") from error
        self._network = network
        self._run = library.mcucc_harness_run_samples
        pointer = ctypes.c_void_p
        self._run.argtypes = (pointer, pointer, pointer, ctypes.c_uint32)
        self._run.restype = ctypes.c_int
        bytes_and_align = (library.mcucc_harness_arena_bytes(), library.mcucc_harness_arena_align())
        if bytes_and_align != (network.arena_bytes, network.arena_align):
            raise SimulationError(
                f"{network.name}.h and report.json name different arenas: compile again"
            )
        self._arena = _aligned(network.arena_bytes, network.arena_align)

    def run(self, samples: NDArray[np.int8]) -> tuple[NDArray[np.int8], ...]:
        """Runs the network on int8 (N, bytes of all inputs); returns (N, bytes) per output.

        Raises:
            SimulationError: the run function returned an error.
        """
        check_samples(self._network, samples)
        inputs = np.ascontiguousarray(samples)
        outputs = np.empty((len(samples), sum(self._network.outputs)), np.int8)
        status = self._run(
            self._arena.ctypes.data, inputs.ctypes.data, outputs.ctypes.data, len(samples)
        )
        if status != 0:
            raise SimulationError(f"the network refused to run: {self._network.name}_run: {status}")
        return split_outputs(self._network, outputs)


def _aligned(size: int, align: int) -> NDArray[np.uint8]:
    block = np.zeros(size + align, np.uint8)
    start = -block.ctypes.data % align
    return block[start : start + size]


def _check_end(done: Completed, network: Network, timeout_s: float) -> None:
    """Raises the error for a program that has crashed or hung; its own reports come later."""
    who = f"{network.name} on the host"
    if done.timed_out:
        raise SimulationError(f"{who}: no end after {timeout_s:g} s, stopped")
    finding = _SANITIZER_FINDING.search(done.stderr)
    if finding is not None:
        raise SimulationError(f"{who}: {finding['finding']}\n{tail(done.stderr)}")
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        hint = " (an access outside the arena, perhaps: it lies between guard pages)"
        raise SimulationError(f"{who}: crashed with {name}{hint if name == 'SIGSEGV' else ''}")
