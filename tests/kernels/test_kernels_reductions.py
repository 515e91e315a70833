"""Means and averages of whole maps that come row by row: over shapes, zero points, scales."""

import ctypes
from pathlib import Path

import numpy as np
import pytest

from mcucc.build.toolchain import HOST_GCC, WARNINGS, Compiler, find_tool
from mcucc.codegen.segment import SegmentDef, StageDef
from mcucc.kernels import Shape
from mcucc.ops import Int8Graph
from mcucc.reference.interpreter import run
from mcucc.schedule import PlanOptions
from tests.graphs import GraphBuilder, quant, random_inputs
from tests.kernels.compiled import Generated, assert_c_agrees, generate
from tests.kernels.grid import CHANNELS, ZERO_POINTS, latin

pytestmark = pytest.mark.cc

ROWS = PlanOptions(mode="stream")
MAPS = ((2, 1), (6, 1), (2, 9), (5, 7), (8, 8), (9, 6), (3, 10))
"""Rows and columns; a map of one row has no reduction over rows."""
SCALES = (0.001, 0.02, 0.11, 0.4, 3.0)
CANARY = 0x5A


def families(generated: Generated) -> set[str]:
    return {kernel.family.name for kernel in generated.kernels.values() if kernel is not None}


def reductions(generated: Generated) -> list[StageDef]:
    """The stages that reduce."""
    segments = [step for step in generated.program.steps if isinstance(step, SegmentDef)]
    stages = [stage for segment in segments for stage in segment.stages]
    return [stage for stage in stages if stage.shape is Shape.REDUCTION]


def grid() -> Int8Graph:
    b = GraphBuilder("reductions", seed=81)
    made: list[str] = []
    factors = {
        "map": MAPS,
        "c": CHANNELS,
        "zero_point": ZERO_POINTS,
        "scale": SCALES,
        "before": (1.0, 1.0, 0.3, 1.7),
        "keep_dims": (True, False),
    }
    for case in latin(factors, 18, seed=82):
        q = quant(case["scale"], case["zero_point"])
        for reduce in ("mean", "average"):
            x = b.input((1, *case["map"], case["c"]), quant(case["scale"] * case["before"], 0))
            row_by_row = b.requantize(x, q)
            if reduce == "mean":
                made.append(b.mean(row_by_row, keep_dims=case["keep_dims"]))
            else:
                made.append(b.average_pool(row_by_row, case["map"]))
    return b.build(*made)


def test_grid(tmp_path: Path) -> None:
    generated = generate(grid(), tmp_path / "c", options=ROWS)
    assert families(generated) == {"rescale", "meanrows", "avgrows"}
    assert len(reductions(generated)) == 36
    assert_c_agrees(generated, tmp_path)


def test_mean_of_many_elements(tmp_path: Path) -> None:
    """Extreme scales and extreme sums; the harness' last samples are all -128 and all 127."""
    b = GraphBuilder("wide_mean_rows", seed=83)
    made: list[str] = []
    for zero_point in ZERO_POINTS:
        q = quant(0.3, zero_point)
        x = b.requantize(b.input((1, 61, 67, 2), q), q)
        made += [b.mean(x), b.mean(x, q=quant(1e-9, 3)), b.mean(x, q=quant(1e9, 3))]
        made.append(b.average_pool(x, (61, 67)))
    generated = generate(b.build(*made), tmp_path / "c", options=ROWS)
    assert len(reductions(generated)) == len(made)
    assert_c_agrees(generated, tmp_path, samples=4)


def test_rows_of_one_pixel(tmp_path: Path) -> None:
    """A mean over rows alone, and over the only axis of a sequence."""
    b = GraphBuilder("sequences", seed=84)
    made = [
        b.mean(b.requantize(b.input((1, 6, 1, 3))), (1,)),
        b.mean(b.requantize(b.input((1, 6, 1, 3))), (1,), keep_dims=True),
        b.mean(b.requantize(b.input((1, 9, 5))), (1,)),
        b.mean(b.requantize(b.input((1, 9, 5))), (1,), keep_dims=True),
    ]
    generated = generate(b.build(*made), tmp_path / "c", options=ROWS)
    assert len(reductions(generated)) == 4
    assert_c_agrees(generated, tmp_path)


@pytest.mark.parametrize("axes", [(1,), (2,)])
def test_a_mean_that_leaves_a_row_is_no_reduction(tmp_path: Path, axes: tuple[int, ...]) -> None:
    b = GraphBuilder("lines", seed=85)
    made = b.mean(b.requantize(b.input((1, 4, 5, 3))), axes)
    generated = generate(b.build(made), tmp_path / "c", options=ROWS)
    assert families(generated) == {"rescale", "mean"}
    assert_c_agrees(generated, tmp_path)


def test_an_average_with_padding_is_no_reduction(tmp_path: Path) -> None:
    b = GraphBuilder("padded", seed=86)
    x = b.requantize(b.input((1, 4, 5, 3)))
    made = b.average_pool(x, (4, 5), stride=(2, 1), pads=(1, 1, 0, 0))
    generated = generate(b.build(made), tmp_path / "c", options=ROWS)
    assert families(generated) == {"rescale", "avgpool"}
    assert_c_agrees(generated, tmp_path)


def build_library(generated: Generated) -> ctypes.CDLL:
    """A function `call_<n>` for the n-th reduction, with its own numbers."""
    name, folder = generated.graph.name, generated.directory.parent
    lines = [f'#include "{name}.c"']
    for n, stage in enumerate(reductions(generated)):
        assert stage.kernel is not None
        assert stage.spec is not None
        signature = f"void call_{n}(const int8_t *row, int32_t y, int8_t *out, int32_t *sums)"
        call = f"{stage.kernel.name}(&{stage.spec.name}, row, y, out, sums)"
        lines += [f"{signature};", f"{signature} {{ {call}; }}"]
    (folder / "calls.c").write_text("\n".join(lines) + "\n", encoding="utf-8")
    gcc = Compiler(find_tool(HOST_GCC), (*WARNINGS, "-fPIC", "-shared", f"-I{generated.directory}"))
    weights = generated.directory / f"{name}_weights.c"
    gcc.run(["-O1", "calls.c", str(weights), "-o", str(folder / "calls.so")], cwd=folder)
    return ctypes.CDLL(str(folder / "calls.so"))


def test_the_output_is_written_with_the_last_row_and_sums_begin_anew(tmp_path: Path) -> None:
    """Two runs, one after the other, over sums and outputs that hold something else before."""
    generated = generate(grid(), tmp_path / "c", options=ROWS)
    library, graph = build_library(generated), generated.graph
    values = run(graph, random_inputs(graph, 2, seed=87))
    for n, stage in enumerate(reductions(generated)):
        out = stage.ring.tensor
        (x,) = graph.variable_inputs(graph.producers[out.name])
        sums = np.full(out.c + 2, 0x12345678, dtype=np.int32)
        for sample in range(2):
            rows = values[x][sample].reshape(graph.tensors[x].hwc)
            got = np.full(out.c + 2, CANARY, dtype=np.int8)
            for y, row in enumerate(rows):
                assert (got == CANARY).all(), f"written with row {y - 1}"
                library[f"call_{n}"](
                    ctypes.c_void_p(row.ctypes.data),
                    y,
                    ctypes.c_void_p(got[1:].ctypes.data),
                    ctypes.c_void_p(sums[1:].ctypes.data),
                )
            expected = values[out.name][sample].reshape(-1)
            np.testing.assert_array_equal(got, [CANARY, *expected, CANARY], stage.title)
            assert (sums[[0, -1]] == 0x12345678).all()
