"""The order in which kernels for Helium want their weights and the numbers of their channels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mcucc.reference.fixed_point import Multiplier, RequantClass

Words = NDArray[np.uint32]

LANES = 16
"""Bytes of a vector."""

_WORDS = 4
"""Words of a vector, and channels that a dot product is made for at a time."""


def pack_streams(
    weights: NDArray[np.int8],
    biases: NDArray[np.int64],
    multipliers: Sequence[Multiplier],
    requant: RequantClass,
) -> Words:
    """What `runtime_c/mcucc_dot_mve.h` reads for each four channels, in the order in which it does.

    That is: four biases; for every 16 inputs the weights of each channel, as words; the numbers of
    `scale_block`. Missing channels and inputs are zeros.

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
    words = np.ascontiguousarray(blocks).view("<u4").astype(np.uint32).reshape(len(blocks), -1)
    numbers = scale_block(multipliers, requant)
    return np.concatenate([_fours(biases), words, _fours(*numbers)], axis=1)


def scale_block(multipliers: Sequence[Multiplier], requant: RequantClass) -> NDArray[np.int64]:
    """The rows of numbers that `runtime_c/mcucc_requantize_mve.h` reads for a block of lanes.

    Returns:
        (rows, channels): multipliers; shifts, negative to the right; but for class fast, the shifts
        to the left.
    """
    rows = [[m.m for m in multipliers]]
    if requant is RequantClass.FAST:
        rows.append([m.shift for m in multipliers])
    else:
        rows += [[-m.right for m in multipliers], [m.left for m in multipliers]]
    return np.array(rows, np.int64)


def _fours(*rows: NDArray[np.int64]) -> Words:
    """Rows of one number per channel, as (fours of channels, 4 * rows): zeros for missing ones."""
    words = np.array(rows, np.int64).astype(np.uint32)
    whole = np.pad(words, ((0, 0), (0, -len(rows[0]) % _WORDS)))
    fours = whole.reshape(len(rows), -1, _WORDS)
    return fours.swapaxes(0, 1).reshape(fours.shape[1], -1)
