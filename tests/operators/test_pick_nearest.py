"""PickNearest: numpy against TFLM, C against numpy, files."""

import itertools
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from mcucc.importer import ModelBytes, lower_network, read_network
from mcucc.ops import Int8Graph
from mcucc.ops.resize import COORDINATES, Coordinates, FloatPickNearest, PickNearest
from mcucc.quant.ptq import from_file
from mcucc.reference.float_interpreter import run_float
from mcucc.reference.interpreter import run
from mcucc.schedule import PlanOptions
from mcucc.targets.core import Core
from mcucc.twin import write_twin
from tests.graphs import GraphBuilder, quant, random_inputs
from tests.importer.float_cases import Model, check, kinds
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.kernels.compiled import KERNEL_CORES, assert_c_agrees, core_name, generate
from tests.kernels.grid import CHANNELS, MAPS, ZERO_POINTS, latin
from tests.operators.example import Example
from tests.ops.breaking import int8, with_op, with_output

Pair = tuple[int, int]
SIZES = (1, 2, 3, 4, 5, 7, 8, 12, 16, 25)


def nearest(b: GraphBuilder, x: str, size: Pair, mode: Coordinates) -> str:
    return b.node(PickNearest(size, mode), (x,), b.type(x).q)


def example(b: GraphBuilder, x: str) -> str:
    """To the same size, so that the same shape comes out."""
    return nearest(b, x, b.type(x).hwc[:2], "half_pixel")


EXAMPLE = Example(
    PickNearest,
    example,
    (
        (with_op(PickNearest((0, 3))), "must be positive"),
        (with_op(PickNearest((3, 1 << 28))), "below 2\\^20"),
        (with_op(PickNearest((246, 3))), "picks other pixels"),
        (with_output(int8(1, 6, 6, 2, q=quant(0.2))), "same scale and zero point"),
    ),
    lambda b, x: b.add(FloatPickNearest(b.tensors[x].hwc[:2], "half_pixel"), x),
)


@needs_tflm
def test_tflm_agrees() -> None:
    graphs: list[Int8Graph] = []
    for seed, (n, count, mode) in enumerate(itertools.product(SIZES, SIZES, COORDINATES)):
        b = GraphBuilder(f"{n} to {count} {mode}", seed=seed)
        other = SIZES[seed % 7], SIZES[(3 * seed + n) % 10]
        x = b.input((1, n, other[0], 1 + seed % 3), quant(0.05, ZERO_POINTS[seed % 5]))
        nearest(b, x, (count, other[1]), mode)
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=2)


@needs_tflm
@pytest.mark.parametrize("mode", COORDINATES)
def test_tflm_agrees_at_any_size(mode: Coordinates) -> None:
    """Wherever the rules allow it, its float32 picks these pixels."""
    graphs: list[Int8Graph] = []
    rng = np.random.default_rng(9)
    while len(graphs) < 80:
        n, count = int(rng.integers(1, 200)), int(rng.integers(1, 900))
        kind = int8(1, n, 2, 1)
        if list(PickNearest((count, 2), mode).rules([kind], kind)):
            continue
        b = GraphBuilder(f"{n} to {count}", seed=len(graphs))
        nearest(b, b.input((1, n, 2, 1)), (count, 2), mode)
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=3)


@pytest.mark.cc
@pytest.mark.parametrize("core", KERNEL_CORES, ids=core_name)
def test_c_agrees(tmp_path: Path, core: Core | None) -> None:
    b, made = GraphBuilder("nearest", seed=5), list[str]()
    factors = {"map": MAPS, "c": CHANNELS, "rows": SIZES, "columns": SIZES, "mode": COORDINATES}
    for case in latin(factors, 40, seed=5):
        x = b.input((1, *case["map"], case["c"]), quant(0.05, 7))
        made.append(nearest(b, x, (case["rows"], case["columns"]), case["mode"]))
    generated = generate(b.build(*made), tmp_path / "c", planned=False, core=core)
    assert {k.family.name for k in generated.kernels.values() if k is not None} == {"nearest"}
    assert_c_agrees(generated, tmp_path, clang=core is None)


@pytest.mark.cc
def test_it_lives_in_segments(tmp_path: Path) -> None:
    b = GraphBuilder("segment", seed=6)
    x = b.conv(b.input((1, 12, 16, 3)), 8, (3, 3))
    x = nearest(b, x, (18, 24), "half_pixel")
    b.conv(nearest(b, x, (27, 36), "align_corners"), 4, (3, 3), stride=(3, 3))
    generated = generate(b.build(), tmp_path / "c", options=PlanOptions(mode="stream"))
    assert generated.network.arena_bytes < 18 * 24 * 8
    assert_c_agrees(generated, tmp_path)


@pytest.mark.parametrize(
    "attributes",
    [
        {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        {"coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_ceil"},
        {"coordinate_transformation_mode": "align_corners", "nearest_mode": "round_prefer_ceil"},
    ],
    ids=COORDINATES,
)
@pytest.mark.parametrize("counts", [(9, 5), (4, 10), (11, 3)])
def test_float_files(tmp_path: Path, attributes: dict[str, Any], counts: Pair) -> None:
    m = Model((1, 2, 6, 4))
    y = m.op("Resize", m.op("Relu", "x0"), "", "", m.ints(1, 2, *counts), **attributes)
    assert "PickNearest" in kinds(check(m, tmp_path, m.op("Tanh", y)))


ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


@pytest.mark.parametrize("mode", ["half_pixel", "half_pixel_symmetric", "asymmetric"])
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_places_between_pixels_are_those_of_the_standard(
    tmp_path: Path, mode: str, rounding: str
) -> None:
    """The reference of ONNX is the judge: ONNX Runtime computes places in float32.

    By 1.6 and 0.6 it puts pixels that lie on a half, or on a pixel, on the other side of it.
    """
    x = np.arange(60, dtype=np.float32).reshape(1, 2, 6, 5)
    for factors in ((1.6, 0.6), (1.5, 0.75), (0.5, 2.0)):
        m = Model(x.shape)
        scales = m.constant([1, 1, *factors], np.float32)
        attributes: dict[str, Any] = {"coordinate_transformation_mode": mode}
        attributes["nearest_mode"] = rounding
        path = m.save(tmp_path, m.op("Relu", m.op("Resize", "x0", "", scales, **attributes)))
        graph = lower_network(read_network(path), "net")
        found = run_float(graph, {"x0": x.transpose(0, 2, 3, 1)})[graph.outputs[0].tensor]
        judge = cast("Any", ReferenceEvaluator(str(path)))
        (expected,) = judge.run(None, {"x0": x})
        assert np.array_equal(found.transpose(0, 3, 1, 2), expected), factors


@pytest.mark.parametrize("mode", COORDINATES)
def test_tflite_files(mode: Coordinates) -> None:
    for number, (n, count) in enumerate(itertools.product((1, 3, 8, 12), (2, 5, 12, 30))):
        b = GraphBuilder("net", seed=number)
        nearest(b, b.input((1, n, 4, 3)), (count, 7), mode)
        graph = b.build()
        read = from_file(lower_network(read_network(ModelBytes(write_twin(graph))), "net"))
        inputs = random_inputs(graph, 3)
        (source,), (values,) = read.inputs, inputs.values()
        found = run(read, {source.tensor: values})[read.outputs[0].tensor]
        assert np.array_equal(found, run(graph, inputs)[graph.outputs[0].tensor])
