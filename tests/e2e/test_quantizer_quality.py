"""Quantizing here is at least as good as the int8 networks that came with the float ones."""

from pathlib import Path

import pytest

from bench.ptq import GOOGLE, measure_network
from tests.extent import cases

pytestmark = [pytest.mark.models, pytest.mark.slow]


@pytest.mark.parametrize("name", cases(["kws", "resnet8", "ad01"], only_full=["vww_96"]))
def test_at_least_googles_ratio_and_agreement(name: str, models_dir: Path) -> None:
    found = dict(measure_network(name, models_dir))
    google, ours = found[GOOGLE], found["mse + both (default)"]
    assert ours.sqnr_db >= google.sqnr_db - 1.0
    if name != "ad01":  # an autoencoder has no classes
        assert ours.top1_agreement >= google.top1_agreement - 1
