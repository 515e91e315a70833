"""Convolutions: over all channels, in groups, and those of 1x1, which are another family's."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mcucc.kernels.families.pointwise import (
    POINTWISE,
    pointwise,
    pointwise_code,
    pointwise_dsp,
    pointwise_mve,
    thumb1,
)
from mcucc.kernels.families.weighted import (
    bytes_array,
    channel_array,
    channels_of,
    declined_by_quads,
    dot_channels,
    dot_stream,
    dot_weights,
    folded_bias,
    fours_of_inputs,
    has_plain_ends,
    multiple_of,
    narrows,
    pair_streams,
    quad_streams,
    weakest_class,
    weighted_code,
    weights_of,
)
from mcucc.kernels.kernel import Access, Family, Kernel, Shape, Unit, Variant, Window
from mcucc.kernels.packing import FEWEST_PAIRED_CHANNELS, PANEL_BYTES
from mcucc.kernels.packing_mve import LANES
from mcucc.kernels.use import Declined, Field, KernelUse, LayerCode, OperatorKernels
from mcucc.ops import Int8Op, NodeView
from mcucc.ops.conv import Conv2D

_MOST_STACK = 128
"""Bytes of a window, as MCUCC_STACK_PATCH in runtime_c/conv/mcucc_conv_stack_dsp.h."""
_MOST_STACK_OF_TWO = 192
"""Bytes of two windows, as MCUCC_STACK_PATCHES in runtime_c/conv/mcucc_conv_stack_mve.h."""
_MOST_RUNS, _MOST_HELD = 9, 128
"""Taps and output channels, as in runtime_c/conv/mcucc_conv_direct_mve.h."""

STREAM = Variant("stream", Unit.DSP)
"""For two pixels: all channels in one loop, what a pair of them needs one behind the other."""
_MOST_TAPS_AS_RUNS = 9
"""As MCUCC_MOST_RUNS in runtime_c/conv/mcucc_conv_runs_dsp.h."""
RUNS = Variant("runs", Unit.DSP, stack_bytes=8 * (_MOST_TAPS_AS_RUNS + 1))
"""Without scratch: all channels of a pixel in one loop, what four of them need in one stream."""
STACK_DSP = Variant("stack", Unit.DSP, stack_bytes=_MOST_STACK)
STACK_MVE = Variant("stack", Unit.MVE, stack_bytes=_MOST_STACK_OF_TWO)
"""Without scratch, small windows are copied to the stack."""
DIRECT = Variant(
    *("direct", Unit.MVE), takes_pairs=True, stack_bytes=12 * (_MOST_RUNS + 1) + _MOST_HELD
)
"""Without scratch, windows of whole vectors are read where they lie."""

CONV = Family(
    *("conv", Shape.WINDOW, Access.PIXEL, "conv"),
    takes_columns=True,
    tells_clamping=True,
    takes_scratch=frozenset({Unit.DSP, Unit.MVE}),
    takes_multiple=frozenset({Unit.DSP}),
    variants=(STREAM, RUNS, STACK_DSP, STACK_MVE, DIRECT),
)
CONV_GROUPED = Family("convg", Shape.WINDOW, Access.PIXEL, "conv_grouped", takes_columns=True)
FAMILIES = (CONV, CONV_GROUPED)

_FEWEST_ODD_PIXELS, _FEWEST_STREAMED = 9, 5
"""In a row whose last pixel is made as if it were two; the latter for the variant of streams."""


def _conv(view: NodeView[Conv2D]) -> Kernel:
    weights, op = view.graph.type_of(view.node.inputs[1]), view.op
    window = Window(weights.shape[1], weights.shape[2], op.stride[1], op.dilation[1])
    if weights.shape[3] != view.x.shape[-1]:
        return Kernel(CONV_GROUPED, window, weakest_class(view))
    if op.is_pointwise(weights):
        return pointwise(view)
    return Kernel(CONV, window, weakest_class(view), narrows(view))


def _thumb1(view: NodeView[Conv2D], portable: Kernel, other: Kernel) -> Kernel | Declined:
    if portable.family is CONV_GROUPED:
        return Declined(Unit.THUMB1, "convolutions in groups have no kernel")
    return thumb1(view, portable, other)


def _dsp(view: NodeView[Conv2D], portable: Kernel, other: Kernel) -> Kernel | Declined:
    if portable.family is POINTWISE:
        return pointwise_dsp(view, portable, other)
    if portable.family is CONV_GROUPED:
        return Declined(Unit.DSP, "convolutions in groups have no kernel")
    declined = declined_by_quads(view, portable)
    if declined is not None:
        return declined
    kernel = replace(portable.on(Unit.DSP), multiple=multiple_of(view.x.shape[-1]))
    # A window of odd pixels is copied to where words can be read from.
    is_odd, fours = kernel.multiple == 1, fours_of_inputs(view)
    is_plain, window = has_plain_ends(kernel), kernel.window
    if is_plain and not is_odd and window and window.kh * window.kw <= _MOST_TAPS_AS_RUNS:
        kernel = kernel.by(RUNS)
    scratch_free = kernel
    if is_odd:
        scratch_free = kernel.by(STACK_DSP) if 4 * fours <= _MOST_STACK else portable
    if _has_pairs(view, streamed=is_plain) and view.output.shape[-1] >= FEWEST_PAIRED_CHANNELS:
        size = fours * (PANEL_BYTES + (2 * 4 if is_odd else 0))
        variant = STREAM if is_plain else None
        pairs = replace(kernel, pairs=True, scratch_bytes=size, without_scratch=scratch_free)
        return replace(pairs, variant=variant)
    if is_odd:
        return replace(kernel, scratch_bytes=4 * fours, without_scratch=scratch_free)
    return kernel


def _has_pairs(view: NodeView[Conv2D], *, streamed: bool) -> bool:
    """Whether few pixels of each row are left over."""
    pixels = view.output.hwc[1]
    return pixels % 2 == 0 or pixels >= (_FEWEST_STREAMED if streamed else _FEWEST_ODD_PIXELS)


def _mve(view: NodeView[Conv2D], portable: Kernel, other: Kernel) -> Kernel | Declined:
    if portable.family is POINTWISE:
        return pointwise_mve(view, portable, other)
    if portable.family is CONV_GROUPED or portable.window is None:
        return Declined(Unit.MVE, "convolutions in groups have no kernel")
    # It copies the windows of two pixels, each up to a whole vector.
    taps, in_c = portable.window.kh * portable.window.kw, view.x.hwc[2]
    scratch = 2 * -(-taps * in_c // LANES) * LANES
    scratch_free = other.scratch_free
    if in_c % LANES == 0 and taps <= _MOST_RUNS and view.output.hwc[2] <= _MOST_HELD:
        scratch_free = portable.by(DIRECT)
    elif scratch <= _MOST_STACK_OF_TWO:
        scratch_free = portable.by(STACK_MVE)
    return replace(portable.on(Unit.MVE), scratch_bytes=scratch, without_scratch=scratch_free)


def _code(use: KernelUse[Conv2D]) -> LayerCode:
    if use.family is POINTWISE:
        return pointwise_code(use)
    sizes, last = list[Field](), [("pad", use.pad)]
    if use.family is CONV_GROUPED:
        of_group = use.graph.type_of(use.node.inputs[1]).shape[3]
        sizes.append(("groups", str(use.x.hwc[2] // of_group)))
    sizes = [("in_w", str(use.x.hwc[1])), *channels_of(use), *sizes]
    sizes.append(("pad_left", str(use.op.pads[2])))
    if use.kernel.unit is Unit.MVE:
        return weighted_code(use, sizes, dot_stream(use), last=last)
    if use.kernel.variant is STREAM:
        return weighted_code(use, sizes, pair_streams(use), last=last)
    if use.kernel.variant is RUNS:
        return weighted_code(use, sizes, quad_streams(use), last=last)
    if use.family is CONV_GROUPED:
        weights = weights_of(use)
        biases = folded_bias(use, weights.reshape(len(weights), -1).astype("i8").sum(axis=1))
        array = bytes_array(use, weights, "[out_c][kh][kw][in_c / groups]")
        return weighted_code(use, sizes, array, channel_array(use, biases), last=last)
    return weighted_code(use, sizes, dot_weights(use, "[kh][kw]"), dot_channels(use), last=last)


OPERATORS: Mapping[type[Int8Op], OperatorKernels[Any]] = {
    Conv2D: OperatorKernels(_conv, _code, {Unit.THUMB1: _thumb1, Unit.DSP: _dsp, Unit.MVE: _mve}),
}
