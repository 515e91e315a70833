"""TopKValues and TopKIndices in graphs: numpy against its meaning, C against numpy, TFLM around."""

from pathlib import Path

import pytest

from mcucc.ops import Int8Graph
from mcucc.ops.index import INDEX_QUANT, FloatTopKValues, TopKIndices, TopKValues
from mcucc.reference.index import from_bytes
from mcucc.reference.interpreter import run
from mcucc.schedule import PlanOptions
from mcucc.targets.board import load_board
from mcucc.targets.core import Core
from mcucc.twin import unjudged
from tests.graphs import GraphBuilder, quant, random_inputs
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.kernels.compiled import KERNEL_CORES, assert_c_agrees, core_name, generate
from tests.kernels.grid import CHANNELS, MAPS, ZERO_POINTS, latin
from tests.kernels.on_core import assert_core_agrees
from tests.operators.example import Example
from tests.ops.breaking import int8, with_op, with_type


def values(b: GraphBuilder, x: str, k: int, *, largest: bool = True) -> str:
    return b.node(TopKValues(k, largest), (x,), b.tensors[x].q)


def indices(b: GraphBuilder, x: str, k: int, *, largest: bool = True) -> str:
    return b.node(TopKIndices(k, largest), (x,), INDEX_QUANT)


EXAMPLE = Example(
    TopKValues,
    lambda b, x: values(b, x, b.tensors[x].shape[-1]),
    (
        (with_op(TopKValues(0)), "at least 1"),
        (with_op(TopKValues(3)), "at most as many"),
        (with_type("topkvalues0_out", int8(1, 6, 6, 2, q=quant(0.2))), "same scale"),
    ),
    lambda b, x: b.add(FloatTopKValues(b.tensors[x].shape[-1]), x),
)


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("shape", [(1, 7), (1, 9, 4), (1, 3, 5, 7), (1, 2, 2, 1), (1, 256)])
def test_the_first_in_order(shape: tuple[int, ...], largest: bool) -> None:
    """Sorted by the number, and by the place where numbers are equal."""
    for k in {1, (shape[-1] + 1) // 2, shape[-1]}:
        b = GraphBuilder("net", seed=k)
        x = b.clamp(b.input(shape), -4, 3)
        made = values(b, x, k, largest=largest), indices(b, x, k, largest=largest)
        graph = b.build(*made)
        found = run(graph, random_inputs(graph, 4))
        places = from_bytes(found[made[1]]).reshape(-1, k)
        rows = found[x].reshape(-1, shape[-1])
        for row, kept, at in zip(rows, found[made[0]].reshape(-1, k), places, strict=True):
            order = sorted(range(len(row)), key=lambda i: (-int(row[i]) if largest else row[i], i))
            assert at.tolist() == order[:k]
            assert kept.tolist() == row[order[:k]].tolist()


def inside() -> Int8Graph:
    """Values between layers, on a map and on a vector, and indices of both at the end."""
    b = GraphBuilder("inside", seed=3)
    maps = b.conv(b.input((1, 6, 5, 3)), 8)
    kept = values(b, maps, 3)
    flat = b.flatten(b.conv(kept, 4, stride=(2, 2)))
    best = values(b, flat, 5, largest=False)
    where = b.reshape(indices(b, flat, 5), (1, 5, 1))
    return b.build(b.softmax(b.dense(best, 4)), indices(b, maps, 2), where)


@needs_tflm
def test_tflm_judges_what_lies_around() -> None:
    graph = inside()
    assert len(unjudged(graph)) == 4
    assert_tflm_agrees([graph])


@pytest.mark.cc
@pytest.mark.parametrize("core", KERNEL_CORES, ids=core_name)
def test_c_agrees(tmp_path: Path, core: Core | None) -> None:
    b, made = GraphBuilder("top", seed=5), list[str]()
    levels = {
        "map": MAPS,
        "c": (1, 2, *CHANNELS),
        "zero_point": ZERO_POINTS,
        "k": (1, 2, 3, 5, 99),
        "largest": (True, False),
        "make": (values, indices),
    }
    for case in latin(levels, 24, seed=5):
        x = b.input((1, *case["map"], case["c"]), quant(0.05, case["zero_point"]))
        # Of few levels, so that several are equal.
        k = min(case["k"], case["c"])
        made.append(case["make"](b, b.clamp(x, -20, 3), k, largest=case["largest"]))
    generated = generate(b.build(*made), tmp_path / "c", planned=False, core=core)
    assert_c_agrees(generated, tmp_path, clang=core is None)


@pytest.mark.cc
def test_c_agrees_on_the_ends_of_int8(tmp_path: Path) -> None:
    """-128 and 127, whose order flipped bits turn around."""
    b = GraphBuilder("ends", seed=6)
    x = b.input((1, 4, 4, 6), quant(0.05, 4))
    makes = [(make, large) for make in (values, indices) for large in (True, False)]
    made = [make(b, x, 4, largest=large) for make, large in makes]
    assert_c_agrees(generate(b.build(*made), tmp_path / "c", planned=False), tmp_path)


@pytest.mark.qemu
@pytest.mark.parametrize("board", ["rpi-pico", "mps2-an386", "mps3-an547"])
def test_the_core_agrees(tmp_path: Path, board: str) -> None:
    found, b = load_board(board), GraphBuilder("top", seed=7)
    x = b.clamp(b.input((1, 5, 4, 19)), -30, 30)
    made = [make(b, x, 7, largest=large) for make in (values, indices) for large in (True, False)]
    generated = generate(b.build(*made), tmp_path / "c", core=found.core)
    assert_core_agrees(generated, found, tmp_path / "work")


@pytest.mark.cc
def test_it_lives_in_a_segment(tmp_path: Path) -> None:
    """The three best classes of pixels: no map of scores is ever whole."""
    b = GraphBuilder("pixels", seed=7)
    scores = b.conv(b.conv(b.input((1, 24, 24, 1)), 16), 16)
    b.conv(values(b, scores, 3), 2)
    made = generate(b.build(), tmp_path / "rows", options=PlanOptions("memory"))
    assert made.network.arena_bytes < 24 * 24 * 8
    assert_c_agrees(made, tmp_path)


@pytest.mark.cc
def test_networks_with_it_inside(tmp_path: Path) -> None:
    assert_c_agrees(generate(inside(), tmp_path / "c"), tmp_path)
