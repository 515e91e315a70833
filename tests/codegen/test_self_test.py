"""Recorded samples: what they hold, and the C that runs them."""

import ctypes
import re
from pathlib import Path

import numpy as np
import pytest

from mcucc.api.compile import CompileOptions, compile_model
from mcucc.build.toolchain import HOST_CLANG, HOST_GCC, WARNINGS, Compiler, find_tool
from mcucc.codegen import Files, Io, Provenance, emit, lower, self_test
from mcucc.kernels import select_kernels
from mcucc.reference.interpreter import run
from mcucc.schedule import plan_memory, schedule_layers
from tests.graphs import GraphBuilder, random_inputs
from tests.importer.qdq_models import QdqModel

STRICT = (*WARNINGS, "-Wmissing-prototypes", "-Wstrict-prototypes", "-fPIC", "-shared")
SAMPLES = 3


def files_with_samples(io: Io = "int8", samples: int = SAMPLES) -> Files:
    """A network with two inputs and two outputs."""
    b = GraphBuilder("pair", seed=51)
    first, second = b.input((1, 3, 3, 2)), b.input((1, 3, 3, 2))
    graph = b.build(b.add(first, second), b.mean(first))
    inputs = random_inputs(graph, samples)
    values = run(graph, inputs)
    plan = plan_memory(schedule_layers(graph, select_kernels(graph)))
    provenance = Provenance("0.0.0", "a.onnx", "0" * 64, "host", f"--selftest {samples}")
    program = lower(plan, provenance, io)
    test = self_test(
        [inputs[port.tensor] for port in graph.inputs],
        [values[port.tensor] for port in graph.outputs],
        (program.element, program.output_element),
    )
    return emit(program, selftest=test)


def built(files: Files, work: Path) -> ctypes.CDLL:
    for name, text in files.items():
        (work / name).parent.mkdir(exist_ok=True)
        (work / name).write_text(text, encoding="utf-8")
    sources = [name for name in files if name.endswith(".c") and "/" not in name]
    Compiler(find_tool(HOST_GCC)).run([*STRICT, *sources, "-o", "pair.so"], cwd=work)
    return ctypes.CDLL(str(work / "pair.so"))


@pytest.mark.cc
@pytest.mark.parametrize("io", ["int8", "uint8", "float"])
def test_it_passes_and_finds_the_first_difference(io: Io, tmp_path: Path) -> None:
    files = dict(files_with_samples(io))
    (tmp_path / "right").mkdir()
    (tmp_path / "wrong").mkdir()
    arena = np.zeros(1000, np.int32).ctypes
    library = built(files, tmp_path / "right")
    assert library.pair_selftest(arena) == 0
    assert library.pair_selftest(None) == -1
    assert library.pair_selftest(ctypes.c_void_p(arena.data + 1)) == -1
    files["pair_selftest.c"] = with_last_output_changed(files["pair_selftest.c"])
    assert built(files, tmp_path / "wrong").pair_selftest(arena) == SAMPLES


@pytest.mark.cc
@pytest.mark.parametrize("compiler", [HOST_GCC, HOST_CLANG])
@pytest.mark.parametrize("samples", [1, 2])
def test_it_compiles_at_any_level(compiler: str, samples: int, tmp_path: Path) -> None:
    """gcc 12 has warnings at -O0 alone of arrays that hold a single sample."""
    for name, text in files_with_samples(samples=samples).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    for level in ("-O0", "-Og", "-Os", "-O2", "-O3"):
        Compiler(find_tool(compiler)).run(
            [*STRICT, level, "pair_selftest.c", "-o", "selftest.so"], cwd=tmp_path
        )


def with_last_output_changed(text: str) -> str:
    """The last number of the last array, plus or minus 1."""
    last = list(re.finditer(r"-?\d+(?=,\n\};)", text))[-1]
    number = int(last.group())
    changed = number - 1 if number > 0 else number + 1
    return f"{text[: last.start()]}{changed}{text[last.end() :]}"


def test_head_says_what_is_compared() -> None:
    text = files_with_samples()["pair_selftest.c"]
    assert "Only the network's outputs are compared" in text


@pytest.mark.parametrize(("count", "different"), [(1, 1), (4, 4), (20, 5)])
def test_samples_have_different_outputs(count: int, different: int, tmp_path: Path) -> None:
    """Almost every input saturates: draws with less contrast must come to help.

    The network has five outputs in all; what is wanted beyond them repeats.
    """
    m = QdqModel()
    m.output(m.pair(m.input("x", (1, 1), 2**-4, 0), "y", 2**-10, 0))
    path = tmp_path / "saturating.onnx"
    path.write_bytes(m.proto().SerializeToString())
    options = CompileOptions("mps2-an386", name="saturating", selftest=count)
    text = compile_model(path, options).files["saturating_selftest.c"]
    assert f"#define SAMPLES {count}u" in text
    inputs, outputs = (
        np.array([int(number) for number in re.findall(r"-?\d+", array)]).reshape(count, -1)
        for array in re.findall(r"put0\[.*?\] = \{(.*?)\}", text, flags=re.DOTALL)
    )
    assert len(np.unique(outputs)) == different
    np.testing.assert_array_equal(np.clip(64 * inputs, -128, 127), outputs)
