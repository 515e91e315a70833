"""The generated text: hostile names, repeatability, comments, image and float edges."""

import ctypes
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcucc.build.process import run_child
from mcucc.build.project import compile_network
from mcucc.build.toolchain import HOST_GCC, WARNINGS, Compiler, find_tool
from mcucc.codegen import Files, Io, Provenance, emit, lower
from mcucc.codegen.program import Element
from mcucc.ir import QParams
from mcucc.kernels import select_kernels
from mcucc.ops import Int8Graph
from mcucc.reference.fixed_point import dequantize, quantize
from mcucc.resources import runtime_headers
from mcucc.schedule import plan_memory, schedule_layers
from tests.codegen.hostile import HOSTILE_NAMES, hostile_graph
from tests.graphs import GraphBuilder, every_operator_graph, quant
from tests.kernels.compiled import assert_c_agrees, generate

CHECKOUT = Path(__file__).parents[2]
EVIL = Provenance("0.0.0", "*\\ model */ #error.onnx", "0" * 64, "*/ board", "--name */\\")


def files_of(graph: Int8Graph, provenance: Provenance = EVIL) -> Files:
    plan = plan_memory(schedule_layers(graph, select_kernels(graph)))
    return emit(lower(plan, provenance))


def without_comments(text: str) -> str:
    """The code alone; fails where comments do not pair up."""
    code = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    assert "/*" not in code
    assert "*/" not in code
    return code


@pytest.mark.cc
def test_hostile_names_compile_silently_and_compute_the_same(tmp_path: Path) -> None:
    assert_c_agrees(generate(hostile_graph(), tmp_path / "c"), tmp_path)


def test_hostile_names_reach_comments_alone() -> None:
    files = files_of(hostile_graph())
    for name, text in files.items():
        assert text.isascii(), name
        if name.endswith((".c", ".h")):
            code = without_comments(text)
            assert not re.search(r"#error(?! \"mcucc: )|int x|\{%|\x1b", code), name


def test_lines_end_without_blanks() -> None:
    for name, text in files_of(every_operator_graph(), replace(EVIL, model_file="a.onnx")).items():
        assert not re.search(r"[ \t]$", text, flags=re.MULTILINE), name
        assert text.endswith("\n"), name
        assert not text.endswith("\n\n"), name


def test_one_comment_holds_the_memory_map() -> None:
    text = files_of(hostile_graph())["hostile.c"]
    (found,) = re.findall(r"/\* Memory map.*?\*/", text, flags=re.DOTALL)
    lines = found.splitlines()
    assert len(lines) > len(HOSTILE_NAMES)
    assert all(line.startswith(" *") for line in lines[1:])
    assert lines[-1] == " */"
    assert "<- peak" in found


def test_same_program_same_bytes() -> None:
    assert files_of(every_operator_graph()) == files_of(every_operator_graph())


def test_bytes_do_not_depend_on_hashes() -> None:
    """Two processes whose strings hash differently print the same."""
    script = (
        "from tests.codegen.test_generated_text import files_of, hostile_graph\n"
        "import hashlib\n"
        "text = repr(sorted(files_of(hostile_graph()).items()))\n"
        "print(hash('a'), hashlib.sha256(text.encode()).hexdigest())\n"
    )
    outputs: list[list[str]] = []
    for seed in ("1", "2"):
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(map(str, sys.path))}
        done = run_child(
            [sys.executable, "-c", script], cwd=CHECKOUT, timeout_s=60, environment=environment
        )
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout.split())
    (hash_1, digest_1), (hash_2, digest_2) = outputs
    assert hash_1 != hash_2
    assert digest_1 == digest_2


def test_runtime_headers_are_copied_verbatim() -> None:
    files = files_of(every_operator_graph())
    copies = {name: text for name, text in files.items() if name.startswith("mcucc_")}
    assert copies
    for name, text in copies.items():
        assert text.endswith(runtime_headers()[name].read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", ["pool", "pad", "add", "mean"])
def test_every_included_header_is_there(kind: str) -> None:
    """Also in networks that have no weights."""
    b = GraphBuilder("bare")
    x = b.input((1, 4, 4, 2))
    match kind:
        case "pool":
            b.average_pool(x, (2, 2))
        case "pad":
            b.pad(x, (1, 1, 1, 1))
        case "add":
            b.add(x, x)
        case _:
            b.mean(x)
    files = files_of(b.build())
    for text in files.values():
        assert set(re.findall(r'^#include "(.*)"', text, flags=re.MULTILINE)) <= set(files)


def test_header_constants_are_decimal_literals_and_bind_as_one_value() -> None:
    header = files_of(every_operator_graph())["everything.h"]
    values = dict(re.findall(r"^#define (EVERYTHING_\w+) (\S+)$", header, flags=re.MULTILINE))
    assert values.pop("EVERYTHING_VERSION") == '"0.0.0"'
    assert values["EVERYTHING_INPUT0_H"] == "9u"
    assert values["EVERYTHING_OUTPUT0_ZERO_POINT"] == "(-128)"
    assert all(re.fullmatch(r"\d+|\(-\d+\)|\d+u|\d+\.\d+f", value) for value in values.values())


IMAGES = {
    "u": quant(1.0, -128),
    "u / 255": quant(1 / 255, -128),
    "": quant(0.02, 3),
}


@pytest.mark.cc
@pytest.mark.parametrize("io", ["int8", "uint8"])
@pytest.mark.parametrize("unit", IMAGES)
def test_edges(unit: str, io: Io, tmp_path: Path) -> None:
    """Quantizing, dequantizing and image helpers have the reference's bits."""
    b = GraphBuilder("edge", seed=41)
    x = b.input((1, 16, 20, 2), IMAGES[unit])
    b.requantize(x, quant(0.013, -11))
    generated = generate(b.build(), tmp_path / "c", io=io)
    gcc = Compiler(find_tool(HOST_GCC), ("-fPIC",))
    objects = compile_network(
        gcc, generated.directory, generated.network, tmp_path, (*WARNINGS, "-O2")
    )
    gcc.run(["-shared", *map(str, objects), "-o", "edge.so"], cwd=tmp_path)
    library = ctypes.CDLL(str(tmp_path / "edge.so"))
    check_quantize(library, IMAGES[unit], generated.program.element)
    check_dequantize(library, generated.program.element)
    header = (generated.directory / "edge.h").read_text(encoding="utf-8")
    assert ("may be written to edge_input0" in header) == (bool(unit) and io == "uint8")
    assert hasattr(library, "edge_image_input0") == (bool(unit) and io == "int8")
    if unit and io == "int8":
        pixels = np.arange(640).astype(np.uint8)
        q = np.empty(640, np.int8)
        library.edge_image_input0(address(pixels), address(q))
        np.testing.assert_array_equal(q, (pixels.astype(int) - 128).astype(np.int8))


def address(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def check_quantize(library: ctypes.CDLL, q: QParams, element: Element) -> None:
    steps = np.arange(-300, 300, dtype=np.float32) / 2
    real = np.zeros(640, np.float32)
    real[:600] = steps * np.float32(q.scale)
    real[600:608] = [np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-45, -0.0, 512 * q.scale]
    real[608:] = np.random.default_rng(42).normal(0, 64 * q.scale, 32)
    got = np.empty(640, element.name)
    library.edge_quantize_input0(address(real), address(got))
    np.testing.assert_array_equal(got.astype(int) - element.shift, quantize(real, q))


def check_dequantize(library: ctypes.CDLL, element: Element) -> None:
    q = np.arange(640).astype(np.int8)
    outside = (q.astype(int) + element.shift).astype(element.name)
    got = np.empty(640, np.float32)
    library.edge_dequantize_output0(address(outside), address(got))
    np.testing.assert_array_equal(got, dequantize(q, quant(0.013, -11)))


def test_provenance_is_in_every_file() -> None:
    provenance = replace(EVIL, model_file="a.onnx", model_sha256="0123" * 16)
    for name, text in files_of(every_operator_graph(), provenance).items():
        if not name.startswith("mcucc_") and name != "CMakeLists.txt":
            assert "model    a.onnx\n *   sha256   " + "0123" * 16 in text, name
