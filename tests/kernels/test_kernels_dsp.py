"""What the kernels of the DSP extension decline, and that they are exact up to there."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcucc.ir import Const
from mcucc.kernels import Kernel, Unit, select_kernels
from mcucc.kernels.packing import join_halves, pack_lanes, pack_quads, paired_biases
from mcucc.ops import Int8Graph
from mcucc.reference.parameters import max_abs_accumulator
from mcucc.targets.board import CORES
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import assert_c_agrees, generate

M4 = CORES["cortex-m4"]
LIMIT = 1 << 23
"""Amount that the sum of an odd channel must stay below."""
IN_C, OUT_C = 20, 6


def one_layer(bias: list[int], scale: float = 2.0**-17) -> Int8Graph:
    b = GraphBuilder("limits", seed=3)
    x = b.input((1, 4, 3, IN_C), quant(1.0, -3))
    return b.build(b.conv(x, OUT_C, (1, 1), q=quant(1.0), weight_scales=[scale] * OUT_C, bias=bias))


def biased(amount: int, channel: int) -> Int8Graph:
    """A layer whose `channel` has accumulators up to an amount, all of them close to it."""
    free = max_abs_accumulator(one_layer([0] * OUT_C), one_layer([0] * OUT_C).nodes[0])[channel]
    bias = [7] * OUT_C
    bias[channel] = amount - free
    graph = one_layer(bias)
    bound = max_abs_accumulator(graph, graph.nodes[0])[channel]
    bias[channel] += amount - bound
    return one_layer(bias)


def kernel_of(graph: Int8Graph) -> Kernel:
    kernel = select_kernels(graph, M4)[graph.nodes[0].name]
    assert kernel is not None
    return kernel


@pytest.mark.cc
@pytest.mark.parametrize(
    ("amount", "channel", "unit"),
    [
        (LIMIT - 1, 3, Unit.DSP),
        (LIMIT, 3, Unit.PORTABLE),
        (1 << 28, 2, Unit.DSP),
    ],
)
def test_sums_that_share_a_word_are_bounded(
    tmp_path: Path, amount: int, channel: int, unit: Unit
) -> None:
    graph = biased(amount, channel)
    assert max_abs_accumulator(graph, graph.nodes[0])[channel] == amount
    assert kernel_of(graph).unit is unit
    assert_c_agrees(generate(graph, tmp_path / "c", core=M4), tmp_path)


def test_the_smallest_weight_fits_beside_no_other() -> None:
    graph = one_layer([0] * OUT_C)
    name = graph.nodes[0].inputs[1]
    weights = graph.const(name)
    data = weights.data.copy()
    data[1, 0, 0, 0] = -128
    consts = {**graph.consts, name: Const(name, weights.type, data)}
    assert kernel_of(graph).unit is Unit.DSP
    assert kernel_of(replace(graph, consts=consts)).unit is Unit.PORTABLE


@pytest.mark.parametrize(("channels", "unit"), [(3, Unit.PORTABLE), (4, Unit.DSP), (5, Unit.DSP)])
def test_depthwise_layers_need_four_channels(channels: int, unit: Unit) -> None:
    b = GraphBuilder()
    assert kernel_of(b.build(b.depthwise(b.input((1, 4, 4, channels))))).unit is unit


def test_the_class_general_is_left_to_plain_c() -> None:
    bias = [0] * OUT_C
    bias[0] = 1 << 30
    assert kernel_of(one_layer(bias)).unit is Unit.PORTABLE


@pytest.mark.cc
def test_factors_that_are_too_small_give_the_zero_point(tmp_path: Path) -> None:
    graph = one_layer([1 << 22] * OUT_C, scale=2.0**-60)
    assert kernel_of(graph).unit is Unit.DSP
    assert_c_agrees(generate(graph, tmp_path / "c", core=M4), tmp_path)


def test_halves_are_signed_and_the_low_one_comes_first() -> None:
    low, high = np.array([-1, 3], np.int32), np.array([2, -32768], np.int32)
    assert join_halves(low, high).tolist() == [0x0002FFFF, 0x80000003]


def test_quads_hold_pairs_of_channels() -> None:
    """Three channels of five inputs: the fourth channel and three inputs are zeros."""
    weights = np.arange(1, 16, dtype=np.int8).reshape(3, 5)
    words = pack_quads(weights)
    assert words.shape == (1, 2, 4)
    first = [(1 + 256 * 6, 3 + 256 * 8), (2 + 256 * 7, 4 + 256 * 9), (11, 13), (12, 14)]
    assert words[0, 0].tolist() == [low | high << 16 for low, high in first]
    assert words[0, 1].tolist() == [5 + 256 * 10, 0, 15, 0]


def test_the_last_lanes_overlap_those_before() -> None:
    weights = np.arange(1, 7, dtype=np.int8).reshape(1, 1, 6)
    assert pack_lanes(weights).tolist() == [
        [[1 | 3 << 16, 2 | 4 << 16]],
        [[3 | 5 << 16, 4 | 6 << 16]],
    ]


def test_biases_of_odd_channels_hold_both() -> None:
    biases = np.array([5, -2, 1 << 30, 1 << 24, 9], np.int64)
    assert paired_biases(biases).tolist() == [5, 5 - 512, 1 << 30, 1 << 30, 9]
