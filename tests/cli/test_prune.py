"""`--no-prune`, and what pruning does to a network with dead channels, float and quantized."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from tests.cli.process import BOARD, CALIBRATION, DIGITS, FLOAT_DIGITS, IMAGES, mcucc

DEAD = [3, 11, 40]
"""Channels of the last block whose weights are zero in both halves of the residual sum."""


def save_with_dead_channels(source: Path, target: Path) -> Path:
    """The example's network with some weights of the last block set to zero."""
    model = onnx.ModelProto.FromString(source.read_bytes())
    for tensor in model.graph.initializer:
        layer, _, kind = tensor.name.rpartition(".")
        if layer in ("widen.conv", "coarse.pointwise.conv") and kind in (
            "weight",
            "weight_quantized",
        ):
            weights = numpy_helper.to_array(tensor).copy()
            weights[DEAD] = 0
            tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))
    target.write_bytes(model.SerializeToString())
    return target


@pytest.mark.cc
@pytest.mark.parametrize(
    ("source", "more"), [(DIGITS, ()), (FLOAT_DIGITS, ("--calib", CALIBRATION))]
)
def test_the_same_outputs_with_less(source: Path, more: tuple[str, ...], tmp_path: Path) -> None:
    model = save_with_dead_channels(source, tmp_path / "dead.onnx")
    outputs: list[NDArray[np.int8]] = []
    reports: list[Any] = []
    for option in ("", "--no-prune"):
        directory = tmp_path / f"net{option}"
        arguments = ["compile", model, "--board", BOARD, "-o", directory, "--json", *more]
        finished = mcucc(*arguments, *option.split())
        assert finished.code == 0, finished.err
        reports.append(finished.document)
        run = mcucc("run", directory, "--input", IMAGES, "--output", tmp_path / "y.npz")
        assert run.code == 0, run.err
        with np.load(tmp_path / "y.npz") as arrays:
            outputs += [arrays["logits"]]
    assert np.array_equal(outputs[0], outputs[1])
    pruned, whole = reports
    assert "--no-prune" in whole["options"]
    assert "--no-prune" not in pruned["options"]
    assert pruned["model_macs"] == whole["model_macs"] == whole["macs"]
    assert pruned["macs"] < whole["macs"]
    assert pruned["params"] < whole["params"]
    assert pruned["outputs"][0]["sqnr_db"] == whole["outputs"][0]["sqnr_db"]
    assert [note for note in pruned["notes"] if "channels" in note]
    assert not [note for note in whole["notes"] if "channels" in note]


@pytest.mark.cc
@pytest.mark.parametrize("source", [DIGITS, FLOAT_DIGITS])
def test_verify_a_pruned_network_with_its_model(source: Path, tmp_path: Path) -> None:
    model = save_with_dead_channels(source, tmp_path / "dead.onnx")
    directory = tmp_path / "net"
    finished = mcucc("compile", model, "--board", BOARD, "-o", directory, "--calib", CALIBRATION)
    assert finished.code == 0, finished.err
    verified = mcucc("verify", directory, "--model", model, "--json").document
    assert verified["ok"]
    assert verified["judges"]["host"] == "equal"


def test_plans_with_and_without(tmp_path: Path) -> None:
    model = save_with_dead_channels(DIGITS, tmp_path / "dead.onnx")
    pruned, whole = (
        mcucc("plan", model, "--board", BOARD, "--json", *option).document
        for option in ((), ("--no-prune",))
    )
    assert pruned["macs"] < whole["macs"]
