"""What `--io` chooses: int8, uint8 or float at the C interface, the same bits inside."""

import ctypes
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.build.process import run_child
from mcucc.build.project import BuildOptions, build_cortex_m, compile_network
from mcucc.build.toolchain import HOST_GCC, WARNINGS, Compiler, find_tool
from mcucc.codegen import Io
from mcucc.ops import Int8Graph
from mcucc.reference.fixed_point import dequantize, quantize
from mcucc.reference.interpreter import run
from mcucc.sim.qemu import run_qemu
from mcucc.targets.board import load_board
from tests.graphs import GraphBuilder, every_operator_graph, random_inputs
from tests.kernels.compiled import Generated, assert_c_agrees, flat_samples, generate

EVERY_IO: tuple[Io, ...] = ("int8", "uint8", "float")
SAMPLES = 4


def two_ports() -> Int8Graph:
    b = GraphBuilder("two_ports", seed=61)
    left, right = b.input((1, 4, 5, 3)), b.input((1, 4, 5, 3))
    total = b.add(left, right)
    return b.build(total, b.mean(b.conv(total, 4)))


def reshaped_input() -> Int8Graph:
    """The bytes of the input are those of an output."""
    b = GraphBuilder("reshaped_input", seed=62)
    x = b.input((1, 4, 5, 3))
    return b.build(b.reshape(x, (1, 60)), b.conv(x, 2))


def shared_outputs() -> Int8Graph:
    """Two outputs are the same bytes."""
    b = GraphBuilder("shared_outputs", seed=63)
    y = b.conv(b.input((1, 4, 5, 3)), 2)
    return b.build(y, b.flatten(y))


def in_place() -> Int8Graph:
    """The output is written over the input, unless that is kept."""
    b = GraphBuilder("in_place", seed=64)
    x = b.input((1, 4, 5, 3))
    b.clamp(b.requantize(x), -90, 100)
    return b.build()


GRAPHS: tuple[Callable[[], Int8Graph], ...] = (two_ports, reshaped_input, shared_outputs, in_place)

each_graph = pytest.mark.parametrize("build", GRAPHS, ids=lambda build: build.__name__)
each_io = pytest.mark.parametrize("io", EVERY_IO)
kept_or_not = pytest.mark.parametrize("keep_input", [False, True], ids=["", "kept"])


@pytest.mark.cc
@each_graph
@each_io
@kept_or_not
def test_every_tensor_under_sanitizers(
    build: Callable[[], Int8Graph], io: Io, keep_input: bool, tmp_path: Path
) -> None:
    generated = generate(build(), tmp_path / "c", io=io, keep_input=keep_input)
    assert_c_agrees(generated, tmp_path, samples=SAMPLES)


@pytest.mark.cc
@each_io
def test_every_operator(io: Io, tmp_path: Path) -> None:
    assert_c_agrees(generate(every_operator_graph(), tmp_path / "c", io=io), tmp_path)


@pytest.mark.cc
@pytest.mark.parametrize("build", [two_ports, in_place], ids=lambda build: build.__name__)
@pytest.mark.parametrize("io", ["int8->uint8", "uint8->int8"])
@kept_or_not
def test_what_is_given_differs_from_what_is_taken(
    build: Callable[[], Int8Graph], io: Io, keep_input: bool, tmp_path: Path
) -> None:
    generated = generate(build(), tmp_path / "c", io=io, keep_input=keep_input)
    program = generated.program
    assert f"{program.element.name}->{program.output_element.name}" == io
    assert_c_agrees(generated, tmp_path, samples=SAMPLES)


def library_of(generated: Generated, work: Path) -> ctypes.CDLL:
    """The network alone, without the harness."""
    gcc = Compiler(find_tool(HOST_GCC), ("-fPIC",))
    flags = (*WARNINGS, "-O2")
    objects = compile_network(gcc, generated.directory, generated.network, work, flags)
    gcc.run(["-shared", *map(str, objects), "-o", "network.so"], cwd=work)
    return ctypes.CDLL(str(work / "network.so"))


def aligned_arena(generated: Generated) -> NDArray[np.uint8]:
    return np.full(generated.program.arena_bytes // 4 + 1, 0x5A5A5A5A, np.uint32).view(np.uint8)


def address(array: NDArray[np.generic]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


@pytest.mark.cc
@each_graph
@pytest.mark.parametrize("io", ["int8", "uint8"])
@kept_or_not
def test_bytes_in_the_arena(
    build: Callable[[], Int8Graph], io: Io, keep_input: bool, tmp_path: Path
) -> None:
    """What a caller writes and reads is of the interface's type; inputs that are kept stay."""
    generated = generate(build(), tmp_path / "c", io=io, keep_input=keep_input)
    graph, program = generated.graph, generated.program
    library, arena = library_of(generated, tmp_path), aligned_arena(generated)
    inputs = random_inputs(graph, SAMPLES)
    values = run(graph, inputs)
    for sample in range(SAMPLES):

        def outside(tensor: str, named: dict[str, NDArray[np.int8]], i: int = sample) -> bytes:
            numbers = named[tensor][i].astype(np.int64) + (128 if io == "uint8" else 0)
            return numbers.astype(io).tobytes()

        for port in program.inputs:
            given = outside(port.tensor.name, inputs)
            arena[port.tensor.offset :][: len(given)] = np.frombuffer(given, np.uint8)
        assert getattr(library, f"{program.name}_run")(address(arena)) == 0
        expected = [(port, outside(port.tensor.name, dict(values))) for port in program.outputs]
        if keep_input:
            expected += [(port, outside(port.tensor.name, inputs)) for port in program.inputs]
        for port, wanted in expected:
            assert arena[port.tensor.offset :][: len(wanted)].tobytes() == wanted, port.onnx_name


@pytest.mark.cc
@each_graph
@kept_or_not
def test_run_float(build: Callable[[], Int8Graph], keep_input: bool, tmp_path: Path) -> None:
    """Any reals: the bits of quantizing, running in int8 and dequantizing."""
    generated = generate(build(), tmp_path / "c", io="float", keep_input=keep_input)
    graph, arena = generated.graph, aligned_arena(generated)
    run_float = getattr(library_of(generated, tmp_path), f"{graph.name}_run_float")
    random = np.random.default_rng(65)
    reals: list[NDArray[np.float32]] = []
    for port in graph.inputs:
        kind = graph.tensors[port.tensor]
        real = random.normal(0, 90 * kind.q.scale, kind.shape).astype(np.float32)
        real.flat[:4] = [np.nan, np.inf, -np.inf, 2.5 * kind.q.scale]
        reals.append(real)
    named = {
        port.tensor: quantize(real, graph.tensors[port.tensor].q)
        for port, real in zip(graph.inputs, reals, strict=True)
    }
    values = run(graph, named)
    results = [np.zeros(graph.tensors[port.tensor].shape, np.float32) for port in graph.outputs]
    buffers = [address(each) for each in (*reals, *results)]
    misaligned = ctypes.c_void_p(arena.ctypes.data + 1)
    before = arena.copy()
    assert run_float(None, *buffers) == run_float(misaligned, *buffers) == -1
    assert np.array_equal(arena, before)
    assert not any(result.any() for result in results)
    assert run_float(address(arena), *buffers) == 0
    for port, result in zip(graph.outputs, results, strict=True):
        expected = dequantize(values[port.tensor], graph.tensors[port.tensor].q)
        assert result.tobytes() == expected.tobytes(), port.name


@pytest.mark.cc
@each_io
def test_the_example_runs(io: Io, tmp_path: Path) -> None:
    """It gives the network zeros and prints what comes out, each in the interface's terms."""
    generated = generate(two_ports(), tmp_path / "c", io=io)
    graph = generated.graph
    gcc = Compiler(find_tool(HOST_GCC))
    objects = compile_network(
        gcc, generated.directory, generated.network, tmp_path, (*WARNINGS, "-O1")
    )
    example = str(generated.directory / "example/main.c")
    include = f"-I{generated.directory}"
    gcc.run([*WARNINGS, include, example, *map(str, objects), "-o", "example"], cwd=tmp_path)
    done = run_child([str(tmp_path / "example")], cwd=tmp_path, timeout_s=60)
    assert done.returncode == 0
    zeros = {
        port.tensor: np.full_like(given, graph.tensors[port.tensor].q.zero_point)
        for port, given in zip(graph.inputs, random_inputs(graph, 1).values(), strict=True)
    }
    values = run(graph, zeros)
    expected: list[str] = []
    for number, port in enumerate(graph.outputs):
        q = values[port.tensor].ravel()
        reals = dequantize(q, graph.tensors[port.tensor].q)
        texts = {
            "int8": [str(int(v)) for v in q],
            "uint8": [str(int(v) + 128) for v in q],
            "float": [f"{float(v):g}" for v in reals],
        }[io]
        expected += [f"output{number}[{i}] = {text}" for i, text in enumerate(texts)]
    assert done.stdout.splitlines() == expected


@pytest.mark.qemu
@pytest.mark.parametrize("io", ["uint8", "float"])
def test_on_a_simulated_core(io: Io, tmp_path: Path) -> None:
    generated = generate(two_ports(), tmp_path / "c", io=io, keep_input=True)
    graph, network, board = generated.graph, generated.network, load_board("mps2-an386")
    options = BuildOptions(trace=True, step_hooks="liveness")
    program = build_cortex_m(generated.directory, network, board, tmp_path, options)
    inputs = random_inputs(graph, SAMPLES)
    values = run(graph, inputs)
    result = run_qemu(program, network, board, flat_samples(graph, inputs))
    for port, got in zip(graph.outputs, result.outputs, strict=True):
        assert np.array_equal(got, values[port.tensor].reshape(got.shape)), port.name
    assert result.tensors is not None
    for tensor in generated.program.tensors:
        if tensor.id in result.tensors:
            got = result.tensors[tensor.id]
            assert np.array_equal(got, values[tensor.name].reshape(got.shape)), tensor.name


def test_shared_bytes_are_shifted_once(tmp_path: Path) -> None:
    text = {
        build: generate(build(), tmp_path / build.__name__, io="uint8", keep_input=True)
        for build in (reshaped_input, shared_outputs, in_place)
    }
    shifts = {
        build.__name__: (len(each.program.shifted_first), len(each.program.shifted_last))
        for build, each in text.items()
    }
    assert shifts == {"reshaped_input": (1, 2), "shared_outputs": (1, 2), "in_place": (1, 2)}


def test_only_uint8_costs_code(tmp_path: Path) -> None:
    """The network itself is the same text for int8 and float."""
    texts = {
        io: (generate(two_ports(), tmp_path / io, io=io).directory / "two_ports.c").read_text()
        for io in EVERY_IO
    }
    assert texts["int8"] == texts["float"]
    assert "shift_by_128" not in texts["int8"]
    assert len(re.findall(r"    shift_by_128\(", texts["uint8"])) == 4
