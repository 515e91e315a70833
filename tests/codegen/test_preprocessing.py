"""What a model computes of an input before it quantizes it: C, numpy and the core, bit for bit."""

import ctypes
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.api.network import Calibration, load_network
from mcucc.build.network import Network
from mcucc.build.project import BuildOptions, build_cortex_m, build_host_executable
from mcucc.build.toolchain import HOST_CLANG, HOST_GCC, WARNINGS, Compiler, find_tool
from mcucc.codegen import Io
from mcucc.importer import read_onnx
from mcucc.ops import Int8Graph
from mcucc.reference import interpreter
from mcucc.reference.fixed_point import quantize
from mcucc.reference.preprocessing import preprocess, unprocess
from mcucc.sim.host import run_executable
from mcucc.sim.qemu import run_qemu
from mcucc.targets.board import load_board
from tests.graphs import random_inputs
from tests.importer.qdq_models import QdqModel
from tests.importer.test_preprocessing import SHAPE, TAKEN, channels, finished, number, written
from tests.kernels.compiled import Generated, flat_samples, generate

Reals = NDArray[np.float32]
FUSING = ("-O3", "-ffp-contract=fast")
"""As gcc compiles without `-std=c99`: a product and the sum behind it become one instruction."""


def scaled_and_moved() -> QdqModel:
    """A product and a sum: what a compiler likes to fuse."""
    m = QdqModel()
    x = m.op("Mul", m.plain_input("image", SHAPE), channels(m, (0.017, 0.0175, 0.0171)), name="a")
    x = m.op("Sub", x, channels(m, (2.1179, 2.0357, 1.8044)), name="b")
    x = m.op("Mul", x, number(m, 1.01), name="c")
    return finished(m, m.op("Sub", number(m, 0.3), x, name="d"), 2**-5)


BUILDS: dict[str, Callable[[], QdqModel]] = {
    **{name: build for name, (build, _) in TAKEN.items()},
    "scaled and moved": scaled_and_moved,
}


def made(name: str, folder: Path, io: Io = "int8") -> Generated:
    path = written(BUILDS[name](), folder)
    graph = load_network(read_onnx(path), "net", Calibration()).graph
    assert graph.inputs[0].preprocessing
    return generate(graph, folder / "c", io=io)


def reals_of(graph: Int8Graph, count: int) -> Reals:
    """Inner layout: where one int8 value becomes the next, and what no pixel is.

    There a last bit decides, which is another one if a product is not rounded.
    """
    (port,) = graph.inputs
    quant = graph.tensors[port.tensor].q
    rng = np.random.default_rng(5)
    between = rng.integers(-120, 120, (count, *port.shape[1:])) - quant.zero_point + 0.5
    x = unprocess(port.preprocessing, (between * quant.scale).astype(np.float32))
    away = rng.integers(-2, 3, x.shape)
    x = (x.view(np.int32) + away.astype(np.int32)).view(np.float32)
    inner = x if port.perm is None else x.transpose(port.perm)
    flat = np.ascontiguousarray(inner).reshape(count, -1)
    odd = np.array([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-45, -0.0], np.float32)
    flat[0] = np.resize(odd, flat.shape[1])
    flat[1] = np.arange(flat.shape[1]) % 256
    return flat


def expected(graph: Int8Graph, x: Reals) -> NDArray[np.int8]:
    """numpy's meaning, which is defined in the layout of the file."""
    (port,) = graph.inputs
    inner = x.reshape(-1, *graph.tensors[port.tensor].shape[1:])
    perm = port.perm or tuple(range(len(port.shape)))
    onnx = preprocess(port.preprocessing, inner.transpose(np.argsort(perm)))
    q = quantize(onnx, graph.tensors[port.tensor].q)
    return q.transpose(perm).reshape(len(x), -1)


@pytest.mark.cc
@pytest.mark.parametrize("tool", [HOST_GCC, HOST_CLANG])
@pytest.mark.parametrize("name", BUILDS)
def test_quantizing_edge_on_the_host(name: str, tool: str, tmp_path: Path) -> None:
    c = made(name, tmp_path)
    flags = (*WARNINGS, "-fPIC", "-shared", *FUSING, "-march=native")
    source = str(c.directory / "net_io.c")
    Compiler(find_tool(tool), flags).run([source, "-o", "io.so"], cwd=tmp_path)
    edge = ctypes.CDLL(str(tmp_path / "io.so")).net_quantize_input0
    x = reals_of(c.graph, 30)
    q = np.zeros(x.shape, np.int8)
    for sample, made_of_it in zip(x, q, strict=True):
        edge(ctypes.c_void_p(sample.ctypes.data), ctypes.c_void_p(made_of_it.ctypes.data))
    np.testing.assert_array_equal(q, expected(c.graph, x))


PROBE = """#include "probe.h"
#include "net.h"

int probe_run(void *arena)
{{
    net_quantize_input0((const float *)arena, (int8_t *)arena + {offset});
    return 0;
}}
"""
PROBE_HEADER = """#include <stdint.h>
#define PROBE_ARENA_BYTES {arena}u
#define PROBE_ARENA_ALIGN 4u
#define PROBE_INPUT0_OFFSET 0u
#define PROBE_INPUT0_BYTES {offset}u
#define PROBE_OUTPUT0_OFFSET {offset}u
#define PROBE_OUTPUT0_BYTES {count}u
int probe_run(void *arena);
"""


@pytest.mark.qemu
@pytest.mark.parametrize("name", ["per channel", "scaled and moved"])
def test_quantizing_edge_on_the_core(name: str, tmp_path: Path) -> None:
    """A Cortex-M4 has VFMA, and gcc uses it if it is let."""
    c = made(name, tmp_path)
    x = reals_of(c.graph, 12)
    count = x.shape[1]
    probe = tmp_path / "probe"
    probe.mkdir()
    for file in ("net_io.c", "net.h"):
        (probe / file).write_text((c.directory / file).read_text())
    sizes = {"offset": 4 * count, "count": count, "arena": 5 * count}
    (probe / "probe.c").write_text(PROBE.format(**sizes))
    (probe / "probe.h").write_text(PROBE_HEADER.format(**sizes))
    network = Network("probe", (4 * count,), (count,), arena_bytes=5 * count, arena_align=4)
    board = load_board("mps2-an386")
    core = replace(board.core, gcc_flags=(*board.core.gcc_flags, *FUSING[1:]))
    program = build_cortex_m(probe, network, replace(board, core=core), tmp_path)
    found = run_qemu(program, network, board, x.view(np.int8)).outputs[0]
    np.testing.assert_array_equal(found, expected(c.graph, x))


@pytest.mark.cc
@pytest.mark.qemu
@pytest.mark.parametrize("name", ["along the rows", "channels last", "scaled and moved"])
def test_run_float_takes_the_models_own_input(name: str, tmp_path: Path) -> None:
    """The harness gives it the inputs that int8 samples stand for, here and on the core."""
    c = made(name, tmp_path, io="float")
    network = replace(c.network, preprocessing=tuple(p.preprocessing for p in c.program.inputs))
    inputs = random_inputs(c.graph, 4)
    wanted = interpreter.run(c.graph, inputs)[c.graph.outputs[0].tensor].reshape(4, -1)
    options = BuildOptions(run_float=True)
    flat = flat_samples(c.graph, inputs)
    host = build_host_executable(c.directory, network, tmp_path / "host", options)
    np.testing.assert_array_equal(run_executable(host, network, flat).outputs[0], wanted)
    board = load_board("mps2-an386")
    program = build_cortex_m(c.directory, network, board, tmp_path / "core", options)
    np.testing.assert_array_equal(run_qemu(program, network, board, flat).outputs[0], wanted)


def test_the_header_lists_the_steps(tmp_path: Path) -> None:
    c = made("per channel", tmp_path)
    header = (c.directory / "net.h").read_text()
    assert (
        " * It is what the model makes of its own input x, in float, before it quantizes it:\n"
        " *   centered: x - (100, 120, 140)\n"
        " *   normal: x / (50, 60, 55)\n"
        " * net_quantize_input0 takes x. */\n"
    ) in header


def test_products_before_sums_alone_are_volatile(tmp_path: Path) -> None:
    source = (made("scaled and moved", tmp_path).directory / "net_io.c").read_text()
    assert source.count("product = ") == 2
    assert "volatile float product;" in source
    (tmp_path / "other").mkdir()
    assert (
        "volatile"
        not in (made("per channel", tmp_path / "other").directory / "net_io.c").read_text()
    )


def test_pixels_as_the_models_input(tmp_path: Path) -> None:
    """u / 255 - 128 / 255 at a scale of 1 / 255 is u - 128: the image edge says of what."""
    m = QdqModel()
    x = m.op("Sub", m.plain_input("image", SHAPE), number(m, 128 / 255), name="centered")
    path = written(finished(m, x, 1 / 255), tmp_path)
    graph = load_network(read_onnx(path), "net", Calibration()).graph
    zero = replace(graph.tensors[graph.inputs[0].tensor].q, zero_point=0)
    kind = replace(graph.tensors[graph.inputs[0].tensor], quant=zero)
    graph = replace(graph, tensors={**graph.tensors, graph.inputs[0].tensor: kind})
    c = generate(graph, tmp_path / "c")
    assert (
        "pixel value u stands for the model's input u / 255." in (c.directory / "net.h").read_text()
    )
