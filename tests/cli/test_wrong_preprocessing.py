"""Inputs prepared otherwise than in training: named by compile, shown by what runs them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.api.evaluate import evaluate
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.input_range import describe, input_ranges
from tests.cli.process import CALIBRATION, IMAGES, compile_float, mcucc

Images = NDArray[np.float32]


def prepared(
    path: Path, prepare: Callable[[Images], NDArray[Any]], source: Path = CALIBRATION
) -> Path:
    with np.load(source) as arrays:
        np.savez(path, image=prepare(arrays["image"]))
    return path


NAMED: dict[str, tuple[Callable[[Images], NDArray[Any]], str]] = {
    "scaled_by_16": (lambda x: x * 16, "0 to 16 in whole numbers"),
    "scaled_by_255": (lambda x: x * 255, "0 to 255 as pixels"),
    "uint8": (lambda x: np.rint(x * 255).astype(np.uint8), "0 to 255 in whole numbers"),
    "zeros": (np.zeros_like, "is 0 everywhere"),
    "one_image": (lambda x: np.repeat(x[:1], 50, axis=0), "is the same in all its 50 samples"),
}


@pytest.mark.parametrize("name", NAMED)
def test_wrong_calibration_is_named(name: str, tmp_path: Path, no_tools: dict[str, str]) -> None:
    """Once on stderr, in the report's notes, and as the remedy."""
    prepare, expected = NAMED[name]
    path = prepared(tmp_path / "calib.npz", prepare)
    finished = compile_float(tmp_path / "out", "--calib", path, environment=no_tools)
    assert finished.code == 0
    assert finished.err.startswith("mcucc: warning: calibration input 'image' ")
    assert finished.err.count("warning") == 1
    assert expected in finished.err
    notes, facts = finished.document["notes"], finished.document["quantization"]
    assert [note for note in notes if "calibration input" in note] == [
        finished.err.removeprefix("mcucc: warning: ").rstrip("\n")
    ]
    assert "as in training" in facts["remedy"]
    if "everywhere" in expected or "same" in expected:
        assert (facts["held_out"], facts["worst_sqnr_db"], facts["worst_layer"]) == (0, None, None)


def test_right_calibration_is_not(tmp_path: Path, no_tools: dict[str, str]) -> None:
    finished = compile_float(tmp_path / "out", "--calib", CALIBRATION, environment=no_tools)
    assert finished.err == ""
    assert not any("calibration input" in note for note in finished.document["notes"])
    assert "None needed" not in finished.document["quantization"]["remedy"]
    assert "mcucc evaluate" in finished.document["quantization"]["remedy"]


def test_too_few_calibration_inputs_for_decibels(tmp_path: Path, no_tools: dict[str, str]) -> None:
    path = prepared(tmp_path / "calib.npz", lambda x: x[:15])
    finished = compile_float(tmp_path / "out", "--calib", path, environment=no_tools)
    facts = finished.document["quantization"]
    assert (facts["held_out"], facts["worst_sqnr_db"], facts["worst_layer"]) == (0, None, None)
    assert all(layer["sqnr_db"] is None for layer in finished.document["layers"])
    for_people = " ".join(mcucc("report", tmp_path / "out", environment=no_tools).out.split())
    assert "Too few different inputs to hold some out (16 are needed): no decibels." in for_people
    assert "Calibrate on more different inputs than these 15" in for_people


SHOWN: dict[str, tuple[Callable[[Images], NDArray[Any]], float]] = {
    "as_trained": (lambda x: x, 1.0),
    "divided_by_16": (lambda x: x / 16, 1 / 16),
    "divided_by_255": (lambda x: x / 255, 1 / 255),
    "scaled_by_16": (lambda x: x * 16, 1.0),
    "minus_mean": (lambda x: x - x.mean(), 0.694),
}
"""How images are prepared, and the share of the range 0 to 1 that they then use."""


@pytest.mark.cc
@pytest.mark.parametrize("name", SHOWN)
def test_the_shares_show_wrong_inputs(name: str, float_digits: Path, tmp_path: Path) -> None:
    prepare, used = SHOWN[name]
    path = prepared(tmp_path / "x.npz", prepare, IMAGES)
    (shares,) = evaluate(float_digits, path, IMAGES).input_range
    assert (shares.name, round(shares.low, 2), round(shares.high, 2)) == ("image", 0, 1)
    with np.load(path) as arrays:
        image = arrays["image"]
    # Half a step beyond the ends is still rounded to them.
    outside = float(((image < -1 / 510) | (image > 1 + 1 / 510)).mean())
    assert shares.outside == pytest.approx(outside, abs=0.001)
    assert shares.used == pytest.approx(used, abs=0.005)
    lines = describe((shares,))
    assert f"{shares.outside:.2%} of the values are outside" in lines[0]
    assert (len(lines) == 2) == (name != "as_trained")


@pytest.mark.cc
def test_every_command_that_takes_inputs_shows_the_shares(
    float_digits: Path, tmp_path: Path
) -> None:
    path = prepared(tmp_path / "x.npz", lambda x: x[:4] / 16, IMAGES)
    np.save(tmp_path / "labels.npy", np.zeros(4, np.int64))
    given = ("--input", path)
    for command in (
        ("run", float_digits, *given),
        ("evaluate", float_digits, *given, "--labels", tmp_path / "labels.npy"),
        ("verify", float_digits, *given),
    ):
        (shares,) = mcucc(*command, "--json").document["input_range"]
        assert list(shares) == ["name", "low", "high", "outside", "used"]
        assert (shares["outside"], shares["used"]) == (0, pytest.approx(1 / 16))
        for_people = " ".join(mcucc(*command).out.split())
        assert "0.00% of the values are outside the calibrated range 0 to 1, 6.2%" in for_people
        assert "do not look like those of the calibration" in for_people
    assert mcucc("run", float_digits, "--json").document["input_range"] is None


@pytest.mark.cc
def test_int8_samples_cannot_be_outside(digits: Path, tmp_path: Path) -> None:
    report = CompiledNetwork.open(digits).report
    shape = (3, *report.inputs[0].shape[1:])
    np.save(tmp_path / "x.npy", np.linspace(-128, -1, 192).round().astype(np.int8).reshape(shape))
    (shares,) = input_ranges(report, tmp_path / "x.npy")
    assert shares.outside == 0
    assert shares.used == pytest.approx(127 / 255, abs=1e-3)
