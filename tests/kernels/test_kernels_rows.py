"""The contract of row producers: any run of pixels, at any pixel stride, gives the same pixels.

A row producer makes output pixels [x_begin, x_end) of a row; pixel x_begin lies at `out`, the next
one `out_stride` bytes further, and nothing else is touched.
"""

import ctypes
import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.build.toolchain import HOST_GCC, WARNINGS, Compiler, find_tool
from mcucc.codegen.program import StepDef
from mcucc.kernels import Family, Kernel, Shape
from mcucc.ops import Int8Graph
from mcucc.reference.interpreter import Values, run
from tests.graphs import GraphBuilder, quant, random_inputs
from tests.kernels.compiled import Generated, generate

pytestmark = pytest.mark.cc

Map = NDArray[np.int8]
CANARIES = (0x5A, -0x5B)

# Families that test_more_ops_rows.py tries.
ELSEWHERE = {
    Family.CONV_GROUPED,
    Family.SUB,
    Family.MUL,
    Family.MUL_CHANNELS,
    Family.LOOKUP,
    Family.MAX_POOL,
    Family.CONCAT,
    Family.RESIZE,
}


def network() -> Int8Graph:
    b = GraphBuilder("rows", seed=11)
    x = b.input((1, 4, 6, 5), quant(0.05, -37))
    made = [
        b.conv(x, 7, (3, 2), pads=(2, 0, 1, 2)),
        b.conv(x, 4, (2, 3), stride=(1, 2), dilation=(2, 2)),
        b.depthwise(x, (3, 3), stride=(2, 2)),
        b.depthwise(x, (2, 3), multiplier=3, dilation=(1, 2)),
        b.conv(x, 6, (1, 1)),
        b.add(x, b.requantize(x)),
        b.average_pool(x, (3, 2), stride=(2, 1), pads=(1, 1, 1, 0)),
        b.pad(x, (1, 2, 3, 1)),
    ]
    return b.build(*made)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return generate(network(), tmp_path_factory.mktemp("rows") / "c")


@pytest.fixture(scope="module")
def library(generated: Generated) -> ctypes.CDLL:
    """A function `call_<step>` for each kernel of the network, with the step's own numbers."""
    lines = ['#include "rows.c"']
    for step in generated.program.steps:
        assert step.kernel is not None
        assert step.spec is not None
        signature = (
            f"void call_{step.index}(const int8_t *const *rows, int32_t x_begin, int32_t x_end, "
            "int8_t *out, int32_t out_stride)"
        )
        call = f"{step.kernel.name}(&{step.spec.name}, rows, x_begin, x_end, out, out_stride, NULL)"
        lines += [f"{signature};", f"{signature} {{ {call}; }}"]
    folder = generated.directory.parent
    (folder / "calls.c").write_text("\n".join(lines) + "\n", encoding="utf-8")
    gcc = Compiler(find_tool(HOST_GCC), (*WARNINGS, "-fPIC", "-shared", f"-I{generated.directory}"))
    weights = generated.directory / "rows_weights.c"
    gcc.run(["-O1", "calls.c", str(weights), "-o", str(folder / "calls.so")], cwd=folder)
    return ctypes.CDLL(str(folder / "calls.so"))


@pytest.fixture(scope="module")
def values(generated: Generated) -> Values:
    return run(generated.graph, random_inputs(generated.graph, 1, seed=12))


def maps(values: Values, step: StepDef) -> list[Map]:
    """The inputs of a step as (rows, pixels, channels)."""
    return [values[t.name][0].reshape(t.h, t.w, t.c) for t in step.inputs]


def jobs(values: Values, step: StepDef, padding: Map) -> Iterator[tuple[list[Map | None], Map]]:
    """What a step's kernel is called with, and the pixels that it must make."""
    out = step.output
    expected = values[out.name][0].reshape(out.h, out.w, out.c)
    if step.shape is Shape.PIXELS:
        yield (
            [each.reshape(-1, each.shape[2]) for each in maps(values, step)],
            expected.reshape(-1, out.c),
        )
        return
    window = step.window
    assert window is not None
    (x,) = maps(values, step)
    outside = None if window.pad == "NULL" else padding
    for y in range(out.h):
        first = y * window.stride - window.pad_top
        under = [first + k * window.dilation for k in range(window.taps)]
        yield [x[i] if 0 <= i < len(x) else outside for i in under], expected[y]


def check(library: ctypes.CDLL, step: int, rows: list[Map | None], expected: Map) -> None:
    """Every run of pixels, at three strides, over two backgrounds."""
    function = library[f"call_{step}"]
    addresses = [None if row is None else row.ctypes.data for row in rows]
    pointers = (ctypes.c_void_p * len(rows))(*addresses)
    width, channels = expected.shape
    runs = [(b, e) for b in range(width + 1) for e in range(b, width + 1)]
    for (begin, end), more, canary in itertools.product(
        runs[:: 1 + width // 9], (0, 1, 6), CANARIES
    ):
        stride = channels + more
        wanted = np.full((2 + end - begin, stride), canary, dtype=np.int8)
        got = wanted.copy()
        wanted[1 : 1 + end - begin, :channels] = expected[begin:end]
        function(pointers, begin, end, ctypes.c_void_p(got[1:].ctypes.data), stride)
        np.testing.assert_array_equal(got, wanted, f"pixels [{begin}, {end}), stride {stride}")


def test_any_run_at_any_stride(generated: Generated, library: ctypes.CDLL, values: Values) -> None:
    (port,) = generated.graph.inputs
    kind = generated.graph.tensors[port.tensor]
    padding = np.full(kind.hwc[1:], kind.q.zero_point, dtype=np.int8)
    tried: set[Family] = set()
    for step in generated.program.steps:
        assert step.kernel is not None
        tried.add(step.kernel.family)
        for rows, expected in jobs(values, step, padding):
            check(library, step.index, rows, expected)
    assert tried == {f for f in Family if Kernel(f).shape is not Shape.TENSOR} - ELSEWHERE
