"""Post-training quantization, the whole of it, and how good it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import UnsupportedModelError
from mcucc.ir import DType
from mcucc.ops import FloatGraph, Int8Graph
from mcucc.ops.movement import FloatConcat
from mcucc.quant.convert import convert
from mcucc.quant.equalize import equalize
from mcucc.quant.observe import Observations, Tick, merge, observe
from mcucc.quant.ranges import Observer
from mcucc.quant.scheme import make_scheme
from mcucc.quant.values import Values
from mcucc.reference import interpreter
from mcucc.reference.fixed_point import dequantize, quantize
from mcucc.reference.float_interpreter import run_float

Inputs = Mapping[str, NDArray[np.float32]]
"""Float samples (N, ...) in inner layout by tensor name."""


@dataclass(frozen=True)
class PtqOptions:
    """How to quantize.

    Attributes:
        observer: how the range of a value is chosen from its distribution.
        equalize: whether channel ranges are evened out between consecutive layers.
        correct_bias: whether the mean error of rounded weights is taken out of the biases.
    """

    observer: Observer = "mse"
    equalize: bool = True
    correct_bias: bool = True


@dataclass(frozen=True)
class Quantized:
    """A quantized network beside the float one it came from.

    Attributes:
        graph: int8.
        original: float, evened out if that was asked for; computes the same as the imported one.
        stands_for: for each int8 value the float value that it approximates.
    """

    graph: Int8Graph
    original: FloatGraph
    stands_for: Mapping[str, str]


@dataclass(frozen=True)
class Fitted:
    """A network quantized on all inputs, and on all but a part of them for each part.

    Attributes:
        whole: fitted to all inputs.
        without: for each part of the inputs what the other parts alone would have made; none if
            there was one part, or one is too little to fit to. Channels are evened by all inputs,
            which changes no real number; ranges and biases know nothing of the part.
    """

    whole: Quantized
    without: tuple[Quantized, ...]


def quantize_network(
    graph: FloatGraph, inputs: Inputs, options: PtqOptions, tick: Tick = lambda _: None
) -> Quantized:
    """Quantize a float graph on calibration inputs.

    Args:
        graph: after the float passes.
        inputs: calibration samples.
        options: which techniques to use.
        tick: told how far it is.

    Raises:
        UnsupportedModelError: with every node that has no int8 form.
    """
    return fit(graph, [inputs], options, tick).whole


def from_file(graph: FloatGraph) -> Int8Graph:
    """The int8 form of a network all of whose quantizations are given.

    Args:
        graph: after the float passes; `uncalibrated` finds nothing in it.

    Raises:
        UnsupportedModelError: with every node that has no int8 form.
    """
    nothing = Observations({}, {}, {})
    scheme = make_scheme(graph, nothing, "minmax")
    return convert(graph, scheme, nothing, correct_bias=False, given=True)


def fit(
    graph: FloatGraph, parts: Sequence[Inputs], options: PtqOptions, tick: Tick = lambda _: None
) -> Fitted:
    """Quantize on the inputs of all parts, each of which is looked at once for all fits.

    Args:
        graph: after the float passes.
        parts: calibration samples, each in one part; one part, or two.
        options: which techniques to use.
        tick: told how far it is.

    Raises:
        UnsupportedModelError: with every node that has no int8 form.
    """
    rounds = 2 if options.equalize else 1
    seen = _observe(graph, parts, lambda done: tick(done / rounds))
    if options.equalize:
        graph = equalize(graph, reduce(merge, seen))
        seen = _observe(graph, parts, lambda done: tick((1 + done) / rounds))
    whole = _quantize(graph, reduce(merge, seen), options)
    return Fitted(whole, _without_each(graph, seen, options) if len(seen) > 1 else ())


def _without_each(
    graph: FloatGraph, seen: Sequence[Observations], options: PtqOptions
) -> tuple[Quantized, ...]:
    """Fitted to all parts but one, for each; none if a part is too little to fit to."""
    others = [[*seen[:i], *seen[i + 1 :]] for i in range(len(seen))]
    try:
        return tuple(_quantize(graph, reduce(merge, rest), options) for rest in others)
    except UnsupportedModelError:
        return ()  # a value that is 0 in one half, say; all inputs together were enough


def _observe(graph: FloatGraph, parts: Sequence[Inputs], tick: Tick) -> list[Observations]:
    sizes = [len(next(iter(part.values()))) for part in parts]
    total = sum(sizes)
    return [
        observe(graph, part, lambda done, i=i: tick((sum(sizes[:i]) + done * sizes[i]) / total))
        for i, part in enumerate(parts)
    ]


def _quantize(graph: FloatGraph, seen: Observations, options: PtqOptions) -> Quantized:
    scheme = make_scheme(graph, seen, options.observer)
    quantized = convert(graph, scheme, seen, correct_bias=options.correct_bias)
    # Of the float values that are one int8 value the last is what it approximates.
    stands_for = {int8: name for name, int8 in Values.of(graph, scheme).names.items()}
    return Quantized(quantized, graph, stands_for)


@dataclass
class Noise:
    """Sums of squares: of float values, and of what int8 values differ from them.

    Attributes:
        signal: of all elements.
        noise: likewise.
        by_channel: both for each index of the last axis, [2, C], of what a concatenation makes.
    """

    signal: float = 0.0
    noise: float = 0.0
    by_channel: NDArray[np.float64] | None = None

    def add(self, other: "Noise") -> None:
        """Take in what was seen on other samples."""
        self.signal += other.signal
        self.noise += other.noise
        if other.by_channel is not None:
            known = 0 if self.by_channel is None else self.by_channel
            self.by_channel = known + other.by_channel


def signal_to_noise(quantized: Quantized, graph: Int8Graph, inputs: Inputs) -> Mapping[str, float]:
    """SQNR of each int8 value in dB: 10 log10(sum of x^2 / sum of (x - x_int8)^2).

    Args:
        quantized: what `quantize_network` made.
        graph: the same after int8 passes; values that these dropped are left out, and inputs that
            nobody reads.
        inputs: float samples; the int8 network gets them quantized.
    """
    found = measure_noise(quantized, graph, inputs)
    return {name: decibels(each.signal, each.noise) for name, each in found.items()}


def measure_noise(quantized: Quantized, graph: Int8Graph, inputs: Inputs) -> Mapping[str, Noise]:
    """Signal and noise of each int8 value; arguments as for `signal_to_noise`."""
    wanted = {
        float_name: name
        for name, float_name in quantized.stands_for.items()
        if name in graph.tensors
        and graph.tensors[name].dtype == DType.INT8  # of an index a ratio says nothing
        and (graph.readers[name] or name in graph.output_tensors)
    }
    ports = zip(quantized.original.inputs, graph.inputs, strict=True)
    q_inputs = {
        int8.tensor: quantize(inputs[real.tensor], graph.tensors[int8.tensor].q)
        for real, int8 in ports
    }
    values = interpreter.run(graph, q_inputs)
    position = dict.fromkeys(wanted, 0)
    found = {name: Noise() for name in wanted}

    def compare(name: str, x: NDArray[np.float32]) -> None:
        if name not in wanted:
            return
        start = position[name]
        position[name] = start + len(x)
        int8 = wanted[name]
        real = dequantize(values[int8][start : start + len(x)], graph.tensors[int8].q)
        squares = x.astype(np.float64) ** 2, (x - real).astype(np.float64) ** 2
        seen = Noise(float(squares[0].sum()), float(squares[1].sum()))
        maker = quantized.original.producers.get(name)
        if maker is not None and isinstance(maker.op, FloatConcat):
            rows = [each.reshape(-1, each.shape[-1]).sum(axis=0) for each in squares]
            seen.by_channel = np.stack(rows)
        found[name].add(seen)

    run_float(quantized.original, inputs, compare)
    return {wanted[name]: each for name, each in found.items()}


def decibels(signal: float, noise: float) -> float:
    """10 log10(signal / noise), within +-200 where one of them is 0."""
    if noise == 0.0:
        return 200.0
    return float(np.clip(10 * (np.log10(max(signal, 1e-300)) - np.log10(noise)), -200.0, 200.0))
