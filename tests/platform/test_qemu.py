"""Networks built for a Cortex-M and run under QEMU."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.build.network import Network
from mcucc.build.plugin import build_count_plugin
from mcucc.build.project import Artifact, BuildOptions, build_cortex_m
from mcucc.build.sizes import measure_sizes
from mcucc.errors import DoesNotFitError, InvariantError, SimulationError
from mcucc.sim.qemu import run_qemu
from mcucc.targets.board import STACK_RESERVE_BYTES, Board, Region, Simulator, load_board
from tests.platform.assembly import assembly

pytestmark = pytest.mark.qemu

Samples = NDArray[np.int8]
Variant = Callable[[str], Path]


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return build_count_plugin(tmp_path_factory.mktemp("plugin"))


def test_trace(
    tiny_dir: Path,
    tiny: Network,
    samples: Samples,
    hidden: Samples,
    expected: Samples,
    m4: Board,
    tmp_path: Path,
) -> None:
    options = BuildOptions(trace=True, step_hooks="liveness")
    result = run_qemu(build_cortex_m(tiny_dir, tiny, m4, tmp_path, options), tiny, m4, samples)
    assert result.tensors is not None
    np.testing.assert_array_equal(result.tensors[1].reshape(-1, 8), hidden)
    np.testing.assert_array_equal(result.tensors[2].reshape(-1, 8), expected)


def test_counts_are_repeatable_and_split_into_steps(
    tiny_dir: Path, tiny: Network, samples: Samples, m4: Board, plugin: Artifact, tmp_path: Path
) -> None:
    same = np.repeat(samples[:1], 3, axis=0)
    options = BuildOptions(step_hooks="count")
    program = build_cortex_m(tiny_dir, tiny, m4, tmp_path, options)
    first = run_qemu(program, tiny, m4, same, plugin=plugin)
    again = run_qemu(program, tiny, m4, same, plugin=plugin)
    assert first.instructions is not None
    assert first.step_instructions is not None
    assert len(set(first.instructions)) == 1
    assert first.instructions == again.instructions
    assert first.step_instructions == again.step_instructions
    for total, steps in zip(first.instructions, first.step_instructions, strict=True):
        assert len(steps) == 2
        assert 16 < sum(steps) < total < sum(steps) + 30


LOOP = """movs r0, #0
movs r1, #100
1: subs r1, #1
bne 1b
bx lr"""

SKIPPED_IN_IT_BLOCK = """movs r0, #0
cmp r0, #0
itte ne
addne r0, #1
addne r0, #1
moveq r1, r0
bx lr"""

LONG_BLOCK = """movs r0, #0
.rept 1500
mov r2, r2
.endr
bx lr"""

CALLS = """push {r4, lr}
movs r4, #10
1: bl 2f
subs r4, #1
bne 1b
movs r0, #0
pop {r4, pc}
2: nop.w
bx lr"""


@pytest.mark.parametrize(
    ("body", "count"),
    [
        pytest.param(LOOP, 2 + 2 * 100 + 1, id="loop"),
        pytest.param(SKIPPED_IN_IT_BLOCK, 7, id="it-block"),
        pytest.param(LONG_BLOCK, 1502, id="over-a-page"),
        pytest.param(CALLS, 2 + 10 * (1 + 2 + 2) + 2, id="calls"),
    ],
)
def test_counts_are_exact(
    variant: Variant,
    tiny: Network,
    samples: Samples,
    m4: Board,
    plugin: Artifact,
    tmp_path: Path,
    body: str,
    count: int,
) -> None:
    program = build_cortex_m(variant(assembly(body)), tiny, m4, tmp_path)
    result = run_qemu(program, tiny, m4, samples, plugin=plugin)
    assert result.instructions == (count,) * len(samples)


def test_marks_within_a_block(
    variant: Variant, tiny: Network, samples: Samples, m4: Board, plugin: Artifact, tmp_path: Path
) -> None:
    """The mark is the second instruction of a straight run of four, passed three times."""
    body = """.global tiny_inside
movs r0, #0
movs r1, #3
1: nop
tiny_inside: nop
subs r1, #1
bne 1b
bx lr"""
    program = build_cortex_m(variant(assembly(body)), tiny, m4, tmp_path)
    result = run_qemu(
        program, tiny, m4, samples[:2], plugin=plugin, marks=("tiny_inside", "absent")
    )
    assert result.marks == ({"tiny_inside": (3, 7, 11), "absent": ()},) * 2
    assert result.instructions == (2 + 3 * 4 + 1,) * 2


@pytest.mark.parametrize("depth", [0, 8, 36, 436])
def test_stack_is_measured(
    variant: Variant, tiny: Network, samples: Samples, m4: Board, tmp_path: Path, depth: int
) -> None:
    body = f"sub sp, #{depth}\nmovs r0, #0\n"
    body += "str r0, [sp]\n" if depth else ""
    body += f"add sp, #{depth}\nbx lr"
    program = build_cortex_m(variant(assembly(body)), tiny, m4, tmp_path)
    assert run_qemu(program, tiny, m4, samples).stack_bytes == depth


OVERFLOW = "1: push {r0-r7}\nb 1b"
WILD_READ = "ldr r0, =0x0f000000\nldr r0, [r0]\nbx lr"
WILD_JUMP = "ldr r0, =0x0f000001\nbx r0"
WRITE_TO_FLASH = "ldr r0, =tiny_run\nsubs r0, #1\nstr r0, [r0]\nbx lr"


@pytest.mark.parametrize(
    ("board_id", "body", "message"),
    [
        ("mps2-an386", "udf #0", "UsageFault pc=0x.*undefined instruction"),
        ("mps2-an386", "movs r0, #0\nbx r0", "fault: UsageFault.*invalid state"),
        ("mps2-an386", "svc #0", "fault: Unexpected exception"),
        ("mps2-an386", WILD_READ, "MemManage.*MMFAR=0x0f000000.*access to a forbidden address"),
        ("mps2-an386", WILD_JUMP, "MemManage.*instruction fetch from a forbidden address"),
        ("mps2-an386", WRITE_TO_FLASH, "MemManage.*access to a forbidden address"),
        ("mps2-an386", OVERFLOW, "fault: MemManage stack overflow"),
        ("mps2-an505", OVERFLOW, "fault: UsageFault.*stack overflow"),
        ("mps3-an547", WILD_READ, "MemManage.*MMFAR=0x0f000000.*access to a forbidden address"),
    ],
)
def test_faults_are_named(
    variant: Variant,
    tiny: Network,
    samples: Samples,
    tmp_path: Path,
    board_id: str,
    body: str,
    message: str,
) -> None:
    board = load_board(board_id)
    program = build_cortex_m(variant(assembly(body)), tiny, board, tmp_path)
    with pytest.raises(SimulationError, match=message):
        run_qemu(program, tiny, board, samples, timeout_s=20)


def test_a_machine_that_does_not_exist(
    tiny_dir: Path, tiny: Network, samples: Samples, m4: Board, tmp_path: Path
) -> None:
    simulator = Simulator(machine="no-such-machine", proxy=False)
    program = build_cortex_m(tiny_dir, tiny, m4, tmp_path)
    with pytest.raises(SimulationError, match=r"(?s)no reply.*unsupported machine"):
        run_qemu(program, tiny, dataclasses.replace(m4, simulator=simulator), samples)


def small_board(m4: Board, *, flash: int, sram: int) -> Board:
    regions = (
        Region("code", "flash", m4.flash.origin, flash),
        Region("sram", "sram", m4.largest_sram.origin, sram),
    )
    return dataclasses.replace(m4, id="small", regions=regions)


@pytest.mark.parametrize(
    ("flash", "sram", "message"),
    [
        (1024, 65536, r"tiny does not fit small: .* bytes of flash .*, region 'code' has 1024"),
        (65536, 1024, r"tiny does not fit small: .* bytes of ram .*, region 'sram' has 1024"),
    ],
)
def test_overflow_at_link_time(
    tiny_dir: Path, tiny: Network, m4: Board, tmp_path: Path, flash: int, sram: int, message: str
) -> None:
    with pytest.raises(DoesNotFitError, match=message):
        build_cortex_m(tiny_dir, tiny, small_board(m4, flash=flash, sram=sram), tmp_path)


def test_a_proxy_with_less_memory_than_its_board_is_no_misfit(
    tiny_dir: Path, tiny: Network, m4: Board, tmp_path: Path
) -> None:
    proxy = Simulator(m4.id, proxy=True)
    board = dataclasses.replace(small_board(m4, flash=65536, sram=16 << 20), simulator=proxy)
    large = dataclasses.replace(tiny, arena_bytes=8 << 20)
    message = r"cannot be simulated: .* small has 16777216, but mps2-an386, .* has 4194304"
    with pytest.raises(SimulationError, match=message):
        build_cortex_m(tiny_dir, large, board, tmp_path)


def test_arena_that_leaves_only_the_reserve_links_and_runs(
    variant: Variant, tiny: Network, samples: Samples, m4: Board, tmp_path: Path
) -> None:
    """A plan that just fits by the board's rule also fits at link time; 1 KiB more does not."""
    board = small_board(m4, flash=65536, sram=16384)
    directory = variant(assembly("movs r0, #0\nbx lr"))
    header = (directory / "tiny.h").read_text()
    arena = board.arena_budget_bytes
    assert arena + STACK_RESERVE_BYTES == 16384
    (directory / "tiny.h").write_text(header.replace("BYTES 28u", f"BYTES {arena}u"))
    full = dataclasses.replace(tiny, arena_bytes=arena)
    result = run_qemu(build_cortex_m(directory, full, board, tmp_path), full, board, samples)
    np.testing.assert_array_equal(result.outputs[0], samples)
    over = dataclasses.replace(tiny, arena_bytes=arena + 1024)
    with pytest.raises(DoesNotFitError):
        build_cortex_m(directory, over, board, tmp_path)


def test_wrong_arena_size_is_noticed(
    tiny_dir: Path, tiny: Network, samples: Samples, m4: Board, tmp_path: Path
) -> None:
    wrong = dataclasses.replace(tiny, arena_bytes=8, dead_ranges=())
    program = build_cortex_m(tiny_dir, wrong, m4, tmp_path)
    with pytest.raises(SimulationError, match="cannot provide the arena"):
        run_qemu(program, wrong, m4, samples)


def test_sizes(tiny_dir: Path, tiny: Network, m4: Board, tmp_path: Path) -> None:
    sizes = measure_sizes(tiny_dir, tiny, m4, tmp_path)
    assert sizes.weights_bytes == 8
    assert 50 < sizes.code_bytes < 2000
    assert sizes.flash_bytes == sizes.code_bytes + 8
    program = build_cortex_m(tiny_dir, tiny, m4, tmp_path)
    measured = run_qemu(program, tiny, m4, np.zeros((1, 8), np.int8)).stack_bytes
    assert measured is not None
    assert measured <= sizes.stack_bytes < 200


DEEP = """
static int leaf(volatile int *p)
{
    volatile int frame[64];
    frame[0] = *p;
    return frame[0];
}
static int __attribute__((noinline)) middle(volatile int *p)
{
    volatile int frame[32];
    frame[0] = leaf(p);
    return frame[0];
}
int tiny_run(void *arena)
{
    return middle(arena) + middle(arena);
}
"""


def test_stack_bound_follows_calls(
    variant: Variant, tiny: Network, m4: Board, tmp_path: Path
) -> None:
    deep = measure_sizes(variant(DEEP), tiny, m4, tmp_path)
    assert 4 * (64 + 32) <= deep.stack_bytes < 4 * (64 + 32) + 80


BSS = """static int n;
int tiny_run(void *a)
{
    return a == 0 ? n++ : n;
}
"""
RECURSION = """int tiny_run(void *a)
{
    volatile int n = *(int *)a;
    return n > 0 ? tiny_run(&((int *)a)[n]) + n : 0;
}
"""
POINTER_CALL = """int tiny_run(void *a)
{
    return (*(int (**)(void))a)() + 1;
}
"""


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (BSS, "0 bytes in .data, 4 in .bss"),
        (BSS.replace("n;", "n = 1;", 1), "4 bytes in .data, 0 in .bss"),
        (RECURSION, "tiny_run -> tiny_run is a recursion"),
        (POINTER_CALL, "call through a pointer"),
    ],
)
def test_code_that_breaks_its_contract(
    variant: Variant, tiny: Network, m4: Board, tmp_path: Path, source: str, message: str
) -> None:
    with pytest.raises(InvariantError, match=re.escape(message)):
        measure_sizes(variant(source), tiny, m4, tmp_path)
