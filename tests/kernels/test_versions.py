"""Files of two versions of mcucc do not build together; those of one version do."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mcucc.build.process import run_child
from mcucc.build.toolchain import HOST_CLANG, HOST_GCC, WARNINGS, Compiler, find_tool
from mcucc.codegen import Program, Provenance, emit, lower
from mcucc.codegen.program import API
from mcucc.errors import ToolchainError
from mcucc.kernels import select_kernels
from mcucc.resources import runtime_headers
from mcucc.schedule import plan_memory, schedule_layers
from tests.kernels.compiled import PROVENANCE, generate
from tests.kernels.test_c_contract import small_network

pytestmark = pytest.mark.cc

COMPILERS = pytest.mark.parametrize("compiler", [HOST_GCC, HOST_CLANG])
HEADERS = ("mcucc_base.h", "mcucc_conv.h", "mcucc_requantize.h")


def program_of(version: str) -> Program:
    graph = small_network("cat", 21)
    plan = plan_memory(schedule_layers(graph, select_kernels(graph)))
    return lower(plan, replace(PROVENANCE, version=version))


def written(version: str, folder: Path) -> Path:
    for name, text in emit(program_of(version)).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def compiled(compiler: str, folder: Path) -> None:
    Compiler(find_tool(compiler)).compile(folder / "cat.c", folder / "cat.o", WARNINGS)


@COMPILERS
@pytest.mark.parametrize("header", HEADERS)
def test_a_runtime_header_of_another_version(compiler: str, header: str, tmp_path: Path) -> None:
    old, new = written("1.2.3", tmp_path / "old"), written("1.2.4", tmp_path / "new")
    for folder in (old, new):
        compiled(compiler, folder)
    shutil.copy(new / header, old / header)
    message = r"mcucc: files of version 1\.2\.[34] and of another one in one build"
    with pytest.raises(ToolchainError, match=message):
        compiled(compiler, old)


@COMPILERS
def test_all_runtime_headers_of_another_version(compiler: str, tmp_path: Path) -> None:
    """As where the files of one network were copied over those of another."""
    old, new = written("1.2.3", tmp_path / "old"), written("2.2.3", tmp_path / "new")
    for path in new.glob("mcucc_*.h"):
        shutil.copy(path, old / path.name)
    with pytest.raises(ToolchainError, match="Compile all networks with one mcucc"):
        compiled(compiler, old)


@COMPILERS
def test_a_header_that_expects_another_interface(compiler: str, tmp_path: Path) -> None:
    """The network's own header says what it expects of headers of the runtime."""
    folder = written("1.2.3", tmp_path / "c")
    own = folder / "cat.h"
    stale = own.read_text().replace(f"MCUCC_API {API}\n", f"MCUCC_API {API + 1}\n")
    own.write_text(stale.replace(f"MCUCC_API != {API}\n", f"MCUCC_API != {API + 1}\n"))
    with pytest.raises(ToolchainError, match=r"files that do not fit those of version 1\.2\.3"):
        compiled(compiler, folder)


@COMPILERS
def test_two_networks_whose_files_lie_in_one_folder(compiler: str, tmp_path: Path) -> None:
    cat = generate(small_network("cat", 21), tmp_path / "cat")
    dog = generate(small_network("dog", 22), tmp_path / "dog")
    shutil.copytree(dog.directory, cat.directory, dirs_exist_ok=True)
    main = cat.directory / "main.c"
    arenas = [f"static int32_t {name}[{name.upper()}_ARENA_BYTES];" for name in ("cat", "dog")]
    body = "int main(void) { return (cat_run(cat) != 0) || (dog_run(dog) != 0); }"
    main.write_text("\n".join(['#include "cat.h"', '#include "dog.h"', *arenas, body, ""]))
    sources = [path.name for path in cat.directory.glob("*.c")]
    tool = Compiler(find_tool(compiler))
    tool.run([*WARNINGS, "-O1", *sources, "-o", "both"], cwd=cat.directory)
    done = run_child([str(cat.directory / "both")], cwd=tmp_path, timeout_s=60)
    assert done.returncode == 0


def test_every_header_of_the_runtime_has_licence_and_version() -> None:
    files = emit(program_of("0.31.7"))
    headers = {name: text for name, text in files.items() if name in runtime_headers()}
    assert set(HEADERS) <= set(headers)
    for name, text in headers.items():
        first, _, third = text.splitlines()[:3]
        assert first == "/* SPDX-License-Identifier: Apache-2.0"
        assert third.startswith(f" * {name} of mcucc 0.31.7: ")
        assert "\n#define MCUCC_RUNTIME_VERSION 31007 /* 0.31.7 */\n" in text
    assert '\n#define CAT_VERSION "0.31.7"\n' in files["cat.h"]
    assert all(len(line) <= 100 for text in headers.values() for line in text.splitlines())


@pytest.mark.parametrize(
    ("version", "number"), [("0.1.0", 1000), ("1.2.3", 1002003), ("12.0.1.dev4+g5", 12000001)]
)
def test_a_version_as_a_number(version: str, number: int) -> None:
    assert Provenance(version, "m", "0", "b", "").number == number
    assert re.fullmatch(r"\d+", str(number))
