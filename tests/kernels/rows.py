"""The contract of row producers: any run of pixels, at any pixel stride, gives the same pixels.

A row producer makes output pixels [x_begin, x_end) of a row; pixel x_begin lies at `out`, the next
one `out_stride` bytes further, and nothing else is touched.
"""

import ctypes
import itertools
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from mcucc.build.toolchain import HOST_GCC, WARNINGS, Compiler, find_tool
from mcucc.codegen.program import LayerDef
from mcucc.kernels import Shape
from mcucc.ops import Int8Graph
from mcucc.reference.interpreter import Values
from tests.kernels.compiled import Generated

Map = NDArray[np.int8]
CANARIES = (0x5A, -0x5B)


def build_library(generated: Generated) -> ctypes.CDLL:
    """A function `call_<step>` for each row producer, with the step's own numbers."""
    name, folder = generated.graph.name, generated.directory.parent
    lines = [f'#include "{name}.c"']
    for step in row_steps(generated):
        assert step.kernel is not None
        assert step.spec is not None
        signature = (
            f"void call_{step.index}(const int8_t *const *rows, int32_t x_begin, int32_t x_end, "
            "int8_t *out, int32_t out_stride, int32_t y)"
        )
        scratch = ", NULL" if step.kernel.is_given_scratch else ""
        row = ", y" if step.kernel.family.takes_row else ""
        given = f"&{step.spec.name}, rows{row}, x_begin, x_end, out, out_stride{scratch}"
        call = f"{step.kernel.name}({given})"
        lines += [f"{signature};", f"{signature} {{ (void)y; {call}; }}"]
    (folder / "calls.c").write_text("\n".join(lines) + "\n", encoding="utf-8")
    gcc = Compiler(find_tool(HOST_GCC), (*WARNINGS, "-fPIC", "-shared", f"-I{generated.directory}"))
    weights = generated.directory / f"{name}_weights.c"
    gcc.run(["-O1", "calls.c", str(weights), "-o", str(folder / "calls.so")], cwd=folder)
    return ctypes.CDLL(str(folder / "calls.so"))


def row_steps(generated: Generated) -> list[LayerDef]:
    """The layers whose kernels make rows."""
    return [
        step
        for step in generated.program.steps
        if isinstance(step, LayerDef) and step.shape in (Shape.WINDOW, Shape.PIXELS)
    ]


def check_step(generated: Generated, library: ctypes.CDLL, step: LayerDef, values: Values) -> None:
    """Runs of pixels of every row, at three strides, over two backgrounds.

    Args:
        generated: the network.
        library: of `build_library`.
        step: of `row_steps`.
        values: one sample of every tensor.
    """
    for y, (rows, expected) in enumerate(_jobs(generated.graph, values, step)):
        _check_runs(library[f"call_{step.index}"], y, rows, expected)


def _jobs(
    graph: Int8Graph, values: Values, step: LayerDef
) -> Iterator[tuple[list[Map | None], Map]]:
    """What the kernel is called with, and the pixels that it must make."""
    out = step.output
    expected = values[out.name][0].reshape(out.h, out.w, out.c)
    maps = [values[t.name][0].reshape(t.h, t.w, t.c) for t in step.inputs]
    if step.shape is Shape.PIXELS:
        yield [each.reshape(-1, each.shape[2]) for each in maps], expected.reshape(-1, out.c)
        return
    node = graph.producers[out.name]
    window = node.op.window(graph.input_types(node))
    assert window is not None
    assert step.window is not None
    (x,) = maps
    zero_point = graph.type_of(node.inputs[0]).q.zero_point
    outside = None if step.window.pad == "NULL" else np.full_like(x[0], zero_point)
    for y in range(out.h):
        first, axis = window.rows.first(y), window.rows
        under = [first + k * axis.dilation for k in range(axis.taps)]
        yield [x[i] if 0 <= i < len(x) else outside for i in under], expected[y]


def _check_runs(
    function: Callable[..., object], y: int, rows: list[Map | None], expected: Map
) -> None:
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
        function(pointers, begin, end, ctypes.c_void_p(got[1:].ctypes.data), stride, y)
        np.testing.assert_array_equal(got, wanted, f"pixels [{begin}, {end}), stride {stride}")
