"""Decibels on inputs that the fit has not seen."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.ops import Int8Graph
from mcucc.quant.held_out import FEWEST, halves, held_out_noise, ratios
from mcucc.quant.observe import Histogram
from mcucc.quant.ptq import PtqOptions, fit, quantize_network
from tests.quant.networks import inputs, two_layers


def as_it_is(graph: Int8Graph) -> Int8Graph:
    return graph


def test_both_halves_hold_every_input_once() -> None:
    x = inputs(31)
    first, second = halves(x)
    assert (len(first["x"]), len(second["x"])) == (16, 15)
    assert np.array_equal(first["x"], x["x"][::2])
    assert np.array_equal(second["x"], x["x"][1::2])


@pytest.mark.parametrize(("count", "parts"), [(1, 1), (FEWEST - 1, 1), (FEWEST, 2), (100, 2)])
def test_too_few_inputs_are_not_parted(count: int, parts: int) -> None:
    assert len(halves(inputs(count))) == parts
    twice = {"x": np.concatenate([inputs(count)["x"]] * 2)}
    assert len(halves(twice)) == parts  # repeating them makes no more


def test_equal_inputs_come_into_one_half() -> None:
    """Else an input would be held out of a fit that saw it."""
    x = inputs(20)["x"]
    order = np.random.default_rng(0).integers(0, 20, 200)
    first, second = ({row.tobytes() for row in part["x"]} for part in halves({"x": x[order]}))
    assert first.isdisjoint(second)
    assert abs(len(first) - len(second)) <= 1


def test_without_enough_inputs_there_are_no_decibels() -> None:
    parts = halves(inputs(FEWEST - 1))
    assert held_out_noise(fit(two_layers(), parts, PtqOptions()), parts, as_it_is) == {}


def test_a_fit_knows_nothing_of_what_is_held_out() -> None:
    """Whatever the first half holds, what is fitted without it stays the same."""
    options = PtqOptions(equalize=False)
    first, second = halves(inputs(40))
    other = {"x": first["x"] * 7 + 1}
    before, after = (fit(two_layers(), (part, second), options) for part in (first, other))
    assert _same(before.without[0].graph, after.without[0].graph)
    assert not _same(before.without[1].graph, after.without[1].graph)
    assert not _same(before.whole.graph, after.whole.graph)


def test_inputs_that_do_not_resemble_those_fitted_to_lose_decibels() -> None:
    """Measured on what was fitted to, the ratio would not show it."""
    x = inputs(64)["x"]
    mixed = x.copy()
    mixed[1::2] *= 30
    alike, unlike = (_output_ratio({"x": values}) for values in (x, mixed))
    assert alike > unlike + 10


def _output_ratio(samples: dict[str, NDArray[np.float32]]) -> float:
    parts = halves(samples)
    return ratios(held_out_noise(fit(two_layers(), parts, PtqOptions()), parts, as_it_is))["y"]


def test_the_compiled_network_is_fitted_to_all() -> None:
    x = inputs(40)
    whole = fit(two_layers(), halves(x), PtqOptions()).whole
    assert _same(whole.graph, quantize_network(two_layers(), x, PtqOptions()).graph)


def _same(first: Int8Graph, second: Int8Graph) -> bool:
    return first.tensors == second.tensors and all(
        np.array_equal(const.data, second.consts[name].data) for name, const in first.consts.items()
    )


@pytest.mark.parametrize("seed", range(5))
def test_merged_histograms_are_that_of_all(seed: int) -> None:
    random = np.random.default_rng(seed)
    # On a grid that every reach here has bins for, no value is rounded into another.
    parts = [
        (random.integers(-64, 64, 500) / 128 * 2.0**exponent).astype(np.float32)
        for exponent in random.integers(-3, 4, 2)
    ]
    alone = [Histogram(), Histogram()]
    for histogram, part in zip(alone, parts, strict=True):
        histogram.add(part)
    copies = [histogram.counts.copy() for histogram in alone]
    merged = alone[0].merged(alone[1])
    both = Histogram()
    both.add(np.concatenate(parts))
    assert (merged.low, merged.high, merged.reach) == (both.low, both.high, both.reach)
    assert np.array_equal(merged.counts, both.counts)
    assert all(np.array_equal(h.counts, c) for h, c in zip(alone, copies, strict=True))
    assert np.array_equal(merged.counts, alone[1].merged(alone[0]).counts)
