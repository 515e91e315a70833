"""Convolutions of 1x1 and dense layers: dot products over the channels of a pixel."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcucc.kernels.families.weighted import (
    channels_of,
    declined_by_quads,
    dot_channels,
    dot_stream,
    dot_weights,
    folded_bias,
    fours_of_inputs,
    multiple_of,
    narrows,
    stream_array,
    weakest_class,
    weighted_code,
    weights_of,
)
from mcucc.kernels.kernel import Access, Family, Kernel, Shape, Unit, Variant
from mcucc.kernels.packing import (
    FEWEST_PAIRED_CHANNELS,
    PANEL_BYTES,
    Words,
    dsp_scale,
    pack_quads,
    paired_biases,
)
from mcucc.kernels.packing_mve import LANES
from mcucc.kernels.use import (
    Declined,
    Field,
    KernelUse,
    LayerCode,
    OperatorKernels,
    always,
)
from mcucc.ops import Int8Op, NodeView
from mcucc.ops.conv import Conv2D
from mcucc.ops.dense import FullyConnected
from mcucc.reference.fixed_point import Multiplier, RequantClass
from mcucc.reference.parameters import conv_multipliers

STREAM = Variant("stream", Unit.DSP)
"""For two pixels: all channels in one loop, what a pair of them needs one behind the other."""

POINTWISE = Family(
    *("pw", Shape.PIXELS, Access.PIXEL, "pointwise"),
    tells_clamping=True,
    takes_scratch=frozenset({Unit.MVE}),
    takes_multiple=frozenset({Unit.DSP}),
    variants=(STREAM,),
)
DENSE = Family(
    *("fc", Shape.TENSOR, Access.WHOLE, "pointwise"),
    function="pointwise_pixel",
    tells_clamping=True,
    takes_multiple=frozenset({Unit.DSP}),
)
FAMILIES = (POINTWISE, DENSE)


def pack_pair_streams(
    weights: NDArray[np.int8], biases: NDArray[np.int64], multipliers: Sequence[Multiplier]
) -> Words:
    """What `runtime_c/pointwise/mcucc_pointwise_stream_dsp.h` reads, in its order.

    That is for each two channels: the bias of the even one, that of both as 256 * odd + even; the
    weights of both, two words for every four inputs as `pack_quads` makes them; multiplier and
    shift of either channel. A missing odd channel has zeros, and a shift of 1.

    Args:
        weights: (channels, inputs), none of them -128.
        biases: one per channel, of 32 bits.
        multipliers: likewise.

    Returns:
        (ceil(channels / 2), words of a pair).
    """
    pairs = -(-len(weights) // 2)
    quads = pack_quads(weights)
    words = quads.reshape(*quads.shape[:2], 2, 2).swapaxes(1, 2).reshape(-1, 2 * quads.shape[1])
    scales = [dsp_scale(each.m, -each.shift) for each in multipliers]
    rest = len(weights) % 2
    both = np.pad(paired_biases(biases), (0, rest)).reshape(pairs, 2)
    numbers = np.array(scales + [(0, 1)] * rest, dtype=np.int64).reshape(pairs, 4)
    first, last = (part.astype(np.int32).view(np.uint32) for part in (both, numbers))
    return np.concatenate([first, words[:pairs], last], axis=1)


def pointwise(view: NodeView[Conv2D]) -> Kernel:
    """The kernel in plain C of a convolution of 1x1."""
    return Kernel(POINTWISE, None, weakest_class(view), narrows(view))


def pointwise_dsp(view: NodeView[Any], portable: Kernel, _: Kernel) -> Kernel | Declined:
    """For the DSP extension: two pixels at a time where there are two and enough channels."""
    declined = declined_by_quads(view, portable)
    if declined is not None:
        return declined
    kernel = replace(portable.on(Unit.DSP), multiple=multiple_of(view.x.shape[-1]))
    rows, pixels, channels = view.output.hwc
    if portable.family is DENSE or rows * pixels == 1 or channels < FEWEST_PAIRED_CHANNELS:
        return kernel
    scratch = fours_of_inputs(view) * PANEL_BYTES
    pairs = replace(kernel, pairs=True, scratch_bytes=scratch, without_scratch=kernel)
    if kernel.requant is RequantClass.FAST and not kernel.clamps:
        return replace(pairs, variant=STREAM)
    return pairs


def pointwise_mve(view: NodeView[Any], portable: Kernel, _: Kernel) -> Kernel:
    """For Helium: from copies of two pixels; without scratch it runs pixel by pixel."""
    kernel = portable.on(Unit.MVE)
    scratch = 2 * -(-view.x.hwc[2] // LANES) * LANES
    return replace(kernel, scratch_bytes=scratch, without_scratch=kernel)


def thumb1(_: NodeView[Any], portable: Kernel, __: Kernel) -> Kernel:
    """For 16-bit Thumb instructions: every layer."""
    return portable.on(Unit.THUMB1)


def pointwise_code(use: KernelUse[Any]) -> LayerCode:
    """Weights and channels; Helium must know the size of a copied pixel."""
    if use.kernel.variant is STREAM:
        weights = weights_of(use)
        flat = weights.reshape(len(weights), -1)
        biases = folded_bias(use, flat.sum(axis=1, dtype=np.int64))
        words = pack_pair_streams(flat, biases, conv_multipliers(use.graph, use.node))
        return weighted_code(use, channels_of(use), stream_array(use, words))
    if use.kernel.unit is not Unit.MVE:
        return weighted_code(use, channels_of(use), dot_weights(use), dot_channels(use))
    patch: list[Field] = [("patch", str(use.kernel.scratch_bytes // 2))]
    last = patch if use.family is POINTWISE else ()
    return weighted_code(use, channels_of(use), dot_stream(use), last=last)


def _dense(view: NodeView[FullyConnected]) -> Kernel:
    return Kernel(DENSE, None, weakest_class(view), narrows(view))


OPERATORS: Mapping[type[Int8Op], OperatorKernels[Any]] = {
    FullyConnected: OperatorKernels(
        _dense,
        pointwise_code,
        {Unit.THUMB1: thumb1, Unit.DSP: pointwise_dsp, Unit.MVE: always},
    ),
}
