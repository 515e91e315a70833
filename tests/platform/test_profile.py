"""The profiler: classes of instructions, branches taken, and whose code is executed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.build.network import Network
from mcucc.build.plugin import build_profile_plugin
from mcucc.build.project import Artifact, BuildOptions, build_cortex_m
from mcucc.build.ranges import CodeMap, read_code_map
from mcucc.sim.profile import profile_qemu
from mcucc.targets.board import load_board
from mcucc.targets.cycles import TABLES, InstructionCounts, modelled_cycles
from tests.platform.assembly import assembly

Samples = NDArray[np.int8]
Variant = Callable[[str], Path]


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return build_profile_plugin(tmp_path_factory.mktemp("plugin"))


NARROW = """cmp r0, r0
adds r1, r0, #1
lsls r1, r1, #3
uxtb r1, r1
rev r1, r1
add r2, sp, #8
adr r3, 1f
.balign 4
1: nop
muls r1, r1, r1
ldr r1, [r0]
nop
movs r1, #0
ldrsb r1, [r0, r1]
push {r1, r2, lr}
pop {r1, r2, r3}
stmia r0!, {r1, r2}
strb r1, [r0]
movs r1, #0
b 2f
2: cbz r1, 3f
nop
3: nop"""
WIDE = """mov.w r1, #0x1000
movw r1, #99
ssat r1, #8, r1
sbfx r1, r1, #2, #3
add.w r1, r1, r2, lsl #3
sxtb16 r1, r1
sadd16 r1, r1, r1
clz r1, r1
mul r1, r1, r1
mla r1, r1, r1, r1
smlad r1, r1, r1, r1
smmul r1, r1, r1
smulbb r1, r1, r1
smull r1, r2, r1, r1
smlal r1, r2, r1, r1
smlald r1, r2, r1, r1
udiv r1, r1, r0
ldr.w r1, [r0, #4]
ldr.w r2, [r0, #8]
str.w r1, [r0, #12]
ldrd r1, r2, [r0]
strd r1, r2, [r0], #8
ldrsh.w r1, [r0]
mrs r1, primask
dmb
bl 9f
b 8f
9: bx lr
8: nop"""
FLOATS = """vmov s0, r0
vadd.f32 s0, s0, s0
vmul.f32 s0, s0, s0
vmla.f32 s1, s0, s0
vfma.f32 s1, s0, s0
vdiv.f32 s1, s0, s0
vsqrt.f32 s1, s0
vcvt.f32.s32 s1, s0
vldr s1, [r0]
nop
vstr s1, [r0]
vldmia r0, {s0-s3}
vcmp.f32 s0, s1
vmrs apsr_nzcv, fpscr"""
LOOP = "movs r1, #10\n1: subs r1, #1\nbne 1b"


def counts(registers: int = 0, taken: int = 0, **by_class: int) -> InstructionCounts:
    return InstructionCounts(by_class, registers, taken)


FRAME = counts(4, 1, multiple=2, alu=1, branch=1)
CASES = [
    ("", counts()),
    (NARROW, counts(8, 1, alu=12, multiply=1, load=2, multiple=3, store=1, branch=2)),
    (
        WIDE,
        counts(4, 3, alu=9, multiply=5, long_multiply=3, divide=1, load=2)
        + counts(paired_load=1, store=1, multiple=2, other=2, branch=3),
    ),
    (
        FLOATS,
        counts(4, alu=1, float=6, float_mac=2, float_divide=2, load=1, store=1, multiple=1),
    ),
    (LOOP, counts(taken=9, alu=11, branch=10)),
]


@pytest.mark.qemu
@pytest.mark.parametrize(("body", "expected"), CASES)
def test_classes(
    variant: Variant,
    tiny: Network,
    samples: Samples,
    plugin: Artifact,
    tmp_path: Path,
    body: str,
    expected: InstructionCounts,
) -> None:
    """On an M4; the expectation does not hold what saves, restores and returns."""
    board = load_board("mps2-an386")
    whole = f"push {{r4, lr}}\n{body}\npop {{r4, lr}}\nmovs r0, #0\nbx lr"
    program = build_cortex_m(variant(assembly(whole)), tiny, board, tmp_path)
    nothing = CodeMap((), {})
    _, profiles = profile_qemu(
        *(program, tiny, board, samples), plugin=plugin, code=nothing, owners=("tiny_run",)
    )
    assert len(profiles) == len(samples)
    for profile in profiles:
        assert profile["tiny_run", ""] == expected + FRAME


OWNERS = """
static int __attribute__((noinline, noclone)) kernel(volatile int *p, int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++) {
        sum += *p;
    }
    return sum;
}
static inline __attribute__((always_inline)) int inlined(volatile int *p)
{
    return *p + *p + *p;
}
static int __attribute__((noinline)) first(volatile int *p)
{
    return kernel(p, 10) + 1;
}
static int __attribute__((noinline)) second(volatile int *p)
{
    return first(p) + kernel(p, 20) + first(p) + 1;
}
static inline __attribute__((always_inline)) int third(volatile int *p)
{
    return *p + inlined(p);
}
int tiny_run(void *arena)
{
    return (second(arena) + third(arena)) & 0;
}
"""


@pytest.mark.qemu
@pytest.mark.parametrize("board_id", ["rpi-pico", "mps2-an386", "mps3-an547"])
def test_code_works_for_whom_it_is_called(
    variant: Variant,
    tiny: Network,
    samples: Samples,
    plugin: Artifact,
    tmp_path: Path,
    board_id: str,
) -> None:
    """A kernel that several stages call, stages that call each other, and inlined ones."""
    board = load_board(board_id)
    directory = variant(OWNERS)
    program = build_cortex_m(directory, tiny, board, tmp_path, BuildOptions(debug=True))
    owners = ("tiny_run", "first", "second", "third")
    code = read_code_map(program.path, owners, ("kernel", "inlined"))
    assert {(part.owner, part.kernel) for part in code.ranges} >= {
        *(("", "kernel"), ("first", ""), ("second", ""), ("third", "inlined")),
    }
    _, profiles = profile_qemu(
        *(program, tiny, board, samples[:1]), plugin=plugin, code=code, owners=owners
    )
    parts = {part: found.instructions for part, found in profiles[0].items()}
    first, second = parts["first", "kernel"], parts["second", "kernel"]
    per_turn = (second - first / 2) / 10
    assert per_turn == int(per_turn) > 1
    assert parts["third", "inlined"] >= 3
    plain = build_cortex_m(directory, tiny, board, tmp_path)
    assert plain.path.stat().st_size < program.path.stat().st_size
    _, again = profile_qemu(
        *(plain, tiny, board, samples[:1]), plugin=plugin, code=CodeMap((), {}), owners=("all",)
    )
    assert again[0]["all", ""].instructions == sum(parts.values())


def test_cycles_of_the_m4_follow_its_manual() -> None:
    """LDR 2 and 1 behind another, MUL 1, LDM 1 + N, a branch 1 or 1 + P."""
    executed = counts(5, 1, load=3, paired_load=2, multiply=4, multiple=1, branch=2)
    expected = 3 * 2 + 2 + 4 + 1 + 5 + 2 + 2
    assert modelled_cycles("cortex-m4", executed) == expected
    assert modelled_cycles("cortex-m4", executed + executed) == 2 * expected


def test_cores_without_a_table_have_no_cycles() -> None:
    assert set(TABLES) == {"cortex-m4", "cortex-m7"}
    assert modelled_cycles("cortex-m55", counts(alu=9)) is None
    m7 = modelled_cycles("cortex-m7", counts(alu=9))
    assert m7 == 4
