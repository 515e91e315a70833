"""Signal to noise on calibration inputs that the fit has not seen.

The inputs are dealt into two halves. For the figures each half is computed by a network whose
ranges and biases come from the other half alone; the network that is compiled is fitted to all.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mcucc.ops import Int8Graph
from mcucc.quant.ptq import Fitted, Inputs, Noise, Quantized, decibels, measure_noise

FEWEST = 16
"""Different calibration inputs from which on some are held out: eight fit a half, no fewer."""

MEASURED = 16
"""Inputs on which the ratios are measured: eight of each half."""


_STEPS = 32
"""Steps of each half of a sequence on which ratios are measured."""


def halves(inputs: Inputs, *, sequence: bool = False) -> tuple[Inputs, ...]:
    """Inputs in two parts, dealt in turn; or all in one, if fewer than `FEWEST` of them differ.

    Equal inputs come into one half: one that was fitted to must not be held out too.

    Args:
        inputs: samples.
        sequence: they are steps that follow each other, and stay so: the first half of them, and
            the second.
    """
    number = _numbered(inputs)
    if max(number) + 1 < FEWEST:
        return (inputs,)
    if sequence:
        middle = len(number) // 2
        return (_some(inputs, range(middle)), _some(inputs, range(middle, len(number))))
    return tuple(_some(inputs, [i for i, n in enumerate(number) if n % 2 == k]) for k in range(2))


def held_out_noise(
    fitted: Fitted, parts: Sequence[Inputs], finish: Callable[[Int8Graph], Int8Graph]
) -> Mapping[str, Noise]:
    """Noise of each value, on up to `MEASURED` inputs of all parts, none of them fitted to.

    Args:
        fitted: to these parts.
        parts: as `halves` gives them; with a single one nothing is measured.
        finish: the int8 passes, which drop values.

    Returns:
        By name of the int8 value.
    """
    sums: dict[str, Noise] = {}
    for quantized, part in zip(fitted.without, parts, strict=False):
        for name, each in _measure(quantized, part, finish).items():
            known = sums.setdefault(name, Noise())
            known.add(each)
    return sums


def ratios(noise: Mapping[str, Noise]) -> Mapping[str, float]:
    """SQNR in dB by name; values that are always 0 have none."""
    return {
        name: round(decibels(each.signal, each.noise), 2)
        for name, each in noise.items()
        if each.signal > 0
    }


def _measure(
    quantized: Quantized, part: Inputs, finish: Callable[[Int8Graph], Int8Graph]
) -> Mapping[str, Noise]:
    number = _numbered(part)
    different = [number.index(n) for n in range(max(number) + 1)]
    wanted = MEASURED // 2
    places = [i * (len(different) - 1) // (wanted - 1) for i in range(wanted)]
    some = _some(part, [different[place] for place in places])
    if quantized.graph.states:  # steps that follow each other
        some = _some(part, range(min(len(number), _STEPS)))
    return measure_noise(quantized, finish(quantized.graph), some)


def _numbered(inputs: Inputs) -> list[int]:
    """For each sample the number of its content, in the order of appearance."""
    known: dict[bytes, int] = {}
    columns = [values.reshape(len(values), -1) for values in inputs.values()]
    return [known.setdefault(_digest(rows), len(known)) for rows in zip(*columns, strict=True)]


def _digest(rows: Sequence[NDArray[np.float32]]) -> bytes:
    content = hashlib.blake2b(digest_size=16)
    for row in rows:
        content.update(row.tobytes())
    return content.digest()


def _some(inputs: Inputs, rows: Sequence[int]) -> Inputs:
    return {name: values[rows] for name, values in inputs.items()}
