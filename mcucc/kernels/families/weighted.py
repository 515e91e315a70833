"""What convolutions and dense layers share: their class, sizes, weights and channels."""

import math
from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import InvariantError
from mcucc.kernels.kernel import Kernel, Unit
from mcucc.kernels.literals import c_int, hex_rows, int_rows
from mcucc.kernels.packing import (
    EIGHT,
    FOUR,
    Words,
    dsp_scale,
    interleave,
    pack_pair_streams,
    pack_quad_streams,
    pack_quads,
    paired_biases,
)
from mcucc.kernels.packing_mve import pack_streams
from mcucc.kernels.use import ArrayDef, Declined, Field, KernelUse, LayerCode
from mcucc.ops import NodeView, clamp_range
from mcucc.ops.conv import Conv2D, DepthwiseConv2D
from mcucc.ops.dense import FullyConnected
from mcucc.reference.fixed_point import Multiplier, RequantClass
from mcucc.reference.parameters import conv_multipliers, max_abs_accumulator, requant_classes

Weighted = Conv2D | DepthwiseConv2D | FullyConnected

_LARGEST_SUM = 1 << 23
"""The sum of an odd channel must be below this amount: mcucc_dot_dsp.h."""


def weights_of(view: NodeView[Any]) -> NDArray[np.int8]:
    """The weights of a layer, in the layout of its operator."""
    return view.graph.const(view.node.inputs[1]).data.astype(np.int8)


def weakest_class(view: NodeView[Any]) -> RequantClass:
    """The class that all its channels have."""
    return reduce(RequantClass.join, requant_classes(view.graph, view.node))


def narrows(view: NodeView[Weighted]) -> bool:
    """Whether its activation narrows the int8 range of its outputs."""
    return clamp_range(view.op.activation, view.output.q) != (-128, 127)


def declined_by_dsp(portable: Kernel) -> Declined | None:
    """The DSP extension has no kernels of class general."""
    if portable.requant is RequantClass.GENERAL:
        return Declined(Unit.DSP, "some channel's scaling is of class general")
    return None


def has_plain_ends(kernel: Kernel) -> bool:
    """Whether its outputs are scaled in the fast way and only saturate."""
    return kernel.requant is RequantClass.FAST and not kernel.clamps


def declined_by_quads(view: NodeView[Any], portable: Kernel) -> Declined | None:
    """Why two channels of a dot product do not fit a word of the DSP extension, if so."""
    general = declined_by_dsp(portable)
    if general is not None:
        return general
    if int(weights_of(view).min()) == np.iinfo(np.int8).min:
        return Declined(Unit.DSP, "a weight of -128 does not fit beside another")
    largest = max(max_abs_accumulator(view.graph, view.node)[1::2], default=0)
    if largest >= _LARGEST_SUM:
        return Declined(Unit.DSP, f"the sum of an odd channel may reach {largest}, 2^23 and more")
    return None


def multiple_of(channels: int) -> int:
    """Which of the numbers that DSP kernels are made for the input channels are a multiple of."""
    return next(multiple for multiple in (8, 4, 1) if channels % multiple == 0)


def fours_of_inputs(view: NodeView[Any]) -> int:
    """Groups of four inputs of a dot product."""
    return -(-math.prod(view.graph.type_of(view.node.inputs[1]).shape[1:]) // FOUR)


def channels_of(use: KernelUse[Any]) -> list[Field]:
    """Input and output channels."""
    return [("in_c", str(use.x.hwc[2])), ("out_c", str(use.output.hwc[2]))]


def weighted_code(
    use: KernelUse[Any], sizes: Sequence[Field], *arrays: ArrayDef, last: Sequence[Field] = ()
) -> LayerCode:
    """The structure of a layer: weights, and channels but for Helium, which finds all in one."""
    fields = [
        *sizes,
        ("output", use.output_literal(use.op.activation)),
        *zip(("weights", "channels"), map(use.array_name, arrays), strict=False),
        *last,
    ]
    return use.code(fields, *arrays)


def dot_weights(use: KernelUse[Any], taps: str = "") -> ArrayDef:
    """The weights of dot products over several output channels at a time, as the unit reads them.

    Args:
        use: a layer whose weights are [out_c, ...].
        taps: what stands between output and input channels, for a reader.
    """
    weights = weights_of(use)
    flat = weights.reshape(len(weights), -1)
    match use.kernel.unit:
        case Unit.DSP:
            layout = "[out_c / 4][inputs / 4][4], halves 256 * odd + even channel"
            return words_array(use, pack_quads(flat), layout)
        case Unit.THUMB1:
            data = interleave(flat, EIGHT).astype(np.int16) + 128
            return bytes_array(use, data, f"[out_c / 8]{taps}[in_c][8], 128 added", "uint8_t")
        case _:
            return bytes_array(use, interleave(flat, FOUR), f"[out_c / 4]{taps}[in_c][4]")


def words_array(use: KernelUse[Any], words: Words, layout: str) -> ArrayDef:
    """Weights as words."""
    rows = hex_rows(words, 8)
    return ArrayDef(f"{use.ident}_weights", "uint32_t", words.size, rows, _comment(use, layout))


def bytes_array(
    use: KernelUse[Any], data: NDArray[np.integer], layout: str, ctype: str = "int8_t"
) -> ArrayDef:
    """Weights as bytes."""
    rows = int_rows(data, 16)
    return ArrayDef(f"{use.ident}_weights", ctype, data.size, rows, _comment(use, layout))


def stream_array(use: KernelUse[Any], words: Words, lanes: int = FOUR) -> ArrayDef:
    """Weights and channels in one array, in the order in which they are read: (blocks, words)."""
    return words_array(use, words, f"[out_c / {lanes}] of biases, weights, multipliers, shifts")


def dot_stream(use: KernelUse[Any]) -> ArrayDef:
    """That of a layer whose weights are [out_c, ...]."""
    return stream_array(use, _packed(use, partial(pack_streams, requant=requant_of(use))))


def quad_streams(use: KernelUse[Any]) -> ArrayDef:
    """The same for fours of channels with the DSP extension."""
    return stream_array(use, _packed(use, pack_quad_streams))


def pair_streams(use: KernelUse[Any]) -> ArrayDef:
    """The same for pairs of channels with the DSP extension."""
    return stream_array(use, _packed(use, pack_pair_streams), lanes=2)


def _packed(
    use: KernelUse[Any],
    pack: Callable[[NDArray[np.int8], NDArray[np.int64], Sequence[Multiplier]], Words],
) -> Words:
    weights = weights_of(use)
    flat = weights.reshape(len(weights), -1)
    biases = folded_bias(use, flat.sum(axis=1, dtype=np.int64))
    multipliers = conv_multipliers(use.graph, use.node)
    return pack(flat, biases, multipliers)


def requant_of(use: KernelUse[Any]) -> RequantClass:
    """The class of its kernel, of which there must be one."""
    if use.kernel.requant is None:
        raise InvariantError(f"node '{use.node.name}' has no requantization class")
    return use.kernel.requant


def dot_channels(use: KernelUse[Any]) -> ArrayDef:
    """Those of a layer whose weights are [out_c, ...]; whole groups of channels."""
    weights = weights_of(use)
    biases = folded_bias(use, weights.reshape(len(weights), -1).sum(axis=1, dtype=np.int64))
    if use.kernel.unit is Unit.DSP:
        biases = paired_biases(biases)
    return channel_array(use, biases, EIGHT if use.kernel.unit is Unit.THUMB1 else FOUR)


def channel_array(use: KernelUse[Any], biases: NDArray[np.int64], at_a_time: int = 1) -> ArrayDef:
    """Bias, multiplier and shift of each channel, in the way that the kernel's unit holds them."""
    scales = [(m.m, -m.shift) for m in conv_multipliers(use.graph, use.node)]
    ctype, comment = "mcucc_channel_t", "bias - zero_point * sum(w), multiplier, right shift"
    if use.kernel.unit is Unit.DSP:
        ctype, comment = "mcucc_channel_dsp_t", f"{comment}: mcucc_requantize_dsp.h"
        scales = [dsp_scale(m, right) for m, right in scales]
    rows = [
        f"{{{c_int(bias)}, {c_int(m)}, {right}}},"
        for bias, (m, right) in zip(biases.tolist(), scales, strict=True)
    ]
    rows += ["{0, 0, 1},"] * (-len(rows) % at_a_time)
    comment = f"{use.node.name}: {{{comment}}} per channel"
    return ArrayDef(f"{use.ident}_channels", ctype, len(rows), tuple(rows), comment)


def folded_bias(view: NodeView[Any], sums: NDArray[np.int64]) -> NDArray[np.int64]:
    """The bias less the input's zero point times the sum of each channel's weights."""
    bias = view.graph.const(view.node.inputs[2]).data.astype(np.int64)
    return bias - view.x.q.zero_point * sums


def _comment(use: KernelUse[Any], layout: str) -> str:
    const = use.graph.const(use.node.inputs[1])
    return f"{const.name}: {'x'.join(str(n) for n in const.type.shape)}, {layout}"
