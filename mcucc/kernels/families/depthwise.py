"""Depthwise convolutions, each output channel from one input channel."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcucc.kernels.families.weighted import (
    bytes_array,
    channel_array,
    channels_of,
    declined_by_dsp,
    folded_bias,
    has_plain_ends,
    narrows,
    requant_of,
    stream_array,
    weakest_class,
    weighted_code,
    weights_of,
    words_array,
)
from mcucc.kernels.kernel import Access, Family, Kernel, Shape, Unit, Variant, Window
from mcucc.kernels.packing import (
    FOUR,
    Words,
    as_bytes,
    as_words,
    dsp_scales,
    groups_of,
    join_halves,
    pack_lanes,
)
from mcucc.kernels.packing_mve import LANES, pack_depthwise
from mcucc.kernels.use import Declined, Field, KernelUse, LayerCode, OperatorKernels
from mcucc.ops import Int8Op, NodeView
from mcucc.ops.conv import BandScale, DepthwiseConv2D
from mcucc.reference.fixed_point import Multiplier, RequantClass
from mcucc.reference.parameters import conv_multipliers

GATHER = Variant("gather", Unit.DSP, keeps_taps=True, takes_last_fours=True)
"""It gathers pointers to all taps of a pixel, and then adds the products of two taps with one
instruction."""

GATHER_THUMB1 = Variant("gather", Unit.THUMB1)
"""Likewise; it then adds one tap after another in a loop over all channels of a pixel."""

ROWS = Variant("rows", Unit.DSP, takes_pairs=True, takes_scratch=True, stack_bytes=24)
"""For windows of 3x3 with stride 1: along a few pixels channel by channel, so that the columns of a
window serve the next ones, too."""
NARROW = Variant("narrow", Unit.DSP, takes_pairs=True, takes_scratch=True, stack_bytes=24)
"""The same from weights of 8 bits: where flash is short."""

RELU = Variant("relu", Unit.MVE, keeps_taps=True)
"""For outputs whose zero point is the lowest int8 and that nothing else clamps: what is below zero
saturates, and need not be rounded as the rest."""
ROWS_PLAIN = Variant("rows", Unit.PORTABLE, takes_pairs=True, takes_scratch=True)
"""The same for other cores, where it halves what is loaded."""

DEPTHWISE = Family(
    *("dw", Shape.WINDOW, Access.PIXEL, "depthwise"),
    takes_columns=True,
    tells_clamping=True,
    keeps_taps=frozenset({Unit.MVE}),
    takes_last_fours=frozenset({Unit.DSP}),
    variants=(GATHER, GATHER_THUMB1, ROWS, NARROW, RELU, ROWS_PLAIN),
)
DEPTHWISE_MULTIPLIED = Family(
    *("dwm", Shape.WINDOW, Access.PIXEL, "depthwise"),
    function="depthwise_multiplied",
    takes_columns=True,
    tells_clamping=True,
)
BANDS = Family("bands", Shape.WINDOW, Access.ELEMENT, "bands", takes_row=True)
FAMILIES = (DEPTHWISE, DEPTHWISE_MULTIPLIED, BANDS)

_MOST_TAPS = 64
"""As MCUCC_MOST_TAPS in runtime_c/depthwise/mcucc_depthwise_mve.h."""

_MOST_GATHERED, _GATHERED_IN_C = 50, range(25, 51)
"""How many taps the variant keeps pointers to, MCUCC_MOST_GATHERED less those that end them; and
how many it takes of layers that its assembly does not know: compilers make those slower."""

_LARGEST_BIAS = 1 << 23
"""The variant of rows keeps a shift in the lowest byte of each bias, which must be below this."""

_FEWEST_HELD, _MOST_HELD, _FEW_CHANNELS = 4, 8, 16
"""Pixels that the variant of rows holds in scratch: of few channels, whose maps are the largest and
set the peak, no more than a pointwise layer behind it takes for its panel."""
_MOST_HELD_PLAIN, _NOT_MANY_CHANNELS = 16, 32
"""The same in plain C, up to how many channels."""


def pack_three_rows(
    weights: NDArray[np.int8], biases: NDArray[np.int64], multipliers: Sequence[Multiplier]
) -> Words:
    """What `runtime_c/depthwise/mcucc_depthwise_rows_dsp.h` reads of each channel.

    That is in halves of words: the taps of the upper two rows for each column, the first two taps
    of the lowest row, its last two; then the multiplier, and 256 times the bias and the shift.

    Args:
        weights: (3, 3, channels).
        biases: one per channel, of 24 bits.
        multipliers: likewise, of class fast.

    Returns:
        (channels, 7) words.
    """
    taps = weights.astype(np.int32)
    upper = join_halves(taps[0], taps[1])
    lowest = join_halves(taps[2, :2], taps[2, 1:])
    scales = dsp_scales(multipliers)
    numbers = as_words(np.column_stack([scales[:, 0], 256 * biases + scales[:, 1]]))
    return np.concatenate([upper.T, lowest.T, numbers], axis=1)


def pack_narrow_rows(
    weights: NDArray[np.int8], biases: NDArray[np.int64], multipliers: Sequence[Multiplier]
) -> Words:
    """What `runtime_c/depthwise/mcucc_depthwise_narrow_dsp.h` reads of each channel.

    That is the taps of each row as bytes of a word; then the same as of `pack_three_rows`, which
    has the arguments, too.

    Returns:
        (channels, 5) words.
    """
    taps = as_bytes(weights.transpose(2, 0, 1).astype(np.int64))
    return np.concatenate([taps, pack_three_rows(weights, biases, multipliers)[:, 5:]], axis=1)


def pack_tap_pairs(
    weights: NDArray[np.int8], biases: NDArray[np.int64], multipliers: Sequence[Multiplier]
) -> Words:
    """What `runtime_c/depthwise/mcucc_depthwise_gather_dsp.h` reads of each four channels.

    That is four biases; for each two taps four words, which hold the weights of a channel; then
    their shifts as bytes of a word, and four multipliers. A tap that is missing in the last pair
    has weight 0. If the channels are no whole fours, the last group holds the last four, some of
    them once more.

    Args:
        weights: (kh, kw, channels), at least four channels.
        biases: one per channel, of 32 bits.
        multipliers: likewise.

    Returns:
        (ceil(channels / 4), words of four channels).
    """
    kh, kw, channels = weights.shape
    groups = groups_of(channels, FOUR)
    taps = np.pad(weights.reshape(kh * kw, channels), ((0, kh * kw % 2), (0, 0)))
    lanes = taps.astype(np.int32)[:, groups].swapaxes(0, 1)
    pairs = join_halves(lanes[:, 0::2], lanes[:, 1::2])
    scales = dsp_scales(multipliers)[groups]
    parts = (as_words(biases[groups]), pairs, as_bytes(scales[..., 1]), as_words(scales[..., 0]))
    return np.concatenate([part.reshape(len(groups), -1) for part in parts], axis=1)


def _depthwise(view: NodeView[DepthwiseConv2D]) -> Kernel:
    weights, op = view.graph.type_of(view.node.inputs[1]), view.op
    window = Window(weights.shape[1], weights.shape[2], op.stride[1], op.dilation[1])
    multiplied = view.output.shape[-1] != view.x.shape[-1]
    family = DEPTHWISE_MULTIPLIED if multiplied else DEPTHWISE
    kernel = Kernel(family, window, weakest_class(view), narrows(view))
    if not multiplied and _has_rows(view, kernel):
        scratch = _held_plain(view) * view.x.shape[-1]
        return replace(kernel.by(ROWS_PLAIN), scratch_bytes=scratch, without_scratch=kernel)
    return kernel


def _has_rows(view: NodeView[DepthwiseConv2D], kernel: Kernel) -> bool:
    """Whether the variants of rows take its windows and its scaling."""
    window = kernel.window
    fits = window == Window(3, 3) and max(view.op.pads[2:]) <= 1
    return fits and kernel.requant is RequantClass.FAST


def _thumb1(_: NodeView[DepthwiseConv2D], plain: Kernel, __: Kernel) -> Kernel | Declined:
    portable = plain.scratch_free
    window = portable.window
    if portable.family is DEPTHWISE_MULTIPLIED or window is None:
        return Declined(Unit.THUMB1, "several outputs of one input channel have no kernel")
    if portable.requant is not RequantClass.FAST:
        return Declined(Unit.THUMB1, "some channel's scaling is not of class fast")
    if window.kh * window.kw > _MOST_GATHERED:
        taps = window.kh * window.kw
        return Declined(Unit.THUMB1, f"{taps} taps are more than {_MOST_GATHERED}")
    gather = portable.by(GATHER_THUMB1)
    return gather if plain is portable else replace(plain, without_scratch=gather)


def _dsp(view: NodeView[DepthwiseConv2D], plain: Kernel, _: Kernel) -> Kernel | Declined:
    portable = plain.scratch_free
    if portable.family is DEPTHWISE_MULTIPLIED:
        return Declined(Unit.DSP, "several outputs of one input channel have no kernel")
    if view.x.shape[-1] < FOUR:
        return Declined(Unit.DSP, f"{view.x.shape[-1]} channels are fewer than four")
    declined = declined_by_dsp(portable)
    if declined is not None:
        return declined
    window, is_plain = portable.window, has_plain_ends(portable)
    if window is None:
        return portable.on(Unit.DSP)
    taps = window.kh * window.kw
    gathers = taps <= _MOST_GATHERED if is_plain else taps in _GATHERED_IN_C
    kernel = portable.by(GATHER) if gathers else portable.on(Unit.DSP)
    if is_plain and _has_rows(view, portable) and _has_short_biases(view):
        scratch = _held(view) * view.x.shape[-1]
        return replace(portable.by(ROWS), scratch_bytes=scratch, without_scratch=kernel)
    return kernel


def _smaller(kernel: Kernel) -> Kernel:
    return replace(kernel, variant=NARROW) if kernel.variant is ROWS else kernel


def _has_short_biases(view: NodeView[DepthwiseConv2D]) -> bool:
    """Whether a shift fits into a word beside each bias."""
    return int(np.abs(_biases(view)).max()) < _LARGEST_BIAS


def _biases(view: NodeView[DepthwiseConv2D]) -> NDArray[np.int64]:
    weights = weights_of(view)
    sums = weights.reshape(-1, weights.shape[-1]).sum(axis=0, dtype=np.int64)
    return folded_bias(view, sums)


def _held(view: NodeView[DepthwiseConv2D]) -> int:
    """Pixels in the scratch of the variant of rows."""
    return _FEWEST_HELD if view.x.shape[-1] <= _FEW_CHANNELS else _MOST_HELD


def _held_plain(view: NodeView[DepthwiseConv2D]) -> int:
    """The same in plain C: what a channel takes before its first pixel counts as much as two."""
    columns, channels = view.output.hwc[1:]
    held = _MOST_HELD_PLAIN if channels <= _NOT_MANY_CHANNELS else _MOST_HELD
    return -(-min(held, columns) // 2) * 2


def _mve(view: NodeView[DepthwiseConv2D], plain: Kernel, _: Kernel) -> Kernel | Declined:
    portable = plain.scratch_free
    window = portable.window
    if portable.family is DEPTHWISE_MULTIPLIED or window is None:
        return Declined(Unit.MVE, "several outputs of one input channel have no kernel")
    if window.kh * window.kw > _MOST_TAPS:
        return Declined(Unit.MVE, f"{window.kh * window.kw} taps are more than {_MOST_TAPS}")
    if int(weights_of(view).min()) == np.iinfo(np.int8).min:
        return Declined(Unit.MVE, "two products by a weight of -128 do not fit 16 bits")
    if view.output.q.zero_point == np.iinfo(np.int8).min and has_plain_ends(portable):
        return portable.by(RELU)
    return portable.on(Unit.MVE)


def _code(use: KernelUse[DepthwiseConv2D]) -> LayerCode:
    weights, biases = weights_of(use), _biases(use)
    in_w: list[Field] = [("in_w", str(use.x.hwc[1]))]
    sizes = [*in_w, *channels_of(use), ("pad_left", str(use.op.pads[2]))]
    last = [("pad", use.pad)]
    if use.kernel.unit is Unit.MVE:
        multipliers = conv_multipliers(use.graph, use.node)
        words = pack_depthwise(weights[0], biases, multipliers, requant_of(use))
        return weighted_code(use, sizes, stream_array(use, words, LANES), last=last)
    if use.kernel.variant in (ROWS, NARROW):
        pack = pack_three_rows if use.kernel.variant is ROWS else pack_narrow_rows
        words = pack(weights[0], biases, conv_multipliers(use.graph, use.node))
        layout = f"[out_c][{words.shape[1]}] of taps, multiplier, bias and shift"
        array = words_array(use, words, layout)
        return weighted_code(use, sizes, array, last=[*last, ("held", str(_held(use)))])
    if use.kernel.variant is GATHER:
        multipliers = conv_multipliers(use.graph, use.node)
        words = pack_tap_pairs(weights[0], biases, multipliers)
        return weighted_code(use, sizes, stream_array(use, words), last=last)
    if use.kernel.unit is Unit.DSP:
        layout = "[out_c / 4][kh][kw], channels 0 2 and 1 3 as 16 bits each"
        array = words_array(use, pack_lanes(weights[0]), layout)
        return weighted_code(use, sizes, array, channel_array(use, biases, FOUR), last=last)
    if use.kernel.variant is GATHER_THUMB1:
        array = bytes_array(use, weights[0].transpose(2, 0, 1), "[out_c][kh][kw]")
        return weighted_code(use, sizes, array, channel_array(use, biases), last=last)
    if use.kernel.variant is ROWS_PLAIN:
        array = bytes_array(use, weights[0].transpose(2, 0, 1), "[out_c][3][3]")
        held: Field = ("held", str(_held_plain(use)))
        return weighted_code(use, sizes, array, channel_array(use, biases), last=[*last, held])
    array = bytes_array(use, weights, "[1][kh][kw][out_c]")
    return weighted_code(use, sizes, array, channel_array(use, biases), last=last)


def _bands_kernel(view: NodeView[BandScale]) -> Kernel:
    return Kernel(BANDS, None, weakest_class(view))


def _bands(use: KernelUse[BandScale]) -> LayerCode:
    weights, (height, _, channels) = weights_of(use), use.x.hwc
    scales = channel_array(use, folded_bias(use, weights.ravel().astype(np.int64)))
    array = bytes_array(use, weights, "[bands][c]")
    fields = [
        ("c", str(channels)),
        ("height", str(height * channels // weights.size)),
        ("output", use.output_literal()),
        ("weights", use.array_name(array)),
        ("channels", use.array_name(scales)),
    ]
    return use.code(fields, array, scales)


OPERATORS: Mapping[type[Int8Op], OperatorKernels[Any]] = {
    BandScale: OperatorKernels(_bands_kernel, _bands),
    DepthwiseConv2D: OperatorKernels(
        _depthwise,
        _code,
        {Unit.THUMB1: _thumb1, Unit.DSP: _dsp, Unit.MVE: _mve},
        smaller=_smaller,
    ),
}
