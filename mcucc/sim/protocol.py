"""The files through which a running harness and mcucc talk. This text is their definition.

All numbers are little-endian. The harness reads `request.bin` and writes `reply.bin` in its
working directory; `runtime_c/platform/harness.c` is the other side.

Request: uint32 magic "MCRQ", uint32 number of samples, uint32 bytes of a sample, uint32 paint
(the byte that fills the arena before each run), uint32 placement of the arena (0: right after a
guard page, 1: right before one; a target has no choice), then the samples. A sample is all
inputs of the network, one after the other. Inputs and outputs are int8 whatever `--io` is; the
harness converts.

Reply: uint32 magic "MCRP", then records: uint32 kind, uint32 bytes of the body, body.

| kind | body |
|---|---|
| 0 end | empty; the last record of a complete reply |
| 1 output | all outputs of a sample, one after the other |
| 2 trace | int32 tensor, y, x0, x1, then the pixels [x0, x1) of row y |
| 3 run | uint32 end of the bytes of the arena that differ from the paint after the run, uint32 bytes of stack used (0xFFFFFFFF: not measured) |
| 4 error | int32 error, int32 where, int32 detail; the run ends here |

Trace records of a sample precede its output record; its run record follows that.
"""  # noqa: E501

import enum
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import SimulationError

REQUEST_FILE = "request.bin"
REPLY_FILE = "reply.bin"

DEFAULT_PAINT = 0xA5
"""What fills the arena before a run, unless the caller says otherwise."""

_REQUEST_MAGIC = 0x5152434D
_REPLY_MAGIC = 0x5052434D
_HEAD = struct.Struct("<II")
_PLACE = struct.Struct("<iiii")
_RUN = struct.Struct("<II")
_ERROR = struct.Struct("<iii")
_STACK_UNKNOWN = 0xFFFFFFFF
_REALS_DIFFER = 64  # HARNESS_REALS_DIFFER


class Placement(enum.IntEnum):
    """Which end of the arena touches a guard page."""

    LOW = 0
    HIGH = 1


class _Kind(enum.IntEnum):
    END = 0
    OUTPUT = 1
    TRACE = 2
    RUN = 3
    ERROR = 4


class _Error(enum.IntEnum):
    REQUEST = 1
    MEMORY = 2
    STATUS = 3
    STRAY_WRITE = 4
    OUTSIDE = 5
    PULL = 6


@dataclass(frozen=True)
class TraceRecord:
    """Pixels [x0, x1) of row y of a tensor, made while sample `sample` ran."""

    sample: int
    tensor: int
    y: int
    x0: int
    x1: int
    pixels: NDArray[np.int8]


@dataclass(frozen=True)
class Reply:
    """A complete reply, decoded.

    Attributes:
        outputs: for each sample, the bytes of all its outputs.
        trace: trace records in the order of execution.
        touched_bytes: for each sample, the end of the part of the arena that was changed.
        stack_bytes: for each sample, the stack that the run used; None where not measured.
    """

    outputs: tuple[NDArray[np.int8], ...]
    trace: tuple[TraceRecord, ...]
    touched_bytes: tuple[int, ...]
    stack_bytes: tuple[int | None, ...]


def encode_request(
    samples: NDArray[np.int8], *, paint: int, placement: Placement = Placement.LOW
) -> bytes:
    """Returns the request to run a network.

    Args:
        samples: int8 (N, bytes of all inputs of a sample).
        paint: byte that fills the arena before each run, 0 to 255.
        placement: where the arena lies.
    """
    count, sample_bytes = samples.shape
    head = struct.pack("<5I", _REQUEST_MAGIC, count, sample_bytes, paint, placement)
    return head + samples.tobytes()


def decode_reply(data: bytes) -> Reply:
    """Returns what the harness observed.

    Raises:
        SimulationError: the harness reported an error, or the reply is incomplete or damaged.
    """
    outputs: list[NDArray[np.int8]] = []
    trace: list[TraceRecord] = []
    runs: list[tuple[int, int]] = []
    for kind, body in _records(data):
        match kind:
            case _Kind.OUTPUT:
                outputs.append(np.frombuffer(body, np.int8))
            case _Kind.TRACE:
                trace.append(_trace_record(body, len(outputs)))
            case _Kind.RUN:
                runs.append(_RUN.unpack(body))
            case _Kind.ERROR:
                raise SimulationError(_error_text(*_ERROR.unpack(body)))
            case _Kind.END:
                break
    return Reply(
        outputs=tuple(outputs),
        trace=tuple(trace),
        touched_bytes=tuple(touched for touched, _ in runs),
        stack_bytes=tuple(None if stack == _STACK_UNKNOWN else stack for _, stack in runs),
    )


def _records(data: bytes) -> Iterator[tuple[_Kind, memoryview]]:
    """Yields the records up to and including the end record."""
    if data[:4] != struct.pack("<I", _REPLY_MAGIC):
        raise SimulationError("the simulated program wrote no reply")
    view, at = memoryview(data), 4
    while at + _HEAD.size <= len(data):
        kind, size = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if kind not in list(_Kind) or at + size > len(data):
            break
        yield _Kind(kind), view[at : at + size]
        at += size
        if kind == _Kind.END:
            return
    raise SimulationError("the reply of the simulated program is incomplete")


def _trace_record(body: memoryview, sample: int) -> TraceRecord:
    tensor, y, x0, x1 = _PLACE.unpack_from(body)
    pixels = np.frombuffer(body, np.int8, offset=_PLACE.size)
    return TraceRecord(sample, tensor, y, x0, x1, pixels)


def _error_text(error: int, where: int, detail: int) -> str:
    match error:
        case _Error.REQUEST:
            return "the harness cannot use the request: it is not of this network's size"
        case _Error.MEMORY:
            return "the harness cannot provide the arena"
        case _Error.STATUS if where == _REALS_DIFFER:
            return "run_float gives other real values than its int8 outputs stand for"
        case _Error.STATUS:
            return f"the network refused to run: its run function returned {where}"
        case _Error.STRAY_WRITE:
            return f"step {where} wrote byte {detail} of the arena, which no buffer owns"
        case _Error.PULL:
            return f"row {where} of the image was asked for after {detail} others, not in its turn"
        case _Error.OUTSIDE:
            return f"the network wrote outside the arena, at offset {where}"
        case _:
            return f"the harness reported error {error}"
