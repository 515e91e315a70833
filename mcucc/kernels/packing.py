"""The order in which kernels want their weights."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mcucc.reference.fixed_point import Multiplier

Words = NDArray[np.uint32]

FOUR = 4
"""Channels, or inputs, that most kernels take at a time."""
EIGHT = 8
"""Channels that those of 16-bit Thumb instructions take at a time."""
PANEL_BYTES = 16
"""Four inputs of two pixels, widened for the DSP extension."""
FEWEST_PAIRED_CHANNELS = 6
"""From how many output channels on widening the inputs pays: it costs about 9 instructions for 8
inputs, and saves 4 of 17 for each four channels."""


def interleave(weights: NDArray[np.int8], channels: int) -> NDArray[np.int8]:
    """Weights of a dot product for `runtime_c/dot/mcucc_blocks.h` and `mcucc_dot_thumb1.h`.

    Those of so many channels stand side by side for every input. Missing channels are zeros.

    Args:
        weights: (all channels, inputs).
        channels: how many are taken at a time.

    Returns:
        (ceil(all channels / channels), inputs, channels).
    """
    whole = np.pad(weights, ((0, -len(weights) % channels), (0, 0)))
    return whole.reshape(-1, channels, weights.shape[1]).swapaxes(1, 2)


def pack_quads(weights: NDArray[np.int8]) -> Words:
    """Weights of a dot product for `runtime_c/dot/mcucc_dot_dsp.h`.

    A half of a word is 256 * b + a, with the weights a and b of an even channel and of the odd one
    behind it for the same input. Four inputs of four channels take four words: for the first pair
    of channels one of the inputs 0 and 2 and one of 1 and 3, then those for the second pair.
    Missing channels and inputs are zeros.

    Args:
        weights: (channels, inputs), none of them -128: 256 * b + a must fit 16 bits.

    Returns:
        (ceil(channels / 4), ceil(inputs / 4), 4) words.
    """
    channels, inputs = weights.shape
    whole = np.pad(weights.astype(np.int32), ((0, -channels % FOUR), (0, -inputs % FOUR)))
    halves = (whole[0::2] + 256 * whole[1::2]).reshape(-1, 2, whole.shape[1] // FOUR, FOUR)
    words = join_halves(halves[..., :2], halves[..., 2:])
    return words.swapaxes(1, 2).reshape(len(halves), -1, FOUR)


def paired_biases(biases: NDArray[np.int64]) -> NDArray[np.int64]:
    """Biases for the same: that of an odd channel becomes 256 * its own + the even one's, wrapped.

    Args:
        biases: (channels), of 32 bits.

    Returns:
        As many, of 32 bits.
    """
    paired = biases.copy()
    paired[1::2] = 256 * biases[1::2] + biases[: len(biases) // 2 * 2 : 2]
    return paired.astype(np.int32).astype(np.int64)


def pack_pair_streams(
    weights: NDArray[np.int8], biases: NDArray[np.int64], multipliers: Sequence[Multiplier]
) -> Words:
    """What `runtime_c/dot/mcucc_stream_dsp.h` reads, in its order.

    That is for each two channels: the bias of the even one, that of both as 256 * odd + even + the
    odd one's shift; the weights of both, two words for every four inputs as `pack_quads` makes
    them; multiplier and shift of the even channel, multiplier of the odd one. A missing odd channel
    has zeros, and a shift of 1.

    Args:
        weights: (channels, inputs), none of them -128.
        biases: one per channel, of 32 bits, those of odd channels of 24.
        multipliers: likewise, of class fast.

    Returns:
        (ceil(channels / 2), words of a pair).
    """
    pairs = -(-len(weights) // 2)
    quads = pack_quads(weights)
    words = quads.reshape(*quads.shape[:2], 2, 2).swapaxes(1, 2).reshape(-1, 2 * quads.shape[1])
    scales, rest = dsp_scales(multipliers, 2), len(weights) % 2
    both = np.pad(paired_biases(biases), (0, rest)).reshape(pairs, 2)
    both[:, 1] += scales[1::2, 1]
    numbers = scales.reshape(pairs, 4)[:, :3]
    return np.concatenate([as_words(both), words[:pairs], as_words(numbers)], axis=1)


def pack_quad_streams(
    weights: NDArray[np.int8], biases: NDArray[np.int64], multipliers: Sequence[Multiplier]
) -> Words:
    """What `runtime_c/dot/mcucc_runs_dsp.h` reads, in its order.

    That is for each four channels: their biases, that of an odd one as 256 * odd + even + its
    shift; their weights as `pack_quads` makes them; the shifts of the even ones as bytes of a word;
    the multipliers. Missing channels have zeros, and a shift of 1.

    Args:
        weights: (channels, inputs), none of them -128.
        biases: one per channel, of 32 bits, those of odd channels of 24.
        multipliers: likewise, of class fast.

    Returns:
        (ceil(channels / 4), words of four channels).
    """
    quads, scales = pack_quads(weights), dsp_scales(multipliers, FOUR)
    paired = np.pad(paired_biases(biases), (0, -len(weights) % FOUR))
    paired[1::2] += scales[1::2, 1]
    shifts = as_bytes(scales[::2, 1].reshape(-1, 2))
    parts = (as_words(paired), quads, shifts, as_words(scales[:, 0]))
    return np.concatenate([part.reshape(len(quads), -1) for part in parts], axis=1)


def dsp_scale(multiplier: int, right: int) -> tuple[int, int]:
    """A multiplier in [2^30, 2^31), or 0, and a shift, as `mcucc_requantize_dsp.h` reads them.

    Returns:
        2 * multiplier - 2^32, and bits to shift to the right.
    """
    if multiplier == 0:
        return dsp_scale(1 << 30, 31)
    return 2 * multiplier - (1 << 32), right


def dsp_scales(multipliers: Sequence[Multiplier], at_a_time: int = 1) -> NDArray[np.int64]:
    """The same of all channels; those that are missing in the last group have a shift of 1.

    Returns:
        (channels, 2).
    """
    scales = [dsp_scale(each.m, -each.shift) for each in multipliers]
    return np.array(scales + [(0, 1)] * (-len(scales) % at_a_time), dtype=np.int64)


def as_words(numbers: NDArray[np.int64]) -> Words:
    """Their lowest 32 bits."""
    return numbers.astype(np.int32).view(np.uint32)


def as_bytes(numbers: NDArray[np.int64]) -> Words:
    """Words of up to four numbers of 8 bits each, the first one lowest: (..., 4) to (...)."""
    places = 256 ** np.arange(numbers.shape[-1], dtype=np.int64)
    return as_words(((numbers & 0xFF) * places).sum(axis=-1))


def groups_of(channels: int, at_a_time: int) -> NDArray[np.int64]:
    """The channels of each group; the last one holds the last of them, some once more.

    Args:
        channels: how many there are, as many as a group has at least.
        at_a_time: how many a group has.

    Returns:
        (ceil(channels / at_a_time), at_a_time).
    """
    begins = np.minimum(np.arange(0, channels, at_a_time), channels - at_a_time)
    return begins[:, None] + np.arange(at_a_time)


def pack_lanes(weights: NDArray[np.int8]) -> Words:
    """Depthwise weights for `runtime_c/depthwise/mcucc_depthwise_dsp.h`.

    Four channels of a tap take two words: one for the channels 0 and 2, one for 1 and 3. If the
    channels are no whole fours, the last group holds the last four, some of them once more.

    Args:
        weights: (kh, kw, channels), at least four channels.

    Returns:
        (ceil(channels / 4), kh * kw, 2) words.
    """
    kh, kw, channels = weights.shape
    groups = groups_of(channels, FOUR)
    taps = weights.astype(np.int32).reshape(kh * kw, channels)[:, groups].swapaxes(0, 1)
    return join_halves(taps[:, :, :2], taps[:, :, 2:])


def join_halves(low: NDArray[np.int32], high: NDArray[np.int32]) -> Words:
    """Words of two 16-bit halves each."""
    words = low.astype(np.uint16).astype(np.uint32)
    return np.bitwise_or(words, np.left_shift(high.astype(np.uint16).astype(np.uint32), 16))
