"""Missing tools, programs that take too long, damaged replies: no compiler is needed."""

import struct
import time
from pathlib import Path

import numpy as np
import pytest

from mcucc.build.network import Network, TensorInfo
from mcucc.build.process import run_child
from mcucc.build.project import build_cortex_m, build_host_executable
from mcucc.build.render import render_harness
from mcucc.build.toolchain import ARM_GCC, find_tool, has_tool
from mcucc.errors import InvariantError, SimulationError, ToolchainError
from mcucc.sim.faults import explain_fault
from mcucc.sim.protocol import Placement, decode_reply, encode_request
from mcucc.targets.board import Board

MAGIC = struct.pack("<I", 0x5052434D)


def record(kind: int, body: bytes) -> bytes:
    return struct.pack("<II", kind, len(body)) + body


def test_missing_tool_names_its_package(tmp_path: Path) -> None:
    assert not has_tool(ARM_GCC, str(tmp_path))
    with pytest.raises(ToolchainError) as caught:
        find_tool(ARM_GCC, str(tmp_path))
    assert str(caught.value) == (
        "arm-none-eabi-gcc was not found; install it "
        "(on Debian: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi)"
    )


def test_builds_without_compilers(
    tiny_dir: Path, tiny: Network, m4: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match=r"^gcc was not found"):
        build_host_executable(tiny_dir, tiny, tmp_path)
    with pytest.raises(ToolchainError, match=r"^arm-none-eabi-gcc was not found"):
        build_cortex_m(tiny_dir, tiny, m4, tmp_path)


def test_time_limit_holds_for_grandchildren(tmp_path: Path) -> None:
    """The grandchild keeps the pipes open; only its death lets the call return early."""
    start = time.monotonic()
    done = run_child(["/bin/sh", "-c", "sleep 60; true"], cwd=tmp_path, timeout_s=0.5)
    assert time.monotonic() - start < 30
    assert done.timed_out


def test_request_layout() -> None:
    samples = np.array([[1, -1, 2], [3, 4, 5]], np.int8)
    request = encode_request(samples, paint=0x5A, placement=Placement.HIGH)
    assert request == b"MCRQ" + struct.pack("<4I", 2, 3, 0x5A, 1) + b"\x01\xff\x02\x03\x04\x05"


def test_reply() -> None:
    trace = record(2, struct.pack("<4i", 4, 1, 0, 2) + b"\x01\x02")
    run = record(3, struct.pack("<2I", 99, 0xFFFFFFFF))
    reply = decode_reply(MAGIC + trace + record(1, b"\xff\x01") + run + record(0, b""))
    assert [o.tolist() for o in reply.outputs] == [[-1, 1]]
    assert reply.touched_bytes == (99,)
    assert reply.stack_bytes == (None,)
    (traced,) = reply.trace
    assert (traced.sample, traced.tensor, traced.y, traced.x0, traced.x1) == (0, 4, 1, 0, 2)
    assert traced.pixels.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no reply"),
        (b"XXXX", "no reply"),
        (MAGIC, "incomplete"),
        (MAGIC + record(1, b"12"), "incomplete"),
        (MAGIC + record(1, b"12")[:-1], "incomplete"),
        (MAGIC + record(77, b"") + record(0, b""), "incomplete"),
        (MAGIC + record(4, struct.pack("<3i", 2, 0, 0)), "cannot provide the arena"),
        (MAGIC + record(4, struct.pack("<3i", 1, 0, 0)), "cannot use the request"),
        (MAGIC + record(4, struct.pack("<3i", 99, 0, 0)), "error 99"),
    ],
)
def test_damaged_replies(data: bytes, message: str) -> None:
    with pytest.raises(SimulationError, match=message):
        decode_reply(data)


def test_fault_bits() -> None:
    line = "fault: UsageFault CFSR=0x02010000"
    assert explain_fault(line) == f"{line} (undefined instruction; division by zero)"
    assert explain_fault("fault: NMI") == "fault: NMI"


def test_networks_that_cannot_be() -> None:
    with pytest.raises(InvariantError, match="at least one input"):
        Network("n", (), (1,), 8, 4)
    with pytest.raises(InvariantError, match="two tensors of one id"):
        Network("n", (1,), (1,), 8, 4, (TensorInfo(1, "a", 1, 1, 1), TensorInfo(1, "b", 1, 1, 1)))
    with pytest.raises(InvariantError, match="do not lie in the arena"):
        Network("n", (1,), (1,), 8, 4, (), (((4, 9),),))


def test_harness_text(tiny: Network) -> None:
    text = render_harness(tiny)
    assert "    { TINY_INPUT0_OFFSET, TINY_INPUT0_BYTES },\n};" in text
    assert "    { dead_in_step1, 1u },\n};" in text
    assert "    { 8u, 12u },\n};" in text
    assert text == render_harness(tiny)
