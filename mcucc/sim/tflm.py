"""The judge: runs `.tflite` files in TensorFlow Lite Micro, tensor by tensor.

The interpreter runs in a child process, because it aborts on models that it does not like. This
module is both sides: imported it is the parent, as `python -m mcucc.sim.tflm DIR` the child.
They exchange files in a temporary directory: the parent writes `jobs.npz`, the child appends to
`progress` and writes `results.npz`.
"""

import importlib.util
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import mcucc
from mcucc.errors import JudgeAbsentError, SimulationError
from mcucc.reference.index import as_bytes
from mcucc.twin import (
    TWIN_PREFIX,
    OperatorInfo,
    TensorInfo,
    keep_operators,
    read_operators,
    read_outputs,
    read_tensors,
)

_ARENA_SLACK_BYTES = 1 << 20
"""Room for the interpreter's own records beside the tensors."""
_TENSOR_SLACK_BYTES = 64
"""Room for each tensor's record and alignment."""
_STDERR_LINES = 5
_LACKS = "Didn't find op"
"""Begins the line in which TFLM names an operator that it has not."""
_ABSENT = "absent"
"""The file in which the child says why the interpreter cannot be loaded."""

REQUIREMENT = "tflite_micro==0.dev20261023182759"
"""What pip installs, as in the extra `verify`."""

Samples = dict[str, NDArray[np.int8]]
"""Samples (N, ...) of int8 tensors by name."""


class TflmAbsentError(JudgeAbsentError):
    """The package `tflite_micro` is not installed (it exists for Linux on x86-64)."""

    def __init__(
        self,
        problem: str = "is not installed",
        system: str = sys.platform,
        machine: str = platform.machine(),
    ) -> None:
        hint = f"`pip install '{REQUIREMENT}'`"
        if (system, machine) != ("linux", "x86_64"):
            hint = f"its package exists for Linux on x86_64, and this is {system} on {machine}"
        super().__init__(f"TFLM {problem}; {hint}")


class TflmCrashError(SimulationError):
    """The interpreter died in an operator.

    Attributes:
        operator: without which it does not die.
    """

    def __init__(self, operator: OperatorInfo, status: int) -> None:
        name = signal.Signals(status).name
        super().__init__(f"TFLM crashed at operator {operator} ({name})")
        self.operator = operator


class TflmLacksError(SimulationError):
    """The interpreter has no operator of a kind that the file holds."""


@dataclass(frozen=True)
class TflmJob:
    """A model and its inputs.

    Attributes:
        twin: a `.tflite` file with one subgraph.
        inputs: for each input of the file, in its order, (N, ...) of the type that it declares.
        values: indices of the tensors that are wanted; every value of the network if None.
        keep: whether all tensors survive a run, and not outputs alone.
    """

    twin: bytes
    inputs: tuple[NDArray[np.generic], ...]
    values: tuple[int, ...] | None = None
    keep: bool = True


def tflm_available() -> bool:
    """Whether the interpreter is installed."""
    return importlib.util.find_spec("tflite_micro") is not None


def run_tflm(twin: bytes, inputs: Sequence[NDArray[np.generic]], *, timeout: float) -> Samples:
    """Run one file on N samples.

    Args:
        twin: a `.tflite` file with one subgraph.
        inputs: for each input of the file, in its order, int8 or indices int32 (N, ...).
        timeout: seconds after which the run counts as hung.

    Returns:
        Every int8 value of the file (not its constants) by name, (N, ...), and indices as their
        bytes.

    Raises:
        TflmAbsentError: the interpreter is not installed, or cannot be loaded.
        TflmCrashError: it crashed.
        SimulationError: it hung or refused the model.
    """
    return run_tflm_jobs([TflmJob(twin, tuple(inputs))], timeout=timeout)[0]


def run_tflm_file(
    raw: bytes,
    inputs: Sequence[NDArray[np.generic]],
    values: Sequence[int],
    *,
    timeout: float,
    keep: bool = True,
) -> Mapping[int, NDArray[np.generic]]:
    """Run a file that somebody else made on N samples.

    Args:
        raw: a `.tflite` file.
        inputs: for each input of the file, in its order, (N, ...) of the type that it declares.
        values: indices of the tensors that are wanted: results of operators.
        timeout: seconds after which the run counts as hung.
        keep: whether the wanted ones are not outputs alone; some large files do not run so.

    Returns:
        The wanted tensors by index, (N, ...), of their types in the file.

    Raises:
        TflmAbsentError, TflmCrashError, SimulationError: as `run_tflm`.
    """
    job = TflmJob(raw, tuple(inputs), tuple(values), keep)
    return _results(_run_jobs([job], timeout), 0)


def run_tflm_jobs(jobs: Sequence[TflmJob], *, timeout: float) -> list[Samples]:
    """Run several files in one child process: as `run_tflm`, job by job.

    Raises:
        TflmAbsentError: the interpreter is not installed, or cannot be loaded.
        SimulationError: one of the jobs crashed, hung or was refused; nothing of the others is
            returned.
    """
    arrays = _run_jobs(jobs, timeout)
    return [_by_name(_results(arrays, index), job) for index, job in enumerate(jobs)]


def _run_jobs(jobs: Sequence[TflmJob], timeout: float) -> Mapping[str, NDArray[np.generic]]:
    """What the child leaves: `number.index` is a tensor of a job."""
    if not tflm_available():
        raise TflmAbsentError
    with tempfile.TemporaryDirectory(prefix="mcucc-tflm-") as directory:
        folder = Path(directory)
        _save(folder / "jobs.npz", _pack_jobs(jobs))
        status, complaint = _run_child(folder, timeout)
        if status != 0:
            if (folder / _ABSENT).exists():
                problem = (folder / _ABSENT).read_text(encoding="utf-8")
                raise TflmAbsentError(f"is installed and cannot be loaded ({problem})")
            raise _diagnose(jobs[len(_finished(folder))], status, complaint, timeout)
        return _load(folder / "results.npz")


def _run_child(folder: Path, timeout: float) -> tuple[int, str]:
    """Run the child on a directory of jobs: its exit status and what matters of its complaints."""
    root = str(Path(mcucc.__file__).parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "mcucc.sim.tflm", str(folder)],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SimulationError(
            f"TFLM did not finish within {timeout:g} seconds: give it fewer samples"
        ) from error
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    lacks = next((line for line in lines if line.startswith(_LACKS)), None)
    return done.returncode, lacks or "\n".join(lines[-_STDERR_LINES:])


def _diagnose(job: TflmJob, status: int, complaint: str, timeout: float) -> SimulationError:
    """What went wrong in a job; a crash names the first operator without which none occurs."""
    if complaint.startswith(_LACKS):
        return TflmLacksError(f"TFLM does not run the model: {complaint}")
    if status > 0:
        return SimulationError(f"TFLM refused the model:\n{complaint}")
    if -status == signal.SIGKILL:
        return SimulationError(
            "TFLM was killed (SIGKILL), as a system does that has no memory left"
        )
    operators = read_operators(job.twin)
    first, last = 0, len(operators) - 1
    while first < last:
        middle = (first + last) // 2
        shorter = TflmJob(keep_operators(job.twin, middle + 1), job.inputs)
        if _crashes(shorter, timeout):
            last = middle
        else:
            first = middle + 1
    return TflmCrashError(operators[first], -status)


def _crashes(job: TflmJob, timeout: float) -> bool:
    with tempfile.TemporaryDirectory(prefix="mcucc-tflm-") as directory:
        _save(Path(directory) / "jobs.npz", _pack_jobs([job]))
        return _run_child(Path(directory), timeout)[0] < 0


def _pack_jobs(jobs: Sequence[TflmJob]) -> dict[str, NDArray[np.generic]]:
    """The jobs as named arrays; the child must know nothing of the file format."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for number, job in enumerate(jobs):
        tensors = read_tensors(job.twin)
        own = [tensor.index for tensor in tensors if _is_value(tensor)]
        values = own if job.values is None else job.values
        sizes = sum(tensor.nbytes + _TENSOR_SLACK_BYTES for tensor in tensors)
        arrays[f"{number}.twin"] = np.frombuffer(job.twin, dtype=np.uint8)
        arrays[f"{number}.values"] = np.array(values, dtype=np.int64)
        outputs = read_outputs(job.twin)
        # Of a run that keeps nothing the outputs are read by their place.
        places = [] if job.keep else [outputs.index(index) for index in values]
        arrays[f"{number}.places"] = np.array(places, dtype=np.int64)
        arrays[f"{number}.arena"] = np.array(sizes + _ARENA_SLACK_BYTES)
        for position, samples in enumerate(job.inputs):
            arrays[f"{number}.input.{position}"] = samples
    return arrays


def _is_value(tensor: TensorInfo) -> bool:
    """Whether a tensor of a twin is a value of the network: int8, or an index of its own."""
    index = tensor.int32 and not tensor.name.startswith(TWIN_PREFIX)
    return not tensor.constant and (tensor.int8 or index)


def _results(
    arrays: Mapping[str, NDArray[np.generic]], number: int
) -> Mapping[int, NDArray[np.generic]]:
    """The child's arrays of one job by index of the tensor."""
    prefix = f"{number}."
    return {
        int(key.removeprefix(prefix)): array
        for key, array in arrays.items()
        if key.startswith(prefix)
    }


def _by_name(results: Mapping[int, NDArray[np.generic]], job: TflmJob) -> Samples:
    """The values of one job by tensor name: int8, and int32 as their bytes."""
    names = {tensor.index: tensor.name for tensor in read_tensors(job.twin)}
    return {
        names[i]: as_bytes(array.astype(np.int32))
        if array.dtype == np.int32
        else array.astype(np.int8, copy=False)
        for i, array in results.items()
    }


def _finished(folder: Path) -> list[str]:
    """One line per job that the child finished."""
    progress = folder / "progress"
    return progress.read_text().split() if progress.exists() else []


def _save(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    np.savez(path, allow_pickle=False, **arrays)


def _load(path: Path) -> dict[str, NDArray[np.generic]]:
    with np.load(path) as arrays:
        return dict(arrays)


def _child(folder: Path) -> None:
    """The child's side: run every job, leave the results, or why there can be none."""
    try:
        importlib.import_module("tflite_micro.python.tflite_micro.runtime")
    except ImportError as error:
        (folder / _ABSENT).write_text(str(error), encoding="utf-8")
        sys.exit(1)
    arrays = _load(folder / "jobs.npz")
    results: dict[str, NDArray[np.generic]] = {}
    for number in range(sum(key.endswith(".twin") for key in arrays)):
        for index, samples in _run_job(arrays, number).items():
            results[f"{number}.{index}"] = samples
        with (folder / "progress").open("a") as progress:
            progress.write(f"{number}\n")
    _save(folder / "results.npz", results)


def _run_job(
    arrays: Mapping[str, NDArray[np.generic]], number: int
) -> dict[int, NDArray[np.generic]]:
    """Run the samples of one job; every value by its index, samples stacked."""
    from tflite_micro.python.tflite_micro import runtime  # noqa: PLC0415 -- only in the child

    config = runtime.InterpreterConfig
    places = [int(place) for place in arrays[f"{number}.places"]]
    interpreter = runtime.Interpreter.from_bytes(
        arrays[f"{number}.twin"].tobytes(),
        arena_size=int(arrays[f"{number}.arena"]),
        intrepreter_config=config.kAllocationRecording if places else config.kPreserveAllTensors,
    )
    count = sum(key.startswith(f"{number}.input.") for key in arrays)
    inputs = [arrays[f"{number}.input.{position}"] for position in range(count)]
    values = [int(index) for index in arrays[f"{number}.values"]]
    collected: dict[int, list[NDArray[np.generic]]] = {index: [] for index in values}
    for sample in range(len(inputs[0])):
        for position, samples in enumerate(inputs):
            # Before every run: the arena's memory of an input may have been reused since.
            interpreter.set_input(samples[sample : sample + 1], position)
        interpreter.invoke()
        for place, index in enumerate(values):
            if places:
                tensor = interpreter.get_output(places[place])
            else:
                tensor = interpreter.GetTensor(index, 0)["tensor_data"]
            collected[index].append(np.array(tensor[0]))
    return {index: np.stack(samples) for index, samples in collected.items()}


if __name__ == "__main__":
    _child(Path(sys.argv[1]))
