"""The order in which kernels for Helium want their weights and the numbers of their channels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mcucc.kernels.packing import Words, groups_of
from mcucc.reference.fixed_point import Multiplier, RequantClass

LANES = 16
"""Bytes of a vector."""

_WORDS = 4
"""Words of a vector, and channels that a dot product is made for at a time."""

_UNZIPPED = np.arange(LANES).reshape(4, 2, 2).transpose(2, 1, 0).ravel()
"""The lanes of bytes in the order in which they come when they are widened to words: those of even
numbers first, and of these again every other one: 0 4 8 12, 2 6 10 14, 1 5 9 13, 3 7 11 15."""


def pack_streams(
    weights: NDArray[np.int8],
    biases: NDArray[np.int64],
    multipliers: Sequence[Multiplier],
    requant: RequantClass,
) -> Words:
    """What `runtime_c/dot/mcucc_dot_mve.h` reads for each four channels, in its order.

    That is: four biases; for every 16 inputs the weights of each channel, as words; the numbers
    for the scaling. Missing channels and inputs are zeros.

    Args:
        weights: (channels, inputs).
        biases: one per channel, of 32 bits.
        multipliers: likewise.
        requant: the class of the kernel.

    Returns:
        (ceil(channels / 4), words of a block).
    """
    channels, inputs = weights.shape
    whole = np.pad(weights, ((0, -channels % _WORDS), (0, -inputs % LANES)))
    blocks = whole.reshape(-1, _WORDS, whole.shape[1] // LANES, LANES).swapaxes(1, 2)
    numbers = _scaling(multipliers, requant, np.arange(_WORDS))
    return np.concatenate(
        [_in_blocks(biases, np.arange(_WORDS)), _as_words(blocks), *numbers], axis=1
    )


def pack_depthwise(
    weights: NDArray[np.int8],
    biases: NDArray[np.int64],
    multipliers: Sequence[Multiplier],
    requant: RequantClass,
) -> Words:
    """What `runtime_c/depthwise/mcucc_depthwise_mve.h` reads for each sixteen channels.

    That is: the biases in the order of their sums' lanes; for each tap the weights of the channels,
    and zeros for one more tap if their number is even; the numbers for the scaling in the order of
    the biases. If the channels are no whole sixteens, the last block holds the last 16, some of
    them once more; fewer than 16 stand there once for each pixel that fits, then zeros.

    Args:
        weights: (kh, kw, channels).
        biases: one per channel, of 32 bits.
        multipliers: likewise.
        requant: the class of the kernel.

    Returns:
        (ceil(channels / 16), words of a block).
    """
    kh, kw, channels = weights.shape
    lanes = _lanes(channels)
    # Behind the last channel there is one of zeros, for lanes without any.
    taps = np.pad(weights.reshape(kh * kw, channels), ((0, 1 - kh * kw % 2), (0, 1)))
    blocks = np.pad(biases, (0, 1))[lanes.ravel()]
    scales = [*multipliers, Multiplier(0, 0)]
    numbers = _scaling([scales[c] for c in lanes.ravel()], requant, _UNZIPPED)
    words = _as_words(taps[:, lanes].swapaxes(0, 1))
    return np.concatenate([_in_blocks(blocks, _UNZIPPED), words, *numbers], axis=1)


def _lanes(channels: int) -> NDArray[np.int64]:
    """The channel of each lane of a depthwise layer, -1 for none: (blocks, 16)."""
    if channels < LANES:
        pixels = np.tile(np.arange(channels), LANES // channels)
        return np.pad(pixels, (0, LANES - len(pixels)), constant_values=-1).reshape(1, LANES)
    return groups_of(channels, LANES)


def _scaling(
    multipliers: Sequence[Multiplier], requant: RequantClass, order: NDArray[np.int64]
) -> list[Words]:
    """The numbers that `runtime_c/core/mcucc_requantize_mve.h` reads for each block of lanes.

    They are multipliers; shifts in bytes, negative to the right; but for class fast, the shifts to
    the left in bytes.
    """
    shifts = [m.shift for m in multipliers]
    lefts = [m.left for m in multipliers]
    rows = [shifts] if requant is RequantClass.FAST else [[-m.right for m in multipliers], lefts]
    words = _in_blocks(np.array([m.m for m in multipliers]), order)
    return [words, *(_as_words(_in_blocks(np.array(r), order).astype(np.int8)) for r in rows)]


def _in_blocks(numbers: NDArray[np.int64], order: NDArray[np.int64]) -> Words:
    """One number per channel as (blocks, lanes), in an order of the lanes of a block."""
    whole = np.pad(numbers, (0, -len(numbers) % len(order))).reshape(-1, len(order))
    return whole[:, order].astype(np.uint32)


def _as_words(blocks: NDArray[np.int8]) -> Words:
    """Bytes as words, the first byte lowest: (blocks, words of a block)."""
    words = np.ascontiguousarray(blocks).view("<u4").astype(np.uint32)
    return words.reshape(len(blocks), -1)
