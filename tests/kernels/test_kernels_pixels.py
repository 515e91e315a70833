"""Kernels without a window: dense layers, sums, rescaling, means, softmax, borders."""

from pathlib import Path

import pytest

from mcucc.targets.board import Core
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import KERNEL_CORES, assert_c_agrees, core_name, generate
from tests.kernels.grid import ACTIVATIONS, CHANNELS, MAPS, ZERO_POINTS, latin

pytestmark = pytest.mark.cc


@pytest.mark.parametrize("core", KERNEL_CORES, ids=core_name)
def test_pixel_kernels(tmp_path: Path, core: Core | None) -> None:
    b = GraphBuilder("pixels", seed=4)
    made: list[str] = []
    factors = {
        "map": MAPS,
        "c": CHANNELS,
        "out_c": CHANNELS,
        "zero_point": ZERO_POINTS,
        "activation": ACTIVATIONS,
        "ratio": (0.03, 0.5, 1.0, 1.0, 7.0),
    }
    for case in latin(factors, 27, seed=4):
        shape, q = (1, *case["map"], case["c"]), quant(0.05, case["zero_point"])
        x, other = b.input(shape, q), b.input(shape, quant(0.05 * case["ratio"], 12))
        made.append(b.conv(x, case["out_c"], (1, 1), activation=case["activation"]))
        made.append(b.dense(b.flatten(x), case["out_c"], activation=case["activation"]))
        made.append(b.add(x, other, activation=case["activation"]))
        made.append(b.requantize(x, quant(0.05 * case["ratio"], -5)))
    x = b.input((1, 3, 4, 5))
    made.append(b.add(x, x))
    made.append(b.add(b.constant((1, 3, 4, 5)), x))
    made.append(b.add(x, b.constant((1, 3, 4, 5))))
    generated = generate(b.build(*made), tmp_path / "c", planned=False, core=core)
    families = {kernel.family.name for kernel in generated.kernels.values() if kernel is not None}
    assert families == {"pw", "fc", "add", "rescale"}
    assert_c_agrees(generated, tmp_path)


def test_tensor_kernels(tmp_path: Path) -> None:
    b = GraphBuilder("tensors", seed=5)
    made: list[str] = []
    factors = {
        "map": MAPS,
        "c": CHANNELS,
        "zero_point": ZERO_POINTS,
        "axes": ((1, 2), (1,), (2,)),
        "keep_dims": (True, False),
        "scale": (0.001, 0.02, 0.11, 0.4, 3.0),
        "softmax": (quant(1 / 255, -128), quant(1 / 127), quant(2.0**-30, 127), quant(3.0)),
        "pads": ((0, 0, 1, 2), (3, 0, 0, 0), (1, 2, 3, 4), (0, 0, 0, 0), (0, 5, 9, 0)),
    }
    for case in latin(factors, 27, seed=5):
        x = b.input((1, *case["map"], case["c"]), quant(case["scale"], case["zero_point"]))
        made.append(b.mean(x, case["axes"], keep_dims=case["keep_dims"]))
        made.append(b.softmax(x))
        made.append(b.softmax(b.flatten(x), case["softmax"]))
        made.append(b.pad(x, case["pads"]))
    generated = generate(b.build(*made), tmp_path / "c", planned=False)
    families = {kernel.family.name for kernel in generated.kernels.values() if kernel is not None}
    assert families == {"mean", "softmax", "softmaxwide", "pad"}
    assert_c_agrees(generated, tmp_path)


def test_softmax_of_many_equal_elements(tmp_path: Path) -> None:
    """From 512 equal elements on the sum needs a shift above 31: every output is -128."""
    b = GraphBuilder("wide_softmax")
    made = [b.softmax(b.input((1, n), quant(0.1))) for n in (511, 512, 1000)]
    assert_c_agrees(generate(b.build(*made), tmp_path / "c", planned=False), tmp_path)


def test_mean_of_many_elements(tmp_path: Path) -> None:
    b = GraphBuilder("wide_mean", seed=6)
    made: list[str] = []
    for zero_point in ZERO_POINTS:
        x = b.input((1, 61, 67, 2), quant(0.3, zero_point))
        made += [b.mean(x), b.mean(x, q=quant(1e-9, 3)), b.mean(x, q=quant(1e9, 3))]
    assert_c_agrees(generate(b.build(*made), tmp_path / "c", planned=False), tmp_path, samples=4)
