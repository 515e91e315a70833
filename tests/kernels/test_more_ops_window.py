"""Grouped convolutions and max pools, over shapes, strides, dilations, borders and zero points."""

import itertools
from pathlib import Path

import pytest

from mcucc.reference.fixed_point import RequantClass
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import assert_c_agrees, generate
from tests.kernels.grid import (
    ACTIVATIONS,
    BORDERS,
    DILATIONS,
    KERNELS,
    MAPS,
    STRIDES,
    ZERO_POINTS,
    latin,
    pads_of,
)

pytestmark = pytest.mark.cc

CHANNELS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 16)


def test_grouped_convolutions(tmp_path: Path) -> None:
    """Groups of 1 to 5 input channels and of 1 to 9 output channels."""
    b = GraphBuilder("grouped", seed=31)
    factors = {
        "map": MAPS,
        "groups": (2, 3, 4, 5, 8),
        "group_in": (1, 2, 3, 4, 5),
        "group_out": (1, 2, 3, 4, 5, 8, 9),
        "kernel": KERNELS,
        "stride": STRIDES,
        "dilation": DILATIONS,
        "border": BORDERS,
        "zero_point": ZERO_POINTS,
        "activation": ACTIVATIONS,
    }
    made: list[str] = []
    for case in latin(factors, 44, seed=31):
        groups, kernel, dilation = case["groups"], case["kernel"], case["dilation"]
        shape = (1, *case["map"], groups * case["group_in"])
        x = b.input(shape, quant(0.05, case["zero_point"]))
        made.append(
            b.conv(
                x,
                groups * case["group_out"],
                kernel,
                stride=case["stride"],
                dilation=dilation,
                pads="same"
                if case["border"] == "same"
                else pads_of(case["border"], case["map"], kernel, dilation),
                groups=groups,
                activation=case["activation"],
            )
        )
    made.append(b.conv(b.input((1, 3, 4, 6)), 8, (1, 1), groups=2))
    generated = generate(b.build(*made), tmp_path / "c", planned=False)
    kernels = [kernel for kernel in generated.kernels.values() if kernel is not None]
    assert {kernel.family.name for kernel in kernels} == {"convg"}
    assert_c_agrees(generated, tmp_path)


def test_grouped_convolutions_of_every_class(tmp_path: Path) -> None:
    """The class of the weakest channel, for groups with and without a rest of fours."""
    b = GraphBuilder("classes", seed=32)
    x = b.input((1, 4, 3, 4), quant(1 / 16, -37))
    limit = 1 << 30
    cases = (
        (2.0**-6, 2000, RequantClass.FAST),
        (2.0**-21, limit - 1_000_000, RequantClass.FAST),
        (8.0, 2000, RequantClass.WIDE),
        (2.0**-26, limit + 1_000_000, RequantClass.GENERAL),
    )
    made: list[str] = []
    for out_c, (scale, bias, _) in itertools.product((6, 10), cases):
        made.append(
            b.conv(
                x,
                out_c,
                (2, 3),
                groups=2,
                q=quant(1.0, 5),
                weight_scales=[scale] * out_c,
                bias=[bias, -bias] * (out_c // 2),
            )
        )
    generated = generate(b.build(*made), tmp_path / "c", planned=False)
    found = [kernel.requant for kernel in generated.kernels.values() if kernel is not None]
    assert found == [expected for _, _, expected in cases] * 2
    assert_c_agrees(generated, tmp_path)


def test_max_pools(tmp_path: Path) -> None:
    """Padding stays smaller than the window: no window lies in the padding alone."""
    b = GraphBuilder("pool", seed=33)
    made: list[str] = []
    factors = {
        "map": MAPS,
        "c": CHANNELS,
        "kernel": KERNELS,
        "stride": STRIDES,
        "zero_point": ZERO_POINTS,
        "border": (0, 1, 2),
    }
    for case in latin(factors, 33, seed=33):
        kernel, size = case["kernel"], case["map"]
        window = (min(kernel[0], size[0]), min(kernel[1], size[1]))
        rows, columns = (min(case["border"], taps - 1) for taps in window)
        x = b.input((1, *size, case["c"]), quant(0.05, case["zero_point"]))
        pads = (rows, rows // 2, columns // 2, columns)
        made.append(b.max_pool(x, window, stride=case["stride"], pads=pads))
    generated = generate(b.build(*made), tmp_path / "c", planned=False)
    kernels = [kernel for kernel in generated.kernels.values() if kernel is not None]
    assert {kernel.family.name for kernel in kernels} == {"maxpool"}
    assert_c_agrees(generated, tmp_path)
