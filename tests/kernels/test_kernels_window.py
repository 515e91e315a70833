"""Kernels that slide a window, over shapes, strides, dilations, borders and zero points."""

from pathlib import Path
from typing import Any

import pytest

from mcucc.targets.board import Core
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import (
    KERNEL_CORES,
    SIMD_CORES,
    Generated,
    assert_c_agrees,
    core_name,
    generate,
)
from tests.kernels.grid import (
    ACTIVATIONS,
    BORDERS,
    CHANNELS,
    DILATIONS,
    KERNELS,
    MAPS,
    STRIDES,
    ZERO_POINTS,
    latin,
    pads_of,
)

pytestmark = pytest.mark.cc

SLIDING = {
    "map": MAPS,
    "in_c": CHANNELS,
    "kernel": KERNELS,
    "stride": STRIDES,
    "dilation": DILATIONS,
    "border": BORDERS,
    "zero_point": ZERO_POINTS,
    "activation": ACTIVATIONS,
}


def families(generated: Generated) -> set[str]:
    return {kernel.family.name for kernel in generated.kernels.values() if kernel is not None}


def add_input(b: GraphBuilder, case: dict[str, Any]) -> str:
    return b.input((1, *case["map"], case["in_c"]), quant(0.05, case["zero_point"]))


def sliding(case: dict[str, Any]) -> dict[str, Any]:
    """Arguments that both convolutions share."""
    same = case["border"] == "same"
    return {
        "stride": case["stride"],
        "dilation": case["dilation"],
        "activation": case["activation"],
        "pads": "same"
        if same
        else pads_of(case["border"], case["map"], case["kernel"], case["dilation"]),
    }


@pytest.mark.parametrize("core", KERNEL_CORES, ids=core_name)
def test_convolutions(tmp_path: Path, core: Core | None) -> None:
    b = GraphBuilder("conv", seed=1)
    made = [
        b.conv(add_input(b, case), case["out_c"], case["kernel"], **sliding(case))
        for case in latin({**SLIDING, "out_c": CHANNELS}, 55 if core is None else 30, seed=1)
    ]
    generated = generate(b.build(*made), tmp_path / "c", planned=False, core=core)
    assert families(generated) == {"conv", "pw"}
    assert_c_agrees(generated, tmp_path)


@pytest.mark.parametrize("core", KERNEL_CORES, ids=core_name)
def test_more_channels_than_are_held_back(tmp_path: Path, core: Core | None) -> None:
    """Plain C makes two pixels at a time, and holds 128 outputs of the second one back."""
    b = GraphBuilder("channels", seed=9)
    x = b.input((1, 2, 3, 4), quant(0.05, -7))
    made = [b.conv(x, count, kernel) for count in (128, 130, 133) for kernel in ((1, 1), (2, 3))]
    generated = generate(b.build(*made), tmp_path / "c", planned=False, core=core)
    assert_c_agrees(generated, tmp_path)


@pytest.mark.parametrize("core", SIMD_CORES, ids=core_name)
def test_depthwise_convolutions(tmp_path: Path, core: Core | None) -> None:
    b = GraphBuilder("depthwise", seed=2)
    made = [
        b.depthwise(
            add_input(b, case), case["kernel"], multiplier=case["multiplier"], **sliding(case)
        )
        for case in latin({**SLIDING, "multiplier": (1, 1, 1, 2, 3, 4)}, 48, seed=2)
    ]
    generated = generate(b.build(*made), tmp_path / "c", planned=False, core=core)
    assert families(generated) == {"dw", "dwm"}
    assert_c_agrees(generated, tmp_path)


def test_average_pools(tmp_path: Path) -> None:
    """Padding stays smaller than the window: no window lies in the padding alone."""
    b = GraphBuilder("pool", seed=3)
    made: list[str] = []
    factors = {key: SLIDING[key] for key in ("map", "in_c", "kernel", "stride", "zero_point")}
    for case in latin({**factors, "border": (0, 1, 2)}, 33, seed=3):
        kernel, size = case["kernel"], case["map"]
        window = (min(kernel[0], size[0]), min(kernel[1], size[1]))
        rows, columns = (min(case["border"], taps - 1) for taps in window)
        pads = (rows, rows // 2, columns // 2, columns)
        made.append(b.average_pool(add_input(b, case), window, stride=case["stride"], pads=pads))
    generated = generate(b.build(*made), tmp_path / "c", planned=False)
    assert families(generated) == {"avgpool"}
    assert_c_agrees(generated, tmp_path)
