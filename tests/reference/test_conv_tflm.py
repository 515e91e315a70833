"""Convolutions and dense layers: numpy against TensorFlow Lite Micro, bit for bit."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from mcucc.ir import QParams
from mcucc.ops import Activation, Int8Graph
from mcucc.reference.parameters import conv_multipliers, max_abs_accumulator
from tests.graphs import GraphBuilder, Padding, quant
from tests.judging import assert_tflm_agrees, needs_tflm

pytestmark = needs_tflm

KERNELS = [(1, 1), (2, 2), (3, 3), (5, 5), (7, 7), (1, 4), (4, 1), (6, 3), (10, 4)]
STRIDES = [(1, 1), (2, 2), (1, 2), (3, 1)]
DILATIONS = [(1, 1), (2, 2), (1, 3)]
PADS: list[Padding] = ["same", "valid", (1, 1, 1, 1), (0, 1, 0, 1), (1, 0, 2, 0), (3, 2, 0, 4)]
ZERO_POINTS = [-128, -127, -1, 0, 5, 127]
SHIFTS = [0, -1, -2, -8, -21, -22, -23, -24, -25, -30, -31, -33, 1, 2, 5]
ACTIVATIONS: list[Activation] = ["none", "relu", "relu6"]


def geometries() -> list[tuple[tuple[int, int], tuple[int, int], tuple[int, int], Padding]]:
    """Every fifth of all combinations: each pair of values meets somewhere."""
    every = itertools.product(KERNELS, STRIDES, DILATIONS, PADS)
    return [each for number, each in enumerate(every) if number % 5 == 0]


def conv_case(number: int, geometry: tuple[object, ...]) -> Int8Graph:
    kernel, stride, dilation, pads = geometries()[number]
    b = GraphBuilder(f"conv {geometry}", seed=number)
    zero_point = ZERO_POINTS[number % len(ZERO_POINTS)]
    x = b.input((1, 20, 22, 1 + number % 5), quant(0.03, zero_point))
    b.conv(
        x,
        1 + number % 7,
        kernel,
        stride=stride,
        dilation=dilation,
        pads=pads,
        activation=ACTIVATIONS[number % 3],
    )
    return b.build()


def test_conv_geometries():
    assert_tflm_agrees([conv_case(*each) for each in enumerate(geometries())])


def test_grouped_convolutions():
    graphs: list[Int8Graph] = []
    channels = [(2, 2, 2), (4, 2, 2), (6, 4, 2), (6, 12, 3), (8, 8, 8), (8, 24, 8), (16, 16, 4)]
    for number, (in_c, out_c, groups) in enumerate(channels * 3):
        kernel, stride, dilation, pads = geometries()[6 * number]
        b = GraphBuilder(f"grouped {in_c} {out_c} {groups}", seed=number)
        x = b.input((1, 20, 22, in_c), quant(0.03, ZERO_POINTS[number % len(ZERO_POINTS)]))
        b.conv(
            x,
            out_c,
            kernel,
            stride=stride,
            dilation=dilation,
            pads=pads,
            groups=groups,
            activation=ACTIVATIONS[number % 3],
        )
        graphs.append(b.build())
    assert_tflm_agrees(graphs)


def test_depthwise_geometries():
    graphs: list[Int8Graph] = []
    for number, (kernel, stride, dilation, pads) in enumerate(geometries()):
        b = GraphBuilder(f"depthwise {(kernel, stride, dilation, pads)}", seed=number)
        zero_point = ZERO_POINTS[number % len(ZERO_POINTS)]
        x = b.input((1, 20, 22, 1 + number % 5), quant(0.03, zero_point))
        b.depthwise(
            x,
            kernel,
            multiplier=(1, 1, 2, 3, 8)[number % 5],
            stride=stride,
            dilation=dilation,
            pads=pads,
            activation=ACTIVATIONS[number % 3],
        )
        graphs.append(b.build())
    assert_tflm_agrees(graphs)


def scales_for_shifts(
    shifts: Sequence[int], s_in: float, s_out: float, rng: np.random.Generator
) -> list[float]:
    """Weight scales whose effective scales lie in [2^(shift - 1), 2^shift)."""
    return [float(rng.uniform(0.51, 0.99)) * 2.0**shift * s_out / s_in for shift in shifts]


def biases_for_shifts(shifts: Sequence[int], rng: np.random.Generator) -> list[int]:
    """Biases that bring outputs into int8 where an int32 can, with both signs."""
    bounds = [min(1 << max(8 - shift, 0), (1 << 31) - (1 << 23)) for shift in shifts]
    return [int(rng.integers(-bound, bound + 1)) for bound in bounds]


def biases_near_bound(count: int, rng: np.random.Generator) -> list[int]:
    """Biases so near to +-2^30 that accumulators lie on either side of it."""
    return [(-1) ** k * (2**30 + int(rng.integers(-40_000, 40_000))) for k in range(count)]


def shift_graphs(kind: str) -> list[Int8Graph]:
    """All shifts in one layer, with biases to match and with biases near +-2^30."""
    graphs: list[Int8Graph] = []
    for seed, zero_point in enumerate(ZERO_POINTS):
        for near_bound in (False, True):
            b = GraphBuilder(f"{kind} shifts {zero_point} {near_bound}", seed=seed)
            shifts = SHIFTS * 3
            s_in, s_out = 0.02, 0.05
            out = quant(s_out, zero_point)
            scales = scales_for_shifts(shifts, s_in, s_out, b.rng)
            fit = biases_for_shifts(shifts, b.rng)
            bias = biases_near_bound(len(shifts), b.rng) if near_bound else fit
            x_quant = quant(s_in, ZERO_POINTS[-1 - seed])
            match kind:
                case "conv":
                    x = b.input((1, 4, 3, 2), x_quant)
                    b.conv(x, len(shifts), (2, 2), q=out, weight_scales=scales, bias=bias)
                case "depthwise":
                    x = b.input((1, 4, 3, len(shifts)), x_quant)
                    b.depthwise(x, (2, 2), q=out, weight_scales=scales, bias=bias)
                case _:
                    x = b.input((1, 9), x_quant)
                    b.dense(x, len(shifts), q=out, weight_scales=scales, bias=bias)
            graphs.append(b.build())
    return graphs


@pytest.mark.parametrize("kind", ["conv", "depthwise", "dense"])
def test_extreme_shifts_and_accumulators(kind: str):
    graphs = shift_graphs(kind)
    node = graphs[0].nodes[0]
    reached = {multiplier.shift for multiplier in conv_multipliers(graphs[0], node)}
    assert reached >= {0, -1, -22, -23, -24, -31, 1, 5}
    assert all(max(max_abs_accumulator(graph, graph.nodes[0])) < 2**31 for graph in graphs)
    assert_tflm_agrees(graphs, samples=16)


def test_dead_channels():
    b = GraphBuilder("dead channels", seed=3)
    x = b.input((1, 6, 6, 4), quant(0.02, -128))
    scales = [8.8e-9, 0.01, 1.2e-11, 0.004, 8.8e-9, 3e-8, 1e-6, 1e-5]
    bias = [2**31 - 2**20, 100, -(2**30), -50, -(2**29), 2**28, 2**24, -(2**20)]
    y = b.conv(x, 8, (1, 1), weight_scales=scales, bias=bias, q=quant(0.03, -128))
    b.depthwise(y, weight_scales=scales, bias=bias, activation="relu6", q=quant(0.0235, -128))
    assert_tflm_agrees([b.build()], samples=16)


def test_dense_sizes_and_scales():
    graphs: list[Int8Graph] = []
    for seed, (size, out_c, per_tensor) in enumerate(
        itertools.product([1, 2, 7, 64, 640], [1, 3, 10, 128], [True, False])
    ):
        b = GraphBuilder(f"dense {size} {out_c} {per_tensor}", seed=seed)
        x = b.input((1, size), quant(0.0371, ZERO_POINTS[seed % 6]))
        scales = [float(b.rng.uniform(0.001, 0.02))] if per_tensor else None
        b.dense(x, out_c, weight_scales=scales, activation=ACTIVATIONS[seed % 3])
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=16)


def test_per_tensor_weights_take_the_scale_product_in_float64():
    """Scales whose float32 product gives another multiplier than their float64 product."""
    graphs: list[Int8Graph] = []
    for seed in range(40):
        b = GraphBuilder(f"per tensor {seed}", seed=seed)
        x = b.input((1, 1, 1, 4), quant(b.rng.uniform(0.01, 0.1), 3))
        scale, out = [float(b.rng.uniform(0.001, 0.02))], quant(0.05, -4)
        bias = b.rng.integers(-(2**15), 2**15, 64).tolist()
        y = b.conv(x, 64, (1, 1), weight_scales=scale, bias=bias, q=out)
        b.dense(b.flatten(y), 64, weight_scales=scale, bias=bias, q=out)
        b.depthwise(y, (1, 1), weight_scales=scale, bias=bias, q=out)
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=16)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activation_bounds(activation: Activation):
    graphs: list[Int8Graph] = []
    for seed, scale in enumerate([0.01, 0.0235, 6 / 255, 0.02362205, 0.047, 0.5, 12.0, 4.0]):
        for zero_point in (-128, -3, 90):
            b = GraphBuilder(f"{activation} {scale} {zero_point}", seed=seed)
            x = b.input((1, 5, 5, 3), quant(0.04, 7))
            scales = [scale * 0.02] * 6
            y = b.conv(
                x, 6, q=quant(scale, zero_point), activation=activation, weight_scales=scales
            )
            b.dense(b.flatten(y), 9, q=quant(scale, zero_point), activation=activation)
            graphs.append(b.build())
    assert_tflm_agrees(graphs)


def test_one_weight_scale_for_all_channels():
    b = GraphBuilder("one scale", seed=8)
    x = b.input((1, 7, 7, 3), QParams((0.0625,), 11))
    y = b.conv(x, 5, weight_scales=[0.01])
    z = b.depthwise(y, weight_scales=[0.02])
    b.dense(b.flatten(z), 4, weight_scales=[0.005])
    assert_tflm_agrees([b.build()])
