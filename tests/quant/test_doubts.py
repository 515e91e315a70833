"""Calibration inputs that look wrongly prepared are named, and right ones are not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.importer import lower_network, read_onnx
from mcucc.ir import Const
from mcucc.ops import FloatGraph
from mcucc.passes import FLOAT, run_passes
from mcucc.quant.doubts import doubts

Floats = NDArray[np.float32]
EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"
TRAINED = ("vww_96", "kws", "resnet8", "ad01", "te_vww")


def load(path: Path) -> FloatGraph:
    return run_passes(lower_network(read_onnx(path), "net"), FLOAT)[0]


def images(file: str = "calibration.npz") -> Floats:
    """[N, 1, 8, 8] from 0 to 1; on one channel layouts are alike but for the shape."""
    with np.load(EXAMPLE / file) as arrays:
        return arrays["image"].reshape(-1, 8, 8, 1)


@pytest.fixture(scope="module")
def digits() -> FloatGraph:
    return load(EXAMPLE / "digits_float.onnx")


def found(graph: FloatGraph, x: NDArray[Any]) -> str:
    """The sentences about a network's one input."""
    (port,) = graph.inputs
    return "; ".join(doubts(graph, {port.tensor: np.ascontiguousarray(x, np.float32)}))


def pixels(x: Floats) -> Floats:
    """As a camera gives them: whole numbers of 0 to 255."""
    return np.rint((x - x.min()) / (x.max() - x.min()) * 255)


CONSTANT = [0.0, 0.5, -3.0, 255.0]
RAW: dict[str, tuple[Callable[[Floats], Floats], str]] = {
    "whole 0..255": (pixels, "0 to 255 in whole numbers"),
    "uint8 noise": (
        lambda x: np.random.default_rng(0).integers(0, 256, x.shape).astype(np.float32),
        "0 to 255 in whole numbers",
    ),
    "times 255": (lambda x: x * 255, "0 to 255 as pixels"),
    "resized pixels": (lambda x: pixels(x) * np.float32(0.87), "0 to 221.85 as pixels"),
    "times 16": (lambda x: x * 16, "0 to 16 in whole numbers"),
    "pixels less 128": (lambda x: pixels(x) - 128, "-128 to 127 in whole numbers"),
    "16 bit": (lambda x: np.rint((x - 0.5) * 65534), "-32767 to 32767 in whole numbers"),
}


@pytest.mark.parametrize("value", CONSTANT)
def test_a_constant_is_named(digits: FloatGraph, value: float) -> None:
    said = found(digits, np.full_like(images(), value))
    assert f"'image' is {value:g} everywhere, in all its 100 samples" in said
    assert "exactly as in training" in said


@pytest.mark.parametrize("count", [2, 16, 100])
def test_inputs_that_never_vary_are_named(digits: FloatGraph, count: int) -> None:
    said = found(digits, np.repeat(images()[3:4], count, axis=0))
    assert f"'image' is the same in all its {count} samples" in said


def test_flat_inputs_are_named(digits: FloatGraph) -> None:
    flat = np.broadcast_to(np.linspace(0, 1, 20).reshape(-1, 1, 1, 1), (20, 8, 8, 1))
    assert "each of the 20 samples of calibration input 'image' is one" in found(digits, flat)


@pytest.mark.parametrize("name", RAW)
def test_unscaled_inputs_are_named(digits: FloatGraph, name: str) -> None:
    prepare, expected = RAW[name]
    said = found(digits, prepare(images()))
    assert f"'image' ranges from {expected}" in said
    assert "x / 255" in said
    assert "times its biases" in said


@pytest.mark.parametrize("seed", range(8))
def test_right_inputs_are_not(digits: FloatGraph, seed: int) -> None:
    """Few or many, clean or noisy, of images that the quantizer never saw."""
    random = np.random.default_rng(seed)
    chosen = random.choice(images("test_images.npz"), 2 + 12 * seed, replace=False)
    assert not found(digits, chosen)
    assert not found(digits, np.clip(chosen + 0.1 * random.standard_normal(chosen.shape), 0, 1))
    assert not found(digits, np.rint(chosen))  # black and white


def test_one_input_alone_may_be_anything_but_constant(digits: FloatGraph) -> None:
    assert not found(digits, images()[:1])
    assert "everywhere" in found(digits, np.zeros((1, 8, 8, 1), np.float32))


@pytest.mark.parametrize("name", RAW)
def test_a_network_that_takes_unscaled_inputs_is_believed(digits: FloatGraph, name: str) -> None:
    """The same network, made for such inputs: its first weights divide."""
    prepare, _ = RAW[name]
    x = prepare(images())
    graph = _with_first_layer(digits, weights=1 / float(np.abs(x).max()))
    assert not found(graph, x)


def test_without_biases_nothing_speaks_for_unscaled_inputs(digits: FloatGraph) -> None:
    """Then it is the range alone that is named."""
    consts = {
        name: Const(name, const.type, np.zeros_like(const.data)) if const.data.ndim == 1 else const
        for name, const in digits.consts.items()
    }
    said = found(replace(digits, consts=consts), pixels(images()))
    assert "ranges from 0 to 255" in said
    assert "biases" not in said


def _with_first_layer(graph: FloatGraph, weights: float) -> FloatGraph:
    first = graph.const(graph.nodes[0].inputs[1])
    scaled = Const(first.name, first.type, first.data.astype(np.float32) * np.float32(weights))
    return replace(graph, consts={**graph.consts, first.name: scaled})


@pytest.mark.models
@pytest.mark.parametrize("name", TRAINED)
def test_trained_networks_and_their_calibration(name: str, models_dir: Path) -> None:
    """Right inputs get no sentence, those of resnet8 among them, which are pixels of 0 to 255."""
    graph = load(models_dir / f"{name}_float.onnx")
    x = np.load(models_dir / f"{name}_calib.npz")["x_f32"]
    (port,) = graph.inputs
    inner = x if port.perm is None else x.transpose(port.perm)
    for seed in range(3):
        some = np.random.default_rng(seed).choice(inner, 20, replace=False)
        assert not found(graph, some)
    if name not in ("resnet8", "ad01"):
        assert "ranges from 0 to 255 in whole numbers" in found(graph, pixels(inner[:20]))
