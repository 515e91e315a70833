"""ResizeBilinear: numpy against TFLM and float64, C against numpy, files."""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mcucc.errors import UnsupportedModelError
from mcucc.importer import ModelBytes, lower_network, read_network, read_onnx
from mcucc.ir import Port, TensorType
from mcucc.ops import Int8Graph
from mcucc.ops.base import Window
from mcucc.ops.resize import (
    COORDINATES,
    STEPS,
    Coordinates,
    FloatResizeBilinear,
    ResizeBilinear,
    real_places,
    rounded_places,
)
from mcucc.quant.ptq import from_file
from mcucc.reference.interpreter import run
from mcucc.schedule import PlanOptions
from mcucc.targets.core import Core
from mcucc.twin import unjudged, write_twin
from tests.graphs import GraphBuilder, quant, random_inputs
from tests.importer.float_cases import Model, check, kinds
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.kernels.compiled import KERNEL_CORES, assert_c_agrees, core_name, generate
from tests.kernels.grid import CHANNELS, MAPS, ZERO_POINTS, latin
from tests.operators.example import Break, Example
from tests.ops.breaking import int8

Pair = tuple[int, int]
Reals = NDArray[np.float64]
SIZES = (1, 2, 3, 4, 5, 7, 8, 12, 16, 25)


def bilinear(
    b: GraphBuilder, x: str, size: Pair, mode: Coordinates, *, rounds: bool = False
) -> str:
    return b.node(ResizeBilinear(size, mode, rounds), (x,), b.type(x).q)


def last_is(op: ResizeBilinear, scale: float = 0.1) -> Break:
    """The last of two resizes is another one."""

    def apply(graph: Int8Graph) -> Int8Graph:
        node = replace(graph.nodes[-1], op=op)
        shape = op.infer(graph.input_types(node))
        zero_point = graph.tensors[node.output].q.zero_point
        output = int8(*shape, q=quant(scale, zero_point))
        nodes, tensors = (*graph.nodes[:-1], node), {**graph.tensors, node.output: output}
        return replace(graph, nodes=nodes, tensors=tensors)

    return apply


def larger_and_back(b: GraphBuilder, x: str) -> str:
    """Between the centres of pixels to other sizes, and between the corners back again."""
    _, h, w, _ = b.type(x).shape
    wide = bilinear(b, x, (h + 1, 2 * w), "half_pixel")
    return bilinear(b, wide, (h, w), "align_corners")


EXAMPLE = Example(
    ResizeBilinear,
    larger_and_back,
    (
        (last_is(ResizeBilinear((0, 3))), "between 1 and 1048575"),
        (last_is(ResizeBilinear((3, 1 << 20))), "between 1 and 1048575"),
        (last_is(ResizeBilinear((20000, 3))), "below 2048-fold"),
        (last_is(ResizeBilinear((1500, 3))), "7 rows or columns cannot become 1500"),
        (last_is(ResizeBilinear(((1 << 19) + 1, 3), rounds_places=True)), "takes more than int32"),
        (last_is(ResizeBilinear((6, 6)), 0.2), "same scale and zero point"),
    ),
    lambda b, x: b.add(FloatResizeBilinear(b.tensors[x].hwc[:2], "half_pixel"), x),
)


@needs_tflm
def test_tflm_agrees() -> None:
    graphs: list[Int8Graph] = []
    for seed, (n, count, mode) in enumerate(itertools.product(SIZES, SIZES, COORDINATES)):
        b = GraphBuilder(f"{n} to {count} {mode}", seed=seed)
        other = SIZES[seed % 7], SIZES[(3 * seed + n) % 10]
        x = b.input((1, n, other[0], 1 + seed % 3), quant(0.05, ZERO_POINTS[seed % 5]))
        bilinear(b, x, (count, other[1]), mode)
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=4)


def test_places_that_tflm_has_not_are_a_custom_operator() -> None:
    b = GraphBuilder("custom")
    x = b.input((1, 16, 4, 2))
    y = bilinear(b, x, (32, 4), "align_corners", rounds=True)
    graph = b.build(y, bilinear(b, x, (32, 4), "align_corners"))
    assert unjudged(graph) == (y,)


@needs_tflm
@pytest.mark.parametrize("mode", COORDINATES)
def test_tflm_agrees_at_any_size(mode: Coordinates) -> None:
    """Long axes, where the steps are far from the factor."""
    graphs: list[Int8Graph] = []
    rng = np.random.default_rng(9)
    while len(graphs) < 60:
        n, count = int(rng.integers(1, 200)), int(rng.integers(1, 900))
        op = ResizeBilinear((count, 2), mode)
        b = GraphBuilder(f"{n} to {count}", seed=len(graphs))
        kind = TensorType(int8(1).dtype, (1, n, 2, 1), quant(0.05))
        if list(op.rules([kind], TensorType(kind.dtype, op.infer([kind]), kind.quant))):
            continue
        bilinear(b, b.input((1, n, 2, 1)), (count, 2), mode)
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=3)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_the_window_holds_what_is_read(data: st.DataObject) -> None:
    """What lies outside of the rows of its window does not change a row."""
    n, count = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 40))
    mode, rounds = data.draw(st.sampled_from(COORDINATES)), data.draw(st.booleans())
    op = ResizeBilinear((count, 1), mode, rounds)
    kind = TensorType(int8(1).dtype, (1, n, 1, 1), quant(0.05))
    if list(op.rules([kind], TensorType(kind.dtype, op.infer([kind]), kind.quant))):
        return
    b = GraphBuilder("rows")
    x = b.input((1, n, 1, 1), quant(0.05))
    out = b.node(op, (x,), quant(0.05))
    graph, window = b.build(), op.window([kind])
    assert isinstance(window, Window)
    values = random_inputs(graph, 5, seed=n)[x]
    whole = run(graph, {x: values})[out]
    firsts = [window.rows.first(y) for y in range(count)]
    assert firsts == sorted(firsts)
    for y, first in enumerate(firsts):
        inside = [row for row in (first, first + 1) if 0 <= row < n]
        assert inside
        assert window.rows.end(y) == first + 2
        changed = ~values
        changed[:, inside] = values[:, inside]
        assert np.array_equal(run(graph, {x: changed})[out][:, y], whole[:, y])


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from(COORDINATES))
@settings(max_examples=300, deadline=None)
def test_rounded_places_are_half_a_step_away_at_most(n: int, count: int, mode: Coordinates) -> None:
    off = rounded_places(n, count, mode).at(count) - real_places(n, count, mode) * STEPS
    assert np.abs(off).max() <= 0.5 + 1e-6


def interpolated(x: Reals, axis: int, place: Reals) -> Reals:
    """In float64, along an axis; beyond the ends the map goes on as it ends."""
    last = x.shape[axis] - 1
    place = place.clip(0, last)
    low = np.minimum(np.floor(place).astype(np.int64), max(0, last - 1))
    part = (place - low).reshape([len(place) if a == axis else 1 for a in range(x.ndim)])
    made: Reals = x.take(low, axis) * (1 - part) + x.take(np.minimum(low + 1, last), axis) * part
    return made


MAPS_AND_SIZES = (
    ((4, 4), (8, 8)), ((8, 6), (16, 24)), ((3, 5), (5, 9)), ((9, 5), (17, 3)), ((8, 8), (4, 2)),
    ((16, 5), (24, 8)), ((7, 7), (14, 28)), ((6, 4), (9, 6)), ((5, 5), (3, 3)), ((2, 3), (5, 7)),
    ((4, 1), (11, 3)), ((12, 12), (18, 18)), ((20, 3), (30, 3)), ((10, 10), (15, 20)),
)  # fmt: skip


def linear(mode: str) -> dict[str, Any]:
    return {"mode": "linear", "coordinate_transformation_mode": mode}


def port(name: str, kind: TensorType) -> Port:
    return Port(name, name, kind.dtype, kind.shape)


def chosen(folder: Path, map_size: Pair, counts: Pair, mode: str) -> FloatResizeBilinear | None:
    """The operator that a linear Resize of an ONNX file becomes, None if it is another one."""
    m = Model((1, 2, *map_size))
    y = m.op("Resize", "x0", "", "", m.ints(1, 2, *counts), **linear(mode))
    graph = lower_network(read_onnx(m.save(folder, y)), "net")
    ops = [node.op for node in graph.nodes]
    return next((op for op in ops if isinstance(op, FloatResizeBilinear)), None)


@pytest.mark.parametrize(
    ("mode", "grid"),
    [*((mode, mode) for mode in COORDINATES), ("pytorch_half_pixel", "half_pixel")],
)
def test_onnx_gets_it_where_it_is_one_lsb_off_float64(
    tmp_path: Path, mode: str, grid: Coordinates
) -> None:
    """TFLM's where its steps of 1/1024 say the same places, and only there."""
    taken, off = {False: 0, True: 0}, 0.0
    for number, (map_size, counts) in enumerate(MAPS_AND_SIZES):
        op = chosen(tmp_path, map_size, counts, mode)
        if op is None:
            continue
        b = GraphBuilder("net")
        x = b.input((1, *map_size, 2), quant(0.05))
        out = b.node(ResizeBilinear(op.size, op.coordinates, op.rounds_places), (x,), quant(0.05))
        graph = b.build()
        values = random_inputs(graph, 6, seed=number)[x]
        exact = values.astype(np.float64)
        for axis, (n, count) in enumerate(zip(map_size, counts, strict=True), start=1):
            exact = interpolated(exact, axis, real_places(n, count, grid))
        taken[op.rounds_places] += 1
        off = max(off, float(np.abs(run(graph, {x: values})[out] - exact).max()))
    assert taken[False] >= 4
    assert sum(taken.values()) == len(MAPS_AND_SIZES) or grid == "half_pixel"
    assert off <= 1


def test_coarse_steps_are_not_taken(tmp_path: Path) -> None:
    """From 16 to 32 between corners TFLM's last place is 15/1024 off, three times 12 four steps.

    For the latter averages of repeated pixels do, which TFLM judges.
    """
    for map_size, counts, mode, rounds in (
        ((8, 4), (16, 4), "half_pixel", False),
        ((16, 4), (32, 4), "align_corners", True),
        ((12, 4), (30, 4), "half_pixel", True),
    ):
        op = chosen(tmp_path, map_size, counts, mode)
        assert op is not None
        assert op.rounds_places == rounds
    assert chosen(tmp_path, (12, 4), (36, 4), "half_pixel") is None


def test_sequences(tmp_path: Path) -> None:
    m = Model((1, 3, 8))
    y = m.op("Resize", m.op("Relu", "x0"), "", "", m.ints(1, 3, 16), mode="linear")
    assert kinds(check(m, tmp_path, m.op("Tanh", y))) == [
        "Clip",
        "Reshape",
        "ResizeBilinear",
        "Unary",
        "Reshape",
    ]


@pytest.mark.parametrize("mode", [*COORDINATES, "pytorch_half_pixel"])
@pytest.mark.parametrize(("map_size", "counts"), MAPS_AND_SIZES)
def test_float_files(tmp_path: Path, map_size: Pair, counts: Pair, mode: str) -> None:
    m = Model((1, 2, *map_size))
    y = m.op("Resize", m.op("Relu", "x0"), "", "", m.ints(1, 2, *counts), **linear(mode))
    check(m, tmp_path, m.op("Tanh", y))


@pytest.mark.parametrize("mode", COORDINATES)
def test_tflite_files(mode: Coordinates) -> None:
    """Back from the file of TensorFlow Lite: the same bits, however coarse its steps are."""
    for number, (map_size, counts) in enumerate((*MAPS_AND_SIZES, ((12, 16), (36, 32)))):
        b = GraphBuilder("net", seed=number)
        bilinear(b, b.input((1, *map_size, 3)), counts, mode)
        graph = b.build()
        read = from_file(lower_network(read_network(ModelBytes(write_twin(graph))), "net"))
        inputs = random_inputs(graph, 4)
        (source,), (values,) = read.inputs, inputs.values()
        found = run(read, {source.tensor: values})[read.outputs[0].tensor]
        assert np.array_equal(found, run(graph, inputs)[graph.outputs[0].tensor])


def test_a_file_whose_steps_leave_the_map_is_refused() -> None:
    b = GraphBuilder("net")
    x = b.input((1, 7, 3, 2), quant(0.05))
    out = bilinear(b, x, (1500, 3), "asymmetric")
    ends = ((port(x, b.type(x)),), (port(out, b.type(out)),))
    graph = Int8Graph("net", *ends, tuple(b.nodes), dict(b.tensors), {})
    with pytest.raises(UnsupportedModelError, match="add up to beyond the last one"):
        lower_network(read_network(ModelBytes(write_twin(graph))), "net")


@pytest.mark.cc
@pytest.mark.parametrize("core", KERNEL_CORES, ids=core_name)
def test_c_agrees(tmp_path: Path, core: Core | None) -> None:
    b, made = GraphBuilder("bilinear", seed=5), list[str]()
    factors = {
        "map": MAPS,
        "c": CHANNELS,
        "zero_point": ZERO_POINTS,
        "rows": SIZES,
        "columns": SIZES,
        "mode": COORDINATES,
        "rounds": (False, True),
    }
    for case in latin(factors, 40, seed=5):
        x = b.input((1, *case["map"], case["c"]), quant(0.05, case["zero_point"]))
        size = (case["rows"], case["columns"])
        made.append(bilinear(b, x, size, case["mode"], rounds=case["rounds"]))
    generated = generate(b.build(*made), tmp_path / "c", planned=False, core=core)
    assert {k.family.name for k in generated.kernels.values() if k is not None} == {"bilinear"}
    assert_c_agrees(generated, tmp_path, clang=core is None)


@pytest.mark.cc
def test_it_lives_in_segments(tmp_path: Path) -> None:
    """Between two layers the enlarged map is never whole, nor is the small one."""
    b = GraphBuilder("segment", seed=6)
    x = b.conv(b.input((1, 12, 16, 3)), 8, (3, 3))
    x = bilinear(b, x, (24, 32), "half_pixel")
    x = bilinear(b, x, (36, 48), "align_corners", rounds=True)
    x = b.conv(x, 4, (3, 3), stride=(3, 3))
    generated = generate(b.build(), tmp_path / "c", options=PlanOptions(mode="stream"))
    assert generated.network.arena_bytes < 24 * 32 * 8
    assert_c_agrees(generated, tmp_path)
