"""What an error of a layer's weights adds to the mean of each of its outputs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import TensorType
from mcucc.ops.conv import FloatConv2D, FloatDepthwiseConv2D
from mcucc.ops.dense import FloatDense
from mcucc.quant.observe import Sum
from mcucc.reference.windows import taps

Doubles = NDArray[np.float64]

_CHANCE = 3.0


@dataclass(frozen=True)
class Correction:
    """What bias correction needs to know of a layer's input.

    Attributes:
        mean: of the input over the samples, [H, W, C]; for dense layers [K].
        least: root mean square, over the channels, of an effect that is worth taking out. The means
            of outputs are rounding noise in part; correcting less than that is a toss of a coin.
    """

    mean: Doubles
    least: float

    @classmethod
    def of(cls, seen: Sum, output: TensorType) -> "Correction":
        """For a layer of whose input this was seen, and that makes this int8 output of it."""
        numbers = seen.count * output.size
        return cls(seen.mean, _CHANCE * output.q.scale / float(np.sqrt(numbers)))

    def effect(
        self, op: FloatConv2D | FloatDepthwiseConv2D | FloatDense, error: Doubles
    ) -> Doubles:
        """The mean effect of an error of the weights, [channels]; zeros if chance is as large."""
        effect = mean_effect(op, error, self.mean)
        worth = float(np.sqrt((effect**2).mean())) >= self.least
        return effect if worth else np.zeros_like(effect)


def mean_effect(
    op: FloatConv2D | FloatDepthwiseConv2D | FloatDense, error: Doubles, mean: Doubles
) -> Doubles:
    """The mean, over samples and positions, of what a layer makes of an error of its weights.

    Args:
        op: the layer.
        error: in the layout of its weights.
        mean: of the layer's input over the samples, [H, W, C]; for dense layers [K].

    Returns:
        [output channels].
    """
    if isinstance(op, FloatDense):
        return (error * mean).sum(axis=1)
    seen = _means_by_tap(op, mean, error.shape[1:3])
    if isinstance(op, FloatDepthwiseConv2D):
        # Input channel c makes the outputs c * multiplier and those that follow.
        met = np.repeat(seen, error.shape[3] // seen.shape[2], axis=2)
        return (error[0] * met).sum(axis=(0, 1))
    out_c, kh, kw, per_group = error.shape
    groups = seen.shape[2] // per_group
    met = np.moveaxis(seen.reshape(kh, kw, groups, per_group), 2, 0)
    by_group = error.reshape(groups, out_c // groups, kh, kw, per_group)
    return (by_group * met[:, None]).sum(axis=(2, 3, 4)).reshape(out_c)


def _means_by_tap(
    op: FloatConv2D | FloatDepthwiseConv2D, mean: Doubles, kernel: tuple[int, ...]
) -> Doubles:
    """Mean of what each tap of a window meets, the zeros of the padding included: [kh, kw, C].

    The taps at a window's edges meet padding, and leave out the map's far side: on small maps their
    means differ much from the map's.
    """
    top, bottom, left, right = op.pads
    padded = np.pad(mean, ((top, bottom), (left, right), (0, 0)))[None]
    kh, kw = kernel
    seen = np.empty((kh, kw, mean.shape[2]))
    for i, j, view in taps(padded, (kh, kw), op.stride, op.dilation):
        seen[i, j] = view[0].mean(axis=(0, 1))
    return seen
