"""The platform on every core: outputs, stack, instruction counts, faults.

Code for the Cortex-M0 runs on the proxy of its boards, a Cortex-M3, and on the one true M0 that
QEMU has, the micro:bit of the first version.
"""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.build.network import Network
from mcucc.build.plugin import build_count_plugin
from mcucc.build.project import Artifact, build_cortex_m
from mcucc.errors import SimulationError
from mcucc.sim.qemu import run_qemu
from mcucc.targets.board import CORES, Board, Region, Simulator, load_board
from tests.platform.assembly import assembly

pytestmark = pytest.mark.qemu

Samples = NDArray[np.int8]
Variant = Callable[[str], Path]

MICROBIT_V1 = "microbit-v1"
ARMV6_M = ["rpi-pico", MICROBIT_V1]
BOARDS = [*ARMV6_M, "mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547"]


def board_of(board_id: str) -> Board:
    """A board that mcucc knows, or the nRF51822 of the first micro:bit (QEMU's memory map)."""
    if board_id != MICROBIT_V1:
        return load_board(board_id)
    regions = (
        Region("flash", "flash", 0, 0x4_0000),
        Region("ram", "sram", 0x2000_0000, 0x4000),
    )
    return dataclasses.replace(
        load_board("rpi-pico"),
        id=board_id,
        core=CORES["cortex-m0"],
        regions=regions,
        simulator=Simulator("microbit", proxy=False),
    )


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return build_count_plugin(tmp_path_factory.mktemp("plugin"))


def test_the_boards_have_every_core() -> None:
    assert {board_of(board_id).core.name for board_id in BOARDS} == set(CORES) - {"host"}


@pytest.mark.parametrize("board_id", BOARDS)
def test_outputs_and_counts(
    tiny_dir: Path,
    tiny: Network,
    samples: Samples,
    expected: Samples,
    plugin: Artifact,
    tmp_path: Path,
    board_id: str,
) -> None:
    board = board_of(board_id)
    same = np.concatenate([samples, samples[-1:]])
    program = build_cortex_m(tiny_dir, tiny, board, tmp_path)
    result = run_qemu(program, tiny, board, same, plugin=plugin)
    np.testing.assert_array_equal(result.outputs[0][:-1], expected)
    assert result.instructions is not None
    assert result.instructions[-1] == result.instructions[-2] > 16


STACK = """push {r4-r7}
movs r0, #0
sub sp, #40
str r0, [sp]
add sp, #40
pop {r4-r7}
bx lr"""


@pytest.mark.parametrize("board_id", BOARDS)
def test_stack_is_measured(
    variant: Variant, tiny: Network, samples: Samples, tmp_path: Path, board_id: str
) -> None:
    board = board_of(board_id)
    program = build_cortex_m(variant(assembly(STACK)), tiny, board, tmp_path)
    assert run_qemu(program, tiny, board, samples).stack_bytes == 56


@pytest.mark.parametrize("board_id", BOARDS)
def test_faults_are_reported(
    variant: Variant, tiny: Network, samples: Samples, tmp_path: Path, board_id: str
) -> None:
    """ARMv6-M has no registers that say what happened, and nothing but HardFault."""
    board = board_of(board_id)
    program = build_cortex_m(variant(assembly("udf #0")), tiny, board, tmp_path)
    with pytest.raises(SimulationError) as caught:
        run_qemu(program, tiny, board, samples, timeout_s=20)
    message = str(caught.value)
    assert message.startswith(f"tiny on {board.require_simulator().machine}: fault: ")
    if board_id in ARMV6_M:
        assert re.search(r"HardFault pc=0x[0-9a-f]{8} lr=0x[0-9a-f]{8}$", message)
    else:
        assert re.search(r"UsageFault pc=0x.* CFSR=0x00010000.*undefined instruction", message)


UNALIGNED = "movs r1, #1\norrs r1, r0\nldr r0, [r1]\nmovs r0, #0\nbx lr"


@pytest.mark.parametrize("board_id", [*ARMV6_M, "mps2-an385"])
def test_unaligned_access_is_a_fault_where_the_core_has_none(
    variant: Variant, tiny: Network, samples: Samples, tmp_path: Path, board_id: str
) -> None:
    """The proxy of an M0 is made to refuse what an M0 does."""
    board = board_of(board_id)
    program = build_cortex_m(variant(assembly(UNALIGNED)), tiny, board, tmp_path)
    if board.core.unaligned_ok:
        run_qemu(program, tiny, board, samples)
        return
    with pytest.raises(SimulationError, match="fault: HardFault"):
        run_qemu(program, tiny, board, samples, timeout_s=20)


FLOATS = """vmov.f32 s0, #2.0
vmul.f32 s0, s0, s0
vcvt.s32.f32 s0, s0
vmov r0, s0
subs r0, #4
bx lr"""
VECTORS = """mov r0, #3
vdup.32 q0, r0
vmul.i32 q0, q0, q0
vaddv.u32 r0, q0
subs r0, #36
bx lr"""


@pytest.mark.parametrize(
    ("board_id", "body"),
    [
        ("mps2-an386", FLOATS),
        ("mps2-an500", FLOATS),
        ("mps2-an505", FLOATS),
        ("mps3-an547", FLOATS),
        ("mps3-an547", VECTORS),
    ],
)
def test_fpu_and_vectors_are_on(
    variant: Variant, tiny: Network, samples: Samples, tmp_path: Path, board_id: str, body: str
) -> None:
    """The run function returns 0 if the arithmetic is right; a unit that is off is a fault."""
    board = load_board(board_id)
    run_qemu(build_cortex_m(variant(assembly(body)), tiny, board, tmp_path), tiny, board, samples)
