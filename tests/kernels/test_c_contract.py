"""What every generated network promises to compilers and linkers."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mcucc.build.elf import section_sizes
from mcucc.build.process import run_child
from mcucc.build.project import NETWORK_OPTIMIZATION, compile_network
from mcucc.build.toolchain import ARM_GCC, HOST_CLANG, HOST_GCC, WARNINGS, Compiler, find_tool
from mcucc.errors import ToolchainError
from mcucc.ops import Int8Graph
from mcucc.reference.interpreter import run
from mcucc.targets.board import CORES
from tests.graphs import GraphBuilder, every_operator_graph, random_inputs
from tests.kernels.compiled import Generated, flat_samples, generate

STRICT = (
    *WARNINGS,
    "-Wdouble-promotion",
    "-Wmissing-prototypes",
    "-Wmissing-declarations",
    "-Wstrict-prototypes",
    "-Wwrite-strings",
    "-Wvla",
    "-Walloca",
)
CPP = ("-std=c++98", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wundef", "-Werror")
FLOAT_HELPER = re.compile(r"__aeabi_([fd]\w+|\w+2[fd])")
CORE_NAMES = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55")


def small_network(name: str, seed: int) -> Int8Graph:
    b = GraphBuilder(name, seed)
    x = b.input((1, 6, 6, 2))
    features = b.depthwise(b.conv(x, 4, activation="relu"), multiplier=2, pads="valid")
    classes = b.softmax(b.dense(b.flatten(b.average_pool(features, (2, 2))), 4))
    return b.build(classes, b.mean(features))


@pytest.fixture(scope="module", params=["int8", "uint8", "float"])
def everything(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generated:
    folder = tmp_path_factory.mktemp("everything") / "c"
    return generate(every_operator_graph(), folder, io=request.param)


def symbols(gcc: Compiler, path: Path) -> Iterator[tuple[str, bool]]:
    """Name of each global symbol of an object, and whether it is defined there."""
    nm = gcc.path.name.removesuffix("gcc") + "nm"  # gcc may be a link to a cache of objects
    done = run_child([nm, "-g", "-P", str(path)], cwd=path.parent, timeout_s=60)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        name, kind = line.split()[:2]
        yield name, kind != "U"


def check_objects(gcc: Compiler, objects: list[Path], name: str) -> None:
    """Prefixed symbols, nothing writable, nothing needed but memcpy, memset and the compiler's.

    Of the compiler's helpers those for floats may be needed in the file of float edges alone.
    """
    found = {path.stem: list(symbols(gcc, path)) for path in objects}
    defined = {symbol for each in found.values() for symbol, here in each if here}
    assert f"{name}_run" in defined
    assert all(symbol.startswith(f"{name}_") for symbol in defined), defined
    for path in objects:
        sizes = section_sizes(path)
        assert (sizes.data, sizes.bss) == (0, 0), path.stem
        needed = {symbol for symbol, here in found[path.stem] if not here} - defined
        helpers = {symbol for symbol in needed if symbol.startswith("__aeabi_")}
        assert needed - helpers <= {"memcpy", "memset"}, path.stem
        floats = {helper for helper in helpers if FLOAT_HELPER.fullmatch(helper)}
        assert path.stem == f"{name}_io" or not floats, path.stem


@pytest.mark.qemu
@pytest.mark.parametrize("core", CORE_NAMES)
def test_cores(everything: Generated, tmp_path: Path, core: str) -> None:
    gcc = Compiler(find_tool(ARM_GCC), CORES[core].gcc_flags)
    flags = (*STRICT, NETWORK_OPTIMIZATION)
    objects = compile_network(gcc, everything.directory, everything.network, tmp_path, flags)
    check_objects(gcc, objects, "everything")


@pytest.mark.qemu
def test_header_is_cpp(everything: Generated, tmp_path: Path) -> None:
    """The cross compiler brings its C++ front end; the host's is a package of its own."""
    program = everything.program
    ctype, run_float = program.element.ctype, "everything_run_float"
    declared = (everything.directory / "everything.h").read_text().partition(f"{run_float}(")[2]
    reals = ", real" * declared.partition(")")[0].count("float *")
    on_floats = f"({run_float}(arena{reals}) == 0) && " if program.runs_on_floats else ""
    source = tmp_path / "user.cpp"
    source.write_text(
        '#include "everything.h"\n'
        f"{ctype} first_output(void *arena, float *real);\n"
        f"{ctype} first_output(void *arena, float *real)\n"
        "{\n"
        f"    {ctype} *const input = everything_input0(arena);\n"
        "    everything_quantize_input0(real, input);\n"
        f"    const bool ran = {on_floats}(everything_run(arena) == 0);\n"
        "    return ran ? *everything_output0(arena) : *input;\n"
        "}\n",
        encoding="utf-8",
    )
    include = f"-I{everything.directory}"
    gcc = Compiler(find_tool(ARM_GCC), CORES["cortex-m4"].gcc_flags)
    gcc.run(["-x", "c++", *CPP, include, "-c", str(source), "-o", "user.o"], cwd=tmp_path)
    found = set(symbols(gcc, tmp_path / "user.o"))
    assert ("everything_run", False) in found
    assert ((run_float, False) in found) == program.runs_on_floats


@pytest.mark.cc
@pytest.mark.parametrize("hooks", [(), ("-DEVERYTHING_TRACE", "-DEVERYTHING_STEP_HOOKS")])
def test_host(everything: Generated, tmp_path: Path, hooks: tuple[str, ...]) -> None:
    gcc = Compiler(find_tool(HOST_GCC))
    flags = (*STRICT, "-O2", "-fno-pie", "-fno-stack-protector", "-U_FORTIFY_SOURCE", *hooks)
    objects = compile_network(gcc, everything.directory, everything.network, tmp_path, flags)
    if not hooks:
        check_objects(gcc, objects, "everything")
    example = everything.directory / "example/main.c"
    gcc.compile(example, tmp_path / "example.o", (*flags, f"-I{everything.directory}"))


@pytest.mark.cc
@pytest.mark.parametrize("compiler", [HOST_GCC, HOST_CLANG])
def test_two_networks_in_one_program(compiler: str, tmp_path: Path) -> None:
    """They share kernels and runtime headers, and each has its own arena."""
    pair = [
        generate(small_network(name, seed), tmp_path / name)
        for name, seed in (("cat", 21), ("dog", 22))
    ]
    kernels = [set(each.kernels.values()) - {None} for each in pair]
    assert kernels[0] & kernels[1]
    gcc = Compiler(find_tool(compiler))
    objects = [
        path
        for each in pair
        for path in compile_network(
            gcc, each.directory, each.network, tmp_path / f"{each.network.name}_o", (*STRICT, "-O1")
        )
    ]
    (tmp_path / "main.c").write_text(_main_of(pair), encoding="utf-8")
    includes = [f"-I{each.directory}" for each in pair]
    target = tmp_path / "both"
    sources = ["main.c", *map(str, objects)]
    gcc.run([*WARNINGS, *includes, *sources, "-o", str(target)], cwd=tmp_path)
    inputs = [random_inputs(each.graph, 1, seed=23) for each in pair]
    for each, given in zip(pair, inputs, strict=True):
        flat_samples(each.graph, given).tofile(tmp_path / f"{each.network.name}.in")
    done = run_child([str(target)], cwd=tmp_path, timeout_s=60)
    assert done.returncode == 0, done.stderr
    for each, given in zip(pair, inputs, strict=True):
        values = run(each.graph, given)
        expected = np.concatenate([values[port.tensor].ravel() for port in each.graph.outputs])
        got = np.fromfile(tmp_path / f"{each.network.name}.out", np.int8)
        np.testing.assert_array_equal(got, expected)


def _main_of(pair: list[Generated]) -> str:
    """Reads all inputs, runs both networks, then writes all outputs."""
    names = [each.network.name for each in pair]
    lines = ["#include <stdio.h>", *(f'#include "{name}.h"' for name in names)]
    for name in names:
        lines.append(f"static union {{ int32_t align; int8_t bytes[{name.upper()}_ARENA_BYTES]; }}")
        lines.append(f"    {name}_arena;")
    lines += ["int main(void)", "{", "    FILE *file;"]
    for name in names:
        size, where = f"{name.upper()}_INPUT0_BYTES", f"{name}_input0(&{name}_arena)"
        lines.append(f'    file = fopen("{name}.in", "rb");')
        lines.append(f"    if (file == NULL || fread({where}, {size}, 1, file) != 1) return 1;")
        lines.append("    fclose(file);")
    lines += [f"    if ({name}_run(&{name}_arena) != 0) return 2;" for name in names]
    for name in names:
        lines.append(f'    file = fopen("{name}.out", "wb");')
        lines.append("    if (file == NULL) return 3;")
        for i in (0, 1):
            size, where = f"{name.upper()}_OUTPUT{i}_BYTES", f"{name}_output{i}(&{name}_arena)"
            lines.append(f"    if (fwrite({where}, {size}, 1, file) != 1) return 4;")
        lines.append("    fclose(file);")
    return "\n".join([*lines, "    return 0;", "}", ""])


@pytest.mark.cc
def test_all_c_files_of_a_directory_have_no_main(everything: Generated, tmp_path: Path) -> None:
    """As those build who take every file; the example brings the only one, from its own folder."""
    gcc = Compiler(find_tool(HOST_GCC))
    sources = [str(path) for path in sorted(everything.directory.glob("*.c"))]
    with pytest.raises(ToolchainError, match="main"):
        gcc.run(["-std=c99", *sources, "-o", "none"], cwd=tmp_path)
    example = str(everything.directory / "example" / "main.c")
    include = f"-I{everything.directory}"
    gcc.run(["-std=c99", include, *sources, example, "-o", "example"], cwd=tmp_path)
    assert (tmp_path / "example").is_file()
