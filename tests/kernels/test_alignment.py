"""One alignment for the planner, the C and its headers; the bits are the same whatever it is."""

from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from mcucc.api.compile import CompileOptions, compile_model
from mcucc.build.process import run_child
from mcucc.errors import UsageError
from mcucc.schedule import PlanOptions
from mcucc.schedule.plan import Objective
from mcucc.targets.board import CORES, Core
from tests.graphs import every_operator_graph
from tests.kernels.compiled import assert_c_agrees, core_name, generate

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits_int8.onnx"


@pytest.mark.cc
@pytest.mark.parametrize("core", [None, CORES["cortex-m4"]], ids=core_name)
@pytest.mark.parametrize("objective", ["memory", "speed"])
@pytest.mark.parametrize("alignment", [16, 32])
def test_buffers_arena_and_weights_are_aligned(
    alignment: int, objective: Objective, core: Core | None, tmp_path: Path
) -> None:
    options = PlanOptions(objective, alignment=alignment)
    made = generate(every_operator_graph(), tmp_path / "c", options=options, core=core)
    offsets = made.plan.placement.offsets
    assert any(name.endswith(".scratch") for name in offsets) == (core is not None)
    assert {offset % alignment for offset in offsets.values()} == {0}
    name, text = made.program.name, made.directory
    assert f"_ARENA_ALIGN {alignment}u\n" in (text / f"{name}.h").read_text()
    assert f"__attribute__((aligned({alignment})))" in (text / f"{name}_weights.c").read_text()
    assert_c_agrees(made, tmp_path / "work", samples=2)


@pytest.mark.parametrize("alignment", [4, 8, 16, 32, 64])
def test_the_report_says_what_the_caller_must_provide(
    alignment: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    options = CompileOptions("nucleo-f446re", alignment=alignment, objective="memory")
    report = compile_model(DIGITS, options).report
    assert report.arena_align == alignment
    assert {tensor.offset % alignment for tensor in report.tensors} == {0}
    assert (f"--align {alignment}" in report.options) == (alignment != 4)


@pytest.mark.parametrize("alignment", [0, 1, 2, 12, 128, -4])
def test_other_alignments_are_refused(alignment: int) -> None:
    with pytest.raises(UsageError, match=rf"^--align {alignment}: give one of 4, 8, 16, 32, 64$"):
        CompileOptions("nucleo-f446re", alignment=alignment)


@pytest.mark.qemu
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m3", "cortex-m4"])
@pytest.mark.parametrize("compiler", ["arm-none-eabi-gcc", "clang"])
def test_assembly_that_asks_where_it_is_begins_at_a_word(
    compiler: str, core: str, tmp_path: Path
) -> None:
    """Each function in a section of its own, as firmware is built: a section of code may begin
    anywhere, but ADR counts from whole words."""
    made = generate(every_operator_graph(), tmp_path / "c", core=CORES[core])
    flags = [*CORES[core].gcc_flags, "-ffunction-sections", "-std=c99"]
    if compiler == "clang":
        flags = ["--target=arm-none-eabi", "-isystem", "/usr/lib/arm-none-eabi/include", *flags]
    for level in ("-Os", "-O3"):
        target = tmp_path / f"net{level}.o"
        source = made.directory / f"{made.program.name}.c"
        command = [compiler, *flags, level, f"-I{made.directory}", "-c", source, "-o", target]
        done = run_child([str(each) for each in command], cwd=tmp_path, timeout_s=120)
        assert done.returncode == 0, done.stderr
        with target.open("rb") as file:
            sections = {s.name: s["sh_addralign"] for s in ELFFile(file).iter_sections()}
        shared = {name: n for name, n in sections.items() if name.startswith(".text.mcucc_")}
        assert set(shared.values()) == {4}, shared
