"""Operators that move bytes: concatenation, enlargement, axes in another order, blocks."""

import itertools
from pathlib import Path

import pytest

from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import Generated, assert_c_agrees, generate
from tests.kernels.grid import MAPS, latin

pytestmark = pytest.mark.cc

CHANNELS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 16)
Q = quant(0.05, 7)


def families(generated: Generated) -> set[str]:
    return {kernel.family.name for kernel in generated.kernels.values() if kernel is not None}


def test_concatenations(tmp_path: Path) -> None:
    """Of two to five maps, of one map twice, of vectors, and with constants."""
    b = GraphBuilder("concat", seed=41)
    made: list[str] = []
    for case in latin({"map": MAPS, "first": CHANNELS, "inputs": (2, 3, 4, 5)}, 20, seed=41):
        channels = [case["first"], *b.rng.choice(CHANNELS, case["inputs"] - 1).tolist()]
        made.append(b.concat(*(b.input((1, *case["map"], c), Q) for c in channels)))
    x, vector = b.input((1, 4, 3, 5), Q), b.input((1, 9), Q)
    made += [b.concat(x, x), b.concat(x), b.concat(vector, b.input((1, 4), Q), vector)]
    made += [b.concat(b.constant((1, 4, 3, 2), Q), x), b.concat(x, b.constant((1, 4, 3, 9), Q), x)]
    generated = generate(b.build(*made), tmp_path / "c", planned=False)
    assert families(generated) == {"concat"}
    assert_c_agrees(generated, tmp_path)


def test_enlargements(tmp_path: Path) -> None:
    b = GraphBuilder("resize", seed=42)
    made: list[str] = []
    factors = {"map": MAPS, "c": CHANNELS, "rows": (1, 2, 3, 4, 7), "columns": (1, 2, 3, 5, 8)}
    for case in latin(factors, 30, seed=42):
        x = b.input((1, *case["map"], case["c"]), Q)
        made.append(b.resize_nearest(x, (case["rows"], case["columns"])))
    generated = generate(b.build(*made), tmp_path / "c", planned=False)
    assert families(generated) == {"resize"}
    assert_c_agrees(generated, tmp_path)


def test_transposes(tmp_path: Path) -> None:
    """Every order of one, two and three axes."""
    b = GraphBuilder("transpose", seed=43)
    made: list[str] = []
    for shape in ((1, 3, 4, 5), (1, 6, 1, 7), (1, 2, 2, 2), (1, 3, 8), (1, 5)):
        x = b.input(shape, Q)
        orders = itertools.permutations(range(1, len(shape)))
        made += [b.transpose(x, (0, *order)) for order in orders]
    generated = generate(b.build(*made), tmp_path / "c", planned=False)
    assert families(generated) == {"transpose"}
    assert_c_agrees(generated, tmp_path)


def test_slices(tmp_path: Path) -> None:
    """The first, last or latter half of every axis, and all of it."""
    b = GraphBuilder("slice", seed=44)
    made: list[str] = []
    for shape in ((3, 4, 5), (1, 6, 2), (4, 3), (7,)):
        x = b.input((1, *shape), Q)
        spans = [((0, n), (0, 1), (n // 2, n - n // 2), (n - 1, 1)) for n in shape]
        for spanned in itertools.product(*spans):
            starts, sizes = zip(*spanned, strict=True)
            made.append(b.slice(x, (0, *starts), (1, *sizes)))
    generated = generate(b.build(*made), tmp_path / "c", planned=False)
    assert families(generated) == {"slice", "crop"}
    assert_c_agrees(generated, tmp_path)
