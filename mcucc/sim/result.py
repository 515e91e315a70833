"""What a run of a built network gives, and how it is put together from the harness's reply."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcucc.build.network import Network, TensorInfo
from mcucc.errors import InvariantError, SimulationError
from mcucc.sim.protocol import REPLY_FILE, Reply, TraceRecord, decode_reply


@dataclass(frozen=True)
class RunResult:
    """Outputs of a network and what was observed while it ran. N is the number of samples.

    Attributes:
        outputs: for each output, int8 (N, bytes).
        tensors: for each traced tensor's id, int8 (N, h, w, c); None without tracing.
        touched_bytes: end of the part of the arena that any run has changed.
        stack_bytes: most stack that any run used, with that of the trace and step hooks where the
            build has them; None where the platform does not measure it.
        instructions: for each sample, the instructions from the first one of the run function
            to its return; None where they were not counted.
        step_instructions: for each sample, the instructions of each step in the order of
            execution, with the two that call the hook at its end; None where not counted.
        marks: for each sample, instructions executed before each pass through each mark that
            the caller asked for, from the first one of the run function; None without marks.
    """

    outputs: tuple[NDArray[np.int8], ...]
    tensors: Mapping[int, NDArray[np.int8]] | None
    touched_bytes: int
    stack_bytes: int | None
    instructions: tuple[int, ...] | None = None
    step_instructions: tuple[tuple[int, ...], ...] | None = None
    marks: tuple[Mapping[str, tuple[int, ...]], ...] | None = None


def check_samples(network: Network, samples: NDArray[np.int8]) -> None:
    """Refuses samples that are not int8 (N, bytes of all inputs).

    Raises:
        InvariantError: they are something else.
    """
    if samples.dtype != np.int8 or samples.shape[1:] != (network.sample_bytes,):
        raise InvariantError(
            f"samples of {network.name} are int8 (N, {network.sample_bytes}), "
            f"not {samples.dtype} {samples.shape}"
        )


def split_outputs(network: Network, flat: NDArray[np.int8]) -> tuple[NDArray[np.int8], ...]:
    """Splits int8 (N, bytes of all outputs) into one array for each output."""
    ends = np.cumsum(network.outputs)[:-1]
    return tuple(np.split(flat, ends, axis=1))


def read_result(network: Network, workdir: Path, samples: int, *, traced: bool) -> RunResult:
    """Reads the reply of the harness in `workdir`.

    Raises:
        SimulationError: there is no complete reply, or it contradicts `network`.
    """
    path = workdir / REPLY_FILE
    reply = decode_reply(path.read_bytes() if path.is_file() else b"")
    flat_bytes = sum(network.outputs)
    if len(reply.outputs) != samples or any(len(o) != flat_bytes for o in reply.outputs):
        raise SimulationError(f"the reply does not hold {samples} outputs of {flat_bytes} bytes")
    flat = np.concatenate(reply.outputs or (np.empty(0, np.int8),)).reshape(samples, flat_bytes)
    return RunResult(
        outputs=split_outputs(network, flat),
        tensors=_assemble(network, reply, samples) if traced else None,
        touched_bytes=max(reply.touched_bytes, default=0),
        stack_bytes=max((s for s in reply.stack_bytes if s is not None), default=None),
    )


def _assemble(network: Network, reply: Reply, samples: int) -> dict[int, NDArray[np.int8]]:
    """Puts the traced runs of pixels together; a tensor that was never traced is left out."""
    infos = {tensor.id: tensor for tensor in network.tensors}
    tensors: dict[int, NDArray[np.int8]] = {}
    made: dict[int, NDArray[np.bool_]] = {}
    for record in reply.trace:
        info = infos.get(record.tensor)
        if info is None:
            raise SimulationError(f"the code traced tensor {record.tensor}, which does not exist")
        if info.id not in tensors:
            tensors[info.id] = np.zeros((samples, info.h, info.w, info.c), np.int8)
            made[info.id] = np.zeros((samples, info.h, info.w), np.bool_)
        _place(record, info, tensors[info.id], made[info.id])
    for tensor_id, mask in made.items():
        _check_complete(infos[tensor_id], mask)
    return tensors


def _place(
    record: TraceRecord, info: TensorInfo, tensor: NDArray[np.int8], made: NDArray[np.bool_]
) -> None:
    """Copies one run of pixels; pixels that are made again must be made the same."""
    place = f"tensor '{info.name}', row {record.y}, pixels [{record.x0}, {record.x1})"
    if not (0 <= record.y < info.h and 0 <= record.x0 < record.x1 <= info.w):
        raise SimulationError(f"the code traced {place}, outside of {info.h}x{info.w}")
    pixels = record.pixels.reshape(-1, info.c)
    where = (record.sample, record.y, slice(record.x0, record.x1))
    again = made[where]
    if np.any(tensor[where][again] != pixels[again]):
        raise SimulationError(f"{place}: made twice, with different values")
    tensor[where] = pixels
    made[where] = True


def _check_complete(info: TensorInfo, made: NDArray[np.bool_]) -> None:
    missing = np.argwhere(~made)
    if missing.size:
        sample, y, x = (int(index) for index in missing[0])
        raise SimulationError(
            f"tensor '{info.name}' is incomplete: in sample {sample} pixel ({y}, {x}) was never "
            "traced"
        )
