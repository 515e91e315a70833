"""Convolutions of 1x1 and dense layers: dot products over the channels of a pixel."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mcucc.kernels.families.weighted import (
    channels_of,
    declined_by_quads,
    dot_channels,
    dot_stream,
    dot_weights,
    fours_of_inputs,
    has_plain_ends,
    multiple_of,
    narrows,
    pair_streams,
    quad_streams,
    weakest_class,
    weighted_code,
)
from mcucc.kernels.kernel import Access, Family, Kernel, Shape, Unit, Variant
from mcucc.kernels.packing import FEWEST_PAIRED_CHANNELS, PANEL_BYTES
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

STREAM = Variant("stream", Unit.DSP)
"""For two pixels: all channels in one loop, what a pair of them needs one behind the other."""
RUNS = Variant("runs", Unit.DSP)
"""Without scratch: all channels of a pixel in one loop, what four of them need in one stream."""

SHORT = Variant("short", Unit.MVE, stack_bytes=48)
"""For few inputs: those of two pixels stay in registers, so that there is no scratch."""
_MOST_SHORT = 32
"""Inputs of a pixel, as in runtime_c/pointwise/mcucc_pointwise_short_mve.h."""

_MOST_HELD = 128
"""Output channels, as in runtime_c/dot/mcucc_dot_runs_mve.h."""
DIRECT = Variant("direct", Unit.MVE, stack_bytes=_MOST_HELD + 24)
"""Without scratch, pixels of whole vectors are read where they lie."""

POINTWISE = Family(
    *("pw", Shape.PIXELS, Access.PIXEL, "pointwise"),
    tells_clamping=True,
    takes_scratch=frozenset({Unit.MVE}),
    takes_multiple=frozenset({Unit.DSP}),
    variants=(STREAM, RUNS, SHORT, DIRECT),
)
DENSE = Family(
    *("fc", Shape.TENSOR, Access.WHOLE, "pointwise"),
    function="pointwise_pixel",
    tells_clamping=True,
    takes_multiple=frozenset({Unit.DSP}),
)
FAMILIES = (POINTWISE, DENSE)


def pointwise(view: NodeView[Conv2D]) -> Kernel:
    """The kernel in plain C of a convolution of 1x1."""
    return Kernel(POINTWISE, None, weakest_class(view), narrows(view))


def pointwise_dsp(view: NodeView[Any], portable: Kernel, _: Kernel) -> Kernel | Declined:
    """For the DSP extension: two pixels at a time where there are two and enough channels."""
    declined = declined_by_quads(view, portable)
    if declined is not None:
        return declined
    kernel = replace(portable.on(Unit.DSP), multiple=multiple_of(view.x.shape[-1]))
    if kernel.multiple > 1 and portable.family is POINTWISE and has_plain_ends(kernel):
        kernel = replace(kernel, variant=RUNS)
    rows, pixels, channels = view.output.hwc
    if portable.family is DENSE or rows * pixels == 1 or channels < FEWEST_PAIRED_CHANNELS:
        return kernel
    scratch = fours_of_inputs(view) * PANEL_BYTES
    pairs = replace(kernel, pairs=True, scratch_bytes=scratch, without_scratch=kernel)
    return replace(pairs, variant=STREAM if has_plain_ends(kernel) else None)


def pointwise_mve(view: NodeView[Any], portable: Kernel, _: Kernel) -> Kernel:
    """For Helium: from copies of two pixels; without scratch it runs pixel by pixel."""
    if view.x.hwc[2] <= _MOST_SHORT and has_plain_ends(portable):
        return portable.by(SHORT)
    kernel = portable.on(Unit.MVE)
    scratch = 2 * -(-view.x.hwc[2] // LANES) * LANES
    whole = view.x.hwc[2] % LANES == 0 and view.output.hwc[2] <= _MOST_HELD
    scratch_free = portable.by(DIRECT) if whole else kernel
    return replace(kernel, scratch_bytes=scratch, without_scratch=scratch_free)


def thumb1(_: NodeView[Any], portable: Kernel, __: Kernel) -> Kernel:
    """For 16-bit Thumb instructions: every layer."""
    return portable.on(Unit.THUMB1)


def pointwise_code(use: KernelUse[Any]) -> LayerCode:
    """Weights and channels; Helium must know the size of a copied pixel."""
    if use.kernel.variant is STREAM:
        return weighted_code(use, channels_of(use), pair_streams(use))
    if use.kernel.variant is RUNS:
        return weighted_code(use, channels_of(use), quad_streams(use))
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
