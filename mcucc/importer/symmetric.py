"""Weights with zero points other than 0 as symmetric ones, which int8 kernels multiply.

A kernel that took the zero points would need the sum of each window of its input besides, for each
pixel. Where all integers of an output channel less their zero point lie within -127 to 127 they are
the channel's weights, exactly; else the channel is rounded with a scale of its own, which is at
most 255 / 127 times the file's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcucc.importer.values import Weights

_LARGEST = 127


@dataclass(frozen=True)
class Centred:
    """What became of one layer's weights.

    Attributes:
        channels: of its output.
        rounded: how many of them have other weights than in the file.
        largest: by how much the weights moved at most, in steps of the file's scale.
        noise: sum of the squares of the moves.
        signal: sum of the squares of the weights.
    """

    channels: int
    rounded: int
    largest: float
    noise: float
    signal: float


def centred(found: Weights, axis: int) -> tuple[Weights, Centred]:
    """Weights without zero points; with one scale per index of an axis where some are rounded.

    Args:
        found: int8, with zero points; one scale, or several along the axis.
        axis: of the output channels.
    """
    shape = [1] * found.data.ndim
    shape[axis] = -1
    channels = found.data.shape[axis]
    points = np.zeros(1, np.int64) if found.zero_points is None else found.zero_points
    whole = found.data.astype(np.int64) - points.reshape(shape if points.size > 1 else [1])
    others = tuple(each for each in range(found.data.ndim) if each != axis)
    most = np.abs(whole).max(axis=others, initial=0)
    scales = np.broadcast_to(found.scales.astype(np.float64), (channels,))
    made = np.where(most > _LARGEST, scales * most / _LARGEST, scales).astype(np.float32)
    factors = np.where(most > _LARGEST, scales / made, 1.0).reshape(shape)
    data = np.rint(whole * factors).clip(-_LARGEST, _LARGEST)
    moved = data / factors - whole
    squares = scales.reshape(shape) ** 2
    rounded = int(np.count_nonzero(most > _LARGEST))
    largest = float(np.abs(moved).max(initial=0))
    noise, signal = (float((part**2 * squares).sum()) for part in (moved, whole))
    kept = Weights(data.astype(np.int8), found.scales, None, found.axis)
    weights = kept if not rounded else Weights(kept.data, made, None, axis)
    return weights, Centred(channels, rounded, largest, noise, signal)


def centred_note(found: Sequence[Centred]) -> str:
    """What a reader of the report should know of the weights of all these layers."""
    channels, rounded = (sum(counts) for counts in zip(*_counts(found), strict=True))
    text = (
        f"the weights of {len(found)} layer(s) have zero points other than 0 in the file, which "
        f"int8 kernels do not take: {channels - rounded:,} of {channels:,} output channels keep "
        "their weights exactly"
    )
    if not rounded:
        return text
    noise, signal = (sum(getattr(each, name) for each in found) for name in ("noise", "signal"))
    ratio = "" if noise == 0 else f", {10 * np.log10(signal / noise):.1f} dB over all layers"
    largest = max(each.largest for each in found)
    return (
        f"{text}, {rounded:,} are rounded to symmetric int8 with a scale of their own: they move "
        f"by at most {largest:.2f} of the file's steps{ratio}. Quantize weights symmetrically "
        "(QInt8, WeightSymmetric=True) to keep them as the file has them"
    )


def _counts(found: Sequence[Centred]) -> Sequence[tuple[int, int]]:
    return [(each.channels, each.rounded) for each in found]
