"""The runtime's headers: all of a core in one translation unit, and what they refuse."""

from pathlib import Path

import pytest

from mcucc.build.toolchain import ARM_GCC, WARNINGS, Compiler, arm_clang, find_tool
from mcucc.errors import ToolchainError
from mcucc.resources import runtime_headers, runtime_includes
from mcucc.targets.board import CORES, Core

pytestmark = pytest.mark.qemu

ALLOWED = "-DMCUCC_ALLOW_PORTABLE"


def headers_of(core: Core) -> list[str]:
    """Those in plain C and those of the core's units; twins come with what they are twins of."""
    units = {"_thumb1": not core.has_thumb2, "_dsp": core.has_dsp, "_mve": core.has_mve}
    names = [Path(name).stem for name in runtime_headers() if name != "mcucc_mve_twin.h"]
    suffixes = {name: next((u for u in units if name.endswith(u)), "") for name in names}
    return [f"{name}.h" for name, unit in suffixes.items() if units.get(unit, True)]


def arm_compilers(core: Core) -> list[Compiler]:
    gcc = Compiler(find_tool(ARM_GCC), core.gcc_flags)
    return [gcc, arm_clang(gcc, core.gcc_flags)]


def check(compiler: Compiler, work: Path, headers: list[str], *flags: str) -> None:
    source = work / "all.c"
    source.write_text("".join(f'#include "{name}"\n' for name in headers), encoding="utf-8")
    every = (*WARNINGS, "-O2", *runtime_includes(), *flags)
    compiler.compile(source, work / "all.o", every)


CORTEX_M = [core for core in CORES.values() if core.has_thumb]


@pytest.mark.parametrize("core", CORTEX_M, ids=lambda core: core.name)
def test_all_headers_of_a_core_in_one_translation_unit(tmp_path: Path, core: Core) -> None:
    headers = headers_of(core)
    for compiler in arm_compilers(core):
        check(compiler, tmp_path, headers)
        check(compiler, tmp_path, headers[::-1])


def test_each_header_stands_alone(tmp_path: Path) -> None:
    gcc = arm_compilers(CORES["cortex-m55"])[0]
    for header in headers_of(CORES["cortex-m55"]):
        check(gcc, tmp_path, [header], "-fsyntax-only")


REFUSED = (
    ("cortex-m4", "mcucc_base.h", ("-U__GNUC__",), "no inline assembly in GNU's form"),
    ("cortex-m55", "mcucc_base.h", ("-U__GNUC__",), "37 times"),
    ("cortex-m0plus", "mcucc_base.h", ("-U__GNUC__",), "Define MCUCC_ALLOW_PORTABLE"),
    ("cortex-m3", "mcucc_depthwise_dsp.h", (), "for the DSP extension"),
    ("cortex-m0", "mcucc_pointwise_dsp.h", (), "for the DSP extension"),
    ("cortex-m33", "mcucc_conv_mve.h", (), "for Helium"),
    ("cortex-m55", "mcucc_add_mve.h", ("-mfloat-abi=soft",), "for Helium"),
    ("cortex-m3", "mcucc_conv_thumb1.h", (), "for the Cortex-M0 and M0[+]"),
)


@pytest.mark.parametrize(("core", "header", "flags", "words"), REFUSED)
def test_no_gnuc_and_other_slow_ways_are_refused_and_can_be_allowed(
    tmp_path: Path, core: str, header: str, flags: tuple[str, ...], words: str
) -> None:
    """Plain C would take the place of assembly, 3 to 37 times slower, and nobody would know."""
    gcc = Compiler(find_tool(ARM_GCC), CORES[core].gcc_flags)
    with pytest.raises(ToolchainError, match=words):
        check(gcc, tmp_path, [header], *flags)
    check(gcc, tmp_path, [header], *flags, ALLOWED)


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m3", "cortex-m7"])
def test_big_endian_is_refused(tmp_path: Path, core: str) -> None:
    for compiler in arm_compilers(CORES[core]):
        with pytest.raises(ToolchainError, match="is big-endian"):
            check(compiler, tmp_path, ["mcucc_base.h"], "-mbig-endian", ALLOWED)


CALLS = {
    "cortex-m0plus": """#include "mcucc_dot_thumb1.h"
void call(mcucc_eight_t *s);
void call(mcucc_eight_t *s) { mcucc_eight_add(s); }
""",
    "cortex-m3": """#include "mcucc_blocks.h"
void call(mcucc_pair_t *s);
void call(mcucc_pair_t *s) { mcucc_fours_2x4(s); }
""",
}


def assembly_of(compiler: Compiler, work: Path, text: str, *flags: str) -> str:
    source, target = work / "call.c", work / "call.s"
    source.write_text(text, encoding="utf-8")
    compiler.run(
        [*WARNINGS, *runtime_includes(), *flags, "-S", str(source), "-o", str(target)], cwd=work
    )
    return target.read_text(encoding="utf-8")


@pytest.mark.parametrize("core", CALLS)
def test_a_reserved_r9_is_left_alone(tmp_path: Path, core: str) -> None:
    """Systems keep a base or a thread in it. Where that cannot be seen the compiler stops."""
    for compiler in arm_compilers(CORES[core]):
        text = CALLS[core]
        assert "r9" in assembly_of(compiler, tmp_path, text, "-O2")
        with pytest.raises(ToolchainError, match=r"impossible constraints|more registers"):
            assembly_of(compiler, tmp_path, text, "-O2", "-ffixed-r9")
        for flags in (("-O2",), ("-Os",)):
            kept = assembly_of(compiler, tmp_path, text, *flags, "-ffixed-r9", "-DMCUCC_KEEP_R9")
            assert "r9" not in kept.split("call:")[1]
        based = ("-frwpi",) if compiler.is_clang else ("-fpic", "-msingle-pic-base")
        assert "r9" not in assembly_of(compiler, tmp_path, text, "-O2", *based).split("call:")[1]
