"""What calibration inputs tell of each value: its range, its distribution, its mean."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import UnsupportedModelError, Violation
from mcucc.ops import FloatGraph
from mcucc.ops.conv import FloatConv2D, FloatDepthwiseConv2D
from mcucc.ops.dense import FloatDense
from mcucc.reference.float_interpreter import run_float

LARGEST_REAL = 2.0**100
"""Larger numbers are refused: their squares and products, and the scales made of them, would leave
what the quantizer computes with."""
_SMALLEST_REACH = 2.0**-100

BINS = 4096
"""Bins of a histogram; a power of two."""


@dataclass
class Histogram:
    """Counts over [-reach, reach); the reach doubles as larger values come.

    Doubling merges pairs of bins, so that the counts depend on the data alone, not on its order.

    Attributes:
        low: smallest value seen.
        high: largest value seen.
        reach: a power of two, 0 before the first value.
        counts: [BINS].
    """

    low: float = np.inf
    high: float = -np.inf
    reach: float = 0.0
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))

    def add(self, values: NDArray[np.float32]) -> None:
        """Count values of any shape."""
        flat = values.ravel()
        self.low = min(self.low, float(flat.min()))
        self.high = max(self.high, float(flat.max()))
        self.stretch(max(abs(self.low), abs(self.high)))
        bins = ((flat + np.float32(self.reach)) * np.float32(BINS / (2 * self.reach))).astype(
            np.int32
        )
        np.clip(bins, 0, BINS - 1, out=bins)
        self.counts += np.bincount(bins, minlength=BINS)

    def merged(self, other: "Histogram") -> "Histogram":
        """The counts of both; neither is changed."""
        low, high = min(self.low, other.low), max(self.high, other.high)
        parts = [replace(self), replace(other)]
        reach = max(part.reach for part in parts)
        for part in parts:
            part.stretch(reach / 2)
        return Histogram(low, high, reach, parts[0].counts + parts[1].counts)

    @property
    def count(self) -> int:
        """How many values were counted."""
        return int(self.counts.sum())

    def centres(self) -> NDArray[np.float64]:
        """The middle of each bin."""
        bins = np.arange(BINS, dtype=np.float64) + 0.5
        return (bins * (2 * self.reach / BINS) - self.reach).astype(np.float64)

    def stretch(self, needed: float) -> None:
        """Let the reach be larger than a magnitude."""
        if self.reach == 0.0:
            self.reach = float(2.0 ** np.floor(np.log2(max(needed, _SMALLEST_REACH))))
        while self.reach <= needed:
            merged = self.counts.reshape(-1, 2).sum(axis=1)
            quarter = BINS // 4
            self.counts = np.zeros(BINS, dtype=np.int64)
            self.counts[quarter : BINS - quarter] = merged
            self.reach *= 2


@dataclass
class Sum:
    """Samples of a value, added up.

    Attributes:
        count: how many samples.
        total: their sum, in the shape of one: [H, W, C], or [K].
    """

    count: int
    total: NDArray[np.float64]

    def add(self, values: NDArray[np.float32]) -> None:
        """Take in samples (n, ...)."""
        self.count += len(values)
        self.total += values.sum(axis=0, dtype=np.float64)

    @property
    def mean(self) -> NDArray[np.float64]:
        """In the shape of one sample."""
        return self.total / max(1, self.count)


@dataclass(frozen=True)
class Observations:
    """What was seen of the values of a float graph, by name.

    Attributes:
        histograms: of every value, inputs included.
        largest: of every value the largest magnitude by channel (the last axis).
        sums: of the inputs of layers with weights.
    """

    histograms: Mapping[str, Histogram]
    largest: Mapping[str, NDArray[np.float32]]
    sums: Mapping[str, Sum]


def _demand_moderate(graph: FloatGraph, name: str, values: NDArray[np.float32]) -> None:
    largest = float(np.abs(values).max())
    if largest <= LARGEST_REAL:  # false for NaN
        return
    node = graph.producers.get(name)
    label, op = (name, "Input") if node is None else (node.name, type(node.op).__name__)
    raise UnsupportedModelError(
        (
            Violation(
                label,
                op.removeprefix("Float"),
                f"what it computes must be at most {LARGEST_REAL:.3g} for every calibration input",
                f"it reaches {largest:.3g} in '{name}'",
                "Look for weights, constants or calibration inputs that are far too large.",
            ),
        )
    )


Tick = Callable[[float], None]
"""Is told the share of the work that is done, 0 to 1."""


def observe(
    graph: FloatGraph,
    inputs: Mapping[str, NDArray[np.float32]],
    tick: Tick = lambda _: None,
) -> Observations:
    """Run a float graph on calibration inputs and watch every value.

    Args:
        graph: the network.
        inputs: (N, ...) in inner layout by tensor name.
        tick: told how far it is.

    Raises:
        UnsupportedModelError: a layer makes NaN, infinities, or numbers beyond `LARGEST_REAL`.
    """
    histograms = {name: Histogram() for name in graph.tensors}
    largest = {name: np.zeros(kind.shape[-1], np.float32) for name, kind in graph.tensors.items()}
    sums = {name: Sum(0, np.zeros(graph.tensors[name].shape[1:])) for name in _weighted(graph)}

    count = len(next(iter(inputs.values())))
    total = count * len(graph.tensors)
    seen = 0

    def watch(name: str, values: NDArray[np.float32]) -> None:
        nonlocal seen
        _demand_moderate(graph, name, values)
        histograms[name].add(values)
        by_channel = np.abs(values.reshape(-1, values.shape[-1])).max(axis=0)
        np.maximum(largest[name], by_channel, out=largest[name])
        if name in sums:
            sums[name].add(values)
        seen += len(values)
        tick(seen / total)

    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        run_float(graph, inputs, watch)
    return Observations(histograms, largest, sums)


def merge(first: Observations, second: Observations) -> Observations:
    """What was seen of one graph on the samples of both; neither is changed."""
    sums = second.sums
    return Observations(
        {name: each.merged(second.histograms[name]) for name, each in first.histograms.items()},
        {name: np.maximum(each, second.largest[name]) for name, each in first.largest.items()},
        {
            name: Sum(each.count + sums[name].count, each.total + sums[name].total)
            for name, each in first.sums.items()
        },
    )


def _weighted(graph: FloatGraph) -> set[str]:
    """The values that layers with weights read."""
    layers = (FloatConv2D, FloatDepthwiseConv2D, FloatDense)
    return {node.inputs[0] for node in graph.nodes if isinstance(node.op, layers)}
