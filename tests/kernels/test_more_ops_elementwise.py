"""Differences, products and functions of one element, over shapes, scales and zero points."""

from pathlib import Path

import numpy as np
import pytest

from mcucc.reference.fixed_point import RequantClass
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import Generated, assert_c_agrees, generate
from tests.kernels.grid import ACTIVATIONS, MAPS, ZERO_POINTS, latin

pytestmark = pytest.mark.cc

CHANNELS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 16)
SHAPES = {"map": MAPS, "c": CHANNELS, "zero_point": ZERO_POINTS, "activation": ACTIVATIONS}


def families(generated: Generated) -> set[str]:
    return {kernel.family.name for kernel in generated.kernels.values() if kernel is not None}


def classes(generated: Generated, family: str) -> set[RequantClass | None]:
    kernels = (kernel for kernel in generated.kernels.values() if kernel is not None)
    return {kernel.requant for kernel in kernels if kernel.family.name is family}


def test_differences(tmp_path: Path) -> None:
    """With a sum of the same operands, and with constants on either side."""
    b = GraphBuilder("differences", seed=21)
    made: list[str] = []
    for case in latin({**SHAPES, "ratio": (0.03, 0.5, 1.0, 1.0, 7.0)}, 20, seed=21):
        shape = (1, *case["map"], case["c"])
        x = b.input(shape, quant(0.05, case["zero_point"]))
        other = b.input(shape, quant(0.05 * case["ratio"], 12))
        made.append(b.sub(x, other, activation=case["activation"]))
        made.append(b.add(x, other, activation=case["activation"], q=b.tensors[made[-1]].q))
    x, shape = b.input((1, 3, 4, 5)), (1, 3, 4, 5)
    made += [b.sub(x, x), b.sub(b.constant(shape), x), b.sub(x, b.constant(shape))]
    generated = generate(b.build(*made), tmp_path / "c", planned=False)
    assert families(generated) == {"sub", "add"}
    assert_c_agrees(generated, tmp_path)


def test_products(tmp_path: Path) -> None:
    """Of two maps, and of a map and one value per channel, by factors of all sizes.

    A factor is s1 * s2 / s_out: the largest shifts nothing, the smallest has the multiplier 0.
    """
    b = GraphBuilder("products", seed=22)
    made: list[str] = []
    factors = (0.9, 0.4, 0.1, 0.01, 0.003, 2.0**-23.5, 2.0**-30.5, 2.0**-40)
    for case in latin({**SHAPES, "factor": factors}, 24, seed=22):
        shape = (1, *case["map"], case["c"])
        x = b.input(shape, quant(0.05, case["zero_point"]))
        second = quant(0.02, int(b.rng.choice(ZERO_POINTS)))
        q = quant(0.05 * 0.02 / case["factor"], int(b.rng.integers(-128, 128)))
        gate = (1, 1, 1, case["c"])
        others = (b.input(shape, second), b.input(gate, second), b.constant(gate, second))
        made += [b.mul(x, other, activation=case["activation"], q=q) for other in others]
    x, shape = b.input((1, 3, 4, 5)), (1, 3, 4, 5)
    made += [b.mul(x, x), b.mul(b.constant(shape), x), b.mul(x, b.constant(shape))]
    vector = b.input((1, 5))
    made += [b.mul(vector, b.input((1, 5))), b.mul(b.input((1, 4, 5)), b.input((1, 1, 5)))]
    generated = generate(b.build(*made), tmp_path / "c", planned=False)
    assert families(generated) == {"mul", "mulc"}
    for family in families(generated):
        assert classes(generated, family) == {RequantClass.FAST, RequantClass.WIDE}
    assert_c_agrees(generated, tmp_path)


def test_a_gated_map_is_written_over_the_map(tmp_path: Path) -> None:
    """Both inputs die of the product; only the map has the product's size."""
    b = GraphBuilder("gated", seed=23)
    x = b.requantize(b.input((1, 5, 4, 6)))
    gate = b.logistic(b.mean(x, keep_dims=True))
    product = b.mul(x, gate)
    graph = b.build(b.requantize(product))
    generated = generate(graph, tmp_path / "c")
    plan = generated.plan
    assert plan.offset(product) == plan.offset(x)
    size = graph.tensors[product].nbytes
    beside = range(
        plan.offset(product) - graph.tensors[gate].nbytes + 1, plan.offset(product) + size
    )
    assert plan.offset(gate) not in beside
    assert_c_agrees(generated, tmp_path)


def test_functions_of_one_element(tmp_path: Path) -> None:
    b = GraphBuilder("functions", seed=24)
    made: list[str] = []
    factors = {
        "map": MAPS,
        "c": CHANNELS,
        "zero_point": ZERO_POINTS,
        "scale": (0.004, 0.02, 0.05, 0.3),
        "alpha": (0.01, 0.3, 0.999),
        "bounds": ((-128, 127), (-5, 80), (127, 127), (-128, -128), (0, 0)),
    }
    for case in latin(factors, 20, seed=24):
        x = b.input((1, *case["map"], case["c"]), quant(case["scale"], case["zero_point"]))
        made += [b.logistic(x), b.tanh(x), b.hard_swish(x), b.leaky_relu(x, case["alpha"])]
        made += [b.clamp(x, *case["bounds"]), b.table(x)]
    everything = b.input((1, 16, 16, 1))
    made.append(b.table(everything, np.arange(127, -129, -1).astype(np.int8)))
    generated = generate(b.build(*made), tmp_path / "c", planned=False)
    assert families(generated) == {"lookup"}
    assert_c_agrees(generated, tmp_path)


def test_a_constant_operand_takes_no_arena(tmp_path: Path) -> None:
    """It stays in flash, where the kernel reads it."""
    b = GraphBuilder("constant_operand", seed=25)
    x = b.input((1, 4, 4, 3))
    product = b.mul(b.sub(x, b.constant((1, 4, 4, 3))), b.constant((1, 1, 1, 3)))
    generated = generate(b.build(product), tmp_path / "c")
    assert generated.network.arena_bytes == 4 * 4 * 3
    assert_c_agrees(generated, tmp_path)
