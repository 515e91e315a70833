"""Strips of columns in C: the bits of whole rows, from pixels that are pulled or lie in memory."""

import ctypes
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from mcucc.build.toolchain import HOST_GCC, WARNINGS, Compiler, find_tool
from mcucc.codegen import Io
from mcucc.ops import Int8Graph
from mcucc.reference import interpreter
from mcucc.targets.core import Core
from tests.kernels.compiled import KERNEL_CORES, Generated, assert_c_agrees, generate_plan
from tests.schedule.drawn_strips import (
    WAYS,
    StripWay,
    inverted_bottleneck,
    plan_in_strips,
    strips_of,
    wide_maps,
)

pytestmark = pytest.mark.cc


@pytest.mark.parametrize("core", KERNEL_CORES, ids=str)
@given(graph=wide_maps(), way=WAYS)
@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_drawn_networks(core: Core | None, graph: Int8Graph, way: StripWay) -> None:
    plan = plan_in_strips(graph, way, core)
    assume(plan is not None)
    assert plan is not None
    with tempfile.TemporaryDirectory() as folder:
        generated = generate_plan(plan, Path(folder) / "c")
        assert_c_agrees(generated, Path(folder), samples=3)


STRICT = (*WARNINGS, "-Wmissing-prototypes", "-Wstrict-prototypes", "-fPIC", "-shared")
PULL = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_int32, ctypes.c_int32, ctypes.c_int32, ctypes.c_void_p
)


def library_of(made: Generated) -> ctypes.CDLL:
    sources = [path.name for path in made.directory.glob("*.c")]
    Compiler(find_tool(HOST_GCC)).run([*STRICT, *sources, "-o", "net.so"], cwd=made.directory)
    library = ctypes.CDLL(str(made.directory / "net.so"))
    library.net_run_image_at.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32]
    library.net_run_pixels.argtypes = [ctypes.c_void_p, PULL, ctypes.c_void_p]
    return library


@pytest.mark.parametrize("io", ["int8", "uint8"])
def test_pixels_are_pulled_or_lie_in_an_image_with_a_stride(io: Io, tmp_path: Path) -> None:
    """The two ways to run it give the same; what is wrong is refused, and nothing is asked for."""
    plan = plan_in_strips(inverted_bottleneck(), StripWay(-1, 20, panels=True))
    assert plan is not None
    made = generate_plan(plan, tmp_path / "c", io=io)
    library, flip = library_of(made), 0x80 if io == "uint8" else 0
    drawn = np.random.default_rng(3).integers(0, 256, (8, 24, 3), dtype=np.uint8)
    wide = np.full((8, 24 * 3 + 5), 7, np.uint8)
    wide[:, : 24 * 3] = (drawn ^ flip).reshape(8, -1)
    asked: list[tuple[int, int, int]] = []

    def pull(_: int, y: int, x0: int, x1: int, to: int) -> None:
        asked.append((y, x0, x1))
        pixels = np.ascontiguousarray(wide[y, 3 * x0 : 3 * x1])
        ctypes.memmove(to, pixels.ctypes.data, pixels.nbytes)

    memory = np.zeros(plan.arena_bytes // 4 + 1, np.int32)
    arena, image, stride = memory.ctypes.data, wide.ctypes.data, wide.shape[1]
    port, values = made.program.outputs[0].tensor, memory.view(np.uint8)
    run_pixels, run_image_at = library.net_run_pixels, library.net_run_image_at
    assert run_pixels(arena, PULL(pull), None) == 0
    pulled = values[port.offset : port.offset + port.nbytes].copy()
    graph = made.graph
    expected = interpreter.run(graph, {graph.inputs[0].tensor: drawn.view(np.int8)[None]})
    assert np.array_equal(pulled ^ flip, expected[port.name].view(np.uint8).ravel())
    columns = strips_of(plan).columns[graph.inputs[0].tensor]
    assert asked == [(y, *each) for each in columns for y in range(8)]
    memory[:] = 0
    assert run_image_at(arena, image, stride) == 0
    assert np.array_equal(values[port.offset : port.offset + port.nbytes], pulled)
    asked.clear()
    assert run_image_at(arena, None, stride) == run_image_at(arena, image, 24 * 3 - 1) == -1
    assert run_image_at(None, image, stride) == run_pixels(arena, PULL(0), None) == -1
    assert run_pixels(arena + 1, PULL(pull), None) == -1
    assert not asked
