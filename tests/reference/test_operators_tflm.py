"""The operators without weights: numpy against TensorFlow Lite Micro, bit for bit."""

import itertools

import pytest

from mcucc.ops import Activation, Int8Graph
from tests.graphs import GraphBuilder, Padding, quant
from tests.judging import assert_tflm_agrees, needs_tflm

pytestmark = needs_tflm

ZERO_POINTS = [-128, -77, 0, 4, 127]
SCALES = [1e-6, 0.003, 0.02, 0.0234375, 0.5, 40.0]
ACTIVATIONS: list[Activation] = ["none", "relu", "relu6"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_add(activation: Activation):
    graphs: list[Int8Graph] = []
    for seed, scales in enumerate(itertools.product(SCALES, SCALES, SCALES)):
        if 2 * max(scales[:2]) >= 2**20 * scales[2]:
            continue
        zero_points = [ZERO_POINTS[(seed * k) % 5] for k in (1, 2, 3)]
        b = GraphBuilder(f"add {scales} {zero_points}", seed=seed)
        first, second, out = (quant(*each) for each in zip(scales, zero_points, strict=True))
        b.add(
            b.input((1, 5, 4, 3), first),
            b.input((1, 5, 4, 3), second),
            activation=activation,
            q=out,
        )
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=8)


def test_add_of_one_value_with_itself_and_with_a_constant():
    b = GraphBuilder("add itself", seed=1)
    x = b.input((1, 8, 8, 4))
    y = b.add(x, x)
    b.add(y, b.constant((1, 8, 8, 4)))
    assert_tflm_agrees([b.build()], samples=8)


def test_requantize():
    graphs: list[Int8Graph] = []
    every = itertools.product(SCALES, SCALES, ZERO_POINTS)
    for seed, (s_in, s_out, zero_point) in enumerate(every):
        b = GraphBuilder(f"requantize {s_in} {s_out} {zero_point}", seed=seed)
        x = b.input((1, 256), quant(s_in, ZERO_POINTS[seed % 5]))
        b.requantize(x, quant(s_out, zero_point))
        graphs.append(b.build())
    assert_tflm_agrees(graphs)


def test_average_pool():
    graphs: list[Int8Graph] = []
    pads: list[Padding] = ["same", "valid"]
    kernels = [(1, 1), (2, 2), (3, 3), (2, 5), (7, 1), (9, 8)]
    for seed, (kernel, stride, pad) in enumerate(
        itertools.product(kernels, [(1, 1), (2, 2), (1, 3)], pads)
    ):
        b = GraphBuilder(f"average pool {kernel} {stride} {pad}", seed=seed)
        x = b.input((1, 9, 8, 5), quant(0.04, ZERO_POINTS[seed % 5]))
        b.average_pool(x, kernel, stride=stride, pads=pad)
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=8)


def test_max_pool():
    graphs: list[Int8Graph] = []
    pads: list[Padding] = ["same", "valid", (1, 1, 1, 1), (0, 1, 1, 0), (1, 0, 0, 1)]
    kernels = [(2, 2), (3, 3), (2, 5), (7, 2), (9, 8)]
    for seed, (kernel, stride, pad) in enumerate(
        itertools.product(kernels, [(1, 1), (2, 2), (1, 3)], pads)
    ):
        b = GraphBuilder(f"max pool {kernel} {stride} {pad}", seed=seed)
        x = b.input((1, 9, 8, 5), quant(0.04, ZERO_POINTS[seed % 5]))
        b.max_pool(x, kernel, stride=stride, pads=pad)
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=8)


def test_max_pool_pads_with_less_than_the_zero_point():
    """Every real pixel lies below the zero point, so that padding with it would win."""
    b = GraphBuilder("max pool of low values")
    b.max_pool(b.input((1, 5, 5, 3), quant(0.1, 127)), (3, 3), pads=(1, 1, 1, 1))
    assert_tflm_agrees([b.build()], samples=8)


def test_mean():
    graphs: list[Int8Graph] = []
    shapes = [(1, 1, 1, 8), (1, 3, 3, 8), (1, 7, 6, 5), (1, 25, 5, 4), (1, 40, 40, 2)]
    ratios = [0.011, 0.25, 0.7, 1.0, 1.3, 17.0]
    for seed, (shape, axes, ratio) in enumerate(
        itertools.product(shapes, [(1, 2), (1,), (2,)], ratios)
    ):
        b = GraphBuilder(f"mean {shape} {axes} {ratio}", seed=seed)
        x = b.input(shape, quant(0.031, ZERO_POINTS[seed % 5]))
        b.mean(x, axes, keep_dims=seed % 2 == 0, q=quant(0.031 * ratio, ZERO_POINTS[-1 - seed % 4]))
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=16)


def test_mean_truncates_the_reciprocal():
    """A sum of 6 over 3 at ratio 7/4 is 3.5: a rounded reciprocal gives 4, a truncated one 3."""
    graphs: list[Int8Graph] = []
    for seed, (count, ratio) in enumerate([(3, 1.75), (3, 1.125), (5, 3.5), (7, 2.75), (6, 3.25)]):
        b = GraphBuilder(f"mean of {count} at {ratio}", seed=seed)
        b.mean(b.input((1, count, 1, 4000), quant(ratio)), (1,), q=quant(1.0))
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=8)


def test_two_means_round_twice():
    b = GraphBuilder("two means", seed=5)
    x = b.input((1, 5, 5, 160), quant(0.0173, -9))
    y = b.mean(x, (2,), q=quant(0.011, 3))
    b.mean(y, (1,), q=quant(0.0072, -20))
    assert_tflm_agrees([b.build()], samples=32)


def test_softmax():
    graphs: list[Int8Graph] = []
    scales = [1e-6, 0.001, 0.0123, 0.0625, 0.1, 0.25, 0.7, 1.0, 3.3, 17.0, 31.9, 200.0]
    for seed, (scale, classes) in enumerate(itertools.product(scales, [1, 2, 3, 12, 100])):
        b = GraphBuilder(f"softmax {scale} {classes}", seed=seed)
        b.softmax(b.input((1, classes), quant(scale, ZERO_POINTS[seed % 5])))
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=32)


def test_softmax_at_other_scales():
    """TFLM's own of 16 bits and a QUANTIZE, sums of 512 and more among them."""
    graphs: list[Int8Graph] = []
    scales = (1e-6, 0.0123, 0.1, 0.7, 17.0)
    outputs = (quant(1 / 255, -128), quant(1 / 127), quant(0.02, 5), quant(2.0**-20, -100))
    for seed, (scale, q, classes) in enumerate(itertools.product(scales, outputs, (1, 3, 40, 600))):
        b = GraphBuilder(f"softmax {scale} {q.scale} {classes}", seed=seed)
        b.softmax(b.input((1, 2, classes), quant(scale, ZERO_POINTS[seed % 5])), q)
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=8)


def test_softmax_of_many_near_equal_logits_up_to_the_judge_limit():
    """Sums just below 512 need a shift of 31, the largest that the judge does."""
    b = GraphBuilder("softmax 511")
    b.softmax(b.input((1, 511), quant(1e-6)))
    rows = GraphBuilder("softmax of rows")
    rows.softmax(rows.input((1, 6, 5, 7), quant(0.11, 4)))
    assert_tflm_agrees([b.build(), rows.build()], samples=8)


def test_movement():
    graphs: list[Int8Graph] = []
    for seed, pads in enumerate([(0, 0, 0, 0), (1, 1, 1, 1), (2, 0, 0, 3), (0, 5, 1, 0)]):
        b = GraphBuilder(f"pad {pads}", seed=seed)
        x = b.input((1, 4, 5, 3), quant(0.1, ZERO_POINTS[seed]))
        b.flatten(b.pad(x, pads))
        graphs.append(b.build())
    assert_tflm_agrees(graphs)


def test_concat():
    graphs: list[Int8Graph] = []
    widths = [(3,), (1, 1), (4, 1, 3), (16, 16), tuple(range(1, 11)), (2,) * 11, (1, 3) * 13]
    for seed, (channels, rows) in enumerate(itertools.product(widths, [(), (5,), (3, 4)])):
        b = GraphBuilder(f"concat {rows} {channels}", seed=seed)
        q = quant(0.1, ZERO_POINTS[seed % 5])
        b.concat(*(b.input((1, *rows, each), q) for each in channels))
        graphs.append(b.build())
    assert_tflm_agrees(graphs)


def test_concat_of_one_value_twice_and_of_a_constant():
    b = GraphBuilder("concat again", seed=2)
    x = b.input((1, 4, 3, 2), quant(0.1, 9))
    b.concat(x, b.constant((1, 4, 3, 5), quant(0.1, 9)), x)
    assert_tflm_agrees([b.build()])


def test_resize_nearest():
    graphs: list[Int8Graph] = []
    factors = [(1, 1), (2, 2), (1, 4), (3, 1), (5, 7), (2, 3)]
    for seed, (factor, size) in enumerate(itertools.product(factors, [(1, 1), (7, 13), (41, 3)])):
        b = GraphBuilder(f"resize {factor} {size}", seed=seed)
        b.resize_nearest(b.input((1, *size, 3)), factor)
        graphs.append(b.build())
    assert_tflm_agrees(graphs)


def test_resize_nearest_by_every_factor():
    """TFLM divides in float32; up to 40 that is the whole division, at any size."""
    graphs: list[Int8Graph] = []
    for factor, size in itertools.product(range(1, 41), (2, 57, 300)):
        b = GraphBuilder(f"resize {size} by {factor}")
        b.resize_nearest(b.input((1, size, 1, 1)), (factor, 1))
        graphs.append(b.build())
    assert_tflm_agrees(graphs, samples=2)


def test_transpose():
    graphs: list[Int8Graph] = []
    for shape in [(1, 5), (1, 4, 6), (1, 3, 4, 5), (1, 3, 2, 4, 2)]:
        for perm in itertools.permutations(range(1, len(shape))):
            b = GraphBuilder(f"transpose {shape} {perm}", seed=len(graphs))
            b.transpose(b.input(shape), (0, *perm))
            graphs.append(b.build())
    assert_tflm_agrees(graphs)


def test_slice():
    """Blocks at both ends and in the middle of every axis, of a single element and of all."""
    graphs: list[Int8Graph] = []
    for shape in [(5,), (4, 6), (3, 4, 5), (3, 1, 4, 2)]:
        spans = [{(0, 1), (n - 1, 1), (n // 2, n - n // 2), (0, n)} for n in shape]
        for spanned in itertools.product(*(sorted(each) for each in spans)):
            starts, sizes = zip(*spanned, strict=True)
            b = GraphBuilder(f"slice {shape} {spanned}", seed=len(graphs))
            b.slice(b.input((1, *shape)), (0, *starts), (1, *sizes))
            graphs.append(b.build())
    assert_tflm_agrees(graphs)
