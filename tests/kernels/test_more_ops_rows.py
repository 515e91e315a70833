"""Any run of pixels, at any pixel stride: differences, products, pools, movements, groups."""

from pathlib import Path

import pytest

from mcucc.ops import Int8Graph
from mcucc.ops.elementwise import Maximum, Minimum
from mcucc.reference.interpreter import run
from tests.graphs import GraphBuilder, quant, random_inputs
from tests.kernels.compiled import generate
from tests.kernels.rows import build_library, check_step, row_steps

pytestmark = pytest.mark.cc


def network() -> Int8Graph:
    b = GraphBuilder("more_rows", seed=51)
    q = quant(0.05, -37)
    x, other, gate = b.input((1, 4, 6, 6), q), b.input((1, 4, 6, 5), q), b.input((1, 1, 1, 6), q)
    wide = b.input((1, 4, 6, 17), q)
    made = [
        b.conv(x, 15, (3, 2), groups=3, pads=(2, 0, 1, 2)),
        b.conv(x, 4, (2, 3), groups=2, stride=(1, 2), dilation=(2, 2)),
        b.conv(x, 6, (1, 1), groups=2),
        b.max_pool(x, (3, 2), stride=(2, 1), pads=(1, 1, 1, 0)),
        b.sub(x, b.clamp(x, -90, 100)),
        b.mul(x, b.table(x)),
        b.mul(x, gate),
        b.node(Maximum(), (x, b.clamp(x, -20, 30)), q),
        b.node(Minimum(), (b.clamp(x, -20, 30), x), q),
        b.concat(x, other, x),
        b.resize_nearest(other, (1, 1)),
        b.resize_nearest(x, (3, 1)),
        b.resize_nearest(x, (2, 3)),
        b.slice(x, (0, 0, 0, 2), (1, 4, 6, 3)),
        b.slice(x, (0, 0, 0, 0), (1, 4, 6, 6)),
        b.slice(x, (0, 1, 2, 0), (1, 2, 4, 6)),
        b.slice(wide, (0, 3, 1, 2), (1, 1, 5, 14)),
    ]
    return b.build(*made)


def test_any_run_at_any_stride(tmp_path: Path) -> None:
    generated = generate(network(), tmp_path / "c")
    library = build_library(generated)
    values = run(generated.graph, random_inputs(generated.graph, 1, seed=52))
    tried: set[str] = set()
    for step in row_steps(generated):
        assert step.kernel is not None
        tried.add(step.kernel.family.name)
        check_step(generated, library, step, values)
    assert tried == {
        "convg",
        "maxpool",
        "sub",
        "mul",
        "mulc",
        "max",
        "min",
        "lookup",
        "concat",
        "resize",
        "slice",
        "crop",
    }
