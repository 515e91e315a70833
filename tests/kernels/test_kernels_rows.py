"""Any run of pixels, at any pixel stride: convolutions, sums, average pools, borders."""

from pathlib import Path

import pytest

from mcucc.kernels import FAMILIES, Shape
from mcucc.ops import Int8Graph
from mcucc.ops.index import INDEX_QUANT, ArgMax
from mcucc.reference.interpreter import run
from tests.graphs import GraphBuilder, quant, random_inputs
from tests.kernels.compiled import generate
from tests.kernels.rows import build_library, check_step, row_steps
from tests.operators.example import examples

pytestmark = pytest.mark.cc

# Families that test_more_ops_rows.py tries.
ELSEWHERE = {
    "convg",
    "sub",
    "mul",
    "mulc",
    "lookup",
    "maxpool",
    "concat",
    "resize",
    "slice",
    "crop",
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
        *(example.build(b, x) for example in examples()),
        b.node(ArgMax(largest=False, last=True), (x,), INDEX_QUANT),
    ]
    return b.build(*made)


def test_any_run_at_any_stride(tmp_path: Path) -> None:
    generated = generate(network(), tmp_path / "c")
    library = build_library(generated)
    values = run(generated.graph, random_inputs(generated.graph, 1, seed=12))
    tried: set[str] = set()
    for step in row_steps(generated):
        assert step.kernel is not None
        tried.add(step.kernel.family.name)
        check_step(generated, library, step, values)
    made_of_rows = {name for name, f in FAMILIES.items() if f.shape in (Shape.WINDOW, Shape.PIXELS)}
    assert made_of_rows - tried <= ELSEWHERE  # some of which the examples use too
