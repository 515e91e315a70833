"""The numbers of convolutions and dense layers."""

import numpy as np
from numpy.typing import NDArray

from mcucc.codegen.layer import Field, Layer, LayerCode
from mcucc.codegen.literals import c_int, hex_rows, int_rows
from mcucc.codegen.parts import ArrayDef
from mcucc.codegen.streams import stream_array
from mcucc.kernels import Family, Unit
from mcucc.kernels.packing import (
    EIGHT,
    FOUR,
    dsp_scale,
    interleave,
    pack_lanes,
    pack_quads,
    paired_biases,
)
from mcucc.ops import Conv2D, DepthwiseConv2D, FullyConnected
from mcucc.reference.parameters import conv_multipliers

_BLOCKS = (Family.CONV, Family.POINTWISE, Family.DENSE)
"""Kernels that take several output channels at a time without the DSP extension, too."""


def weighted(layer: Layer, op: Conv2D | DepthwiseConv2D | FullyConnected) -> LayerCode:
    """Sizes, weights and channels of a convolution or dense layer."""
    if layer.executed.unit is Unit.MVE:
        return _of_mve(layer, op)
    weights, channels = _weight_array(layer), _channel_array(layer)
    fields = [
        *_sizes(layer, op),
        ("output", layer.output_literal(op.activation)),
        ("weights", layer.array_name(weights)),
        ("channels", layer.array_name(channels)),
    ]
    if layer.kernel is not None and layer.kernel.window is not None:
        fields.append(("pad", layer.pad))
    return layer.code(fields, weights, channels)


def _of_mve(layer: Layer, op: Conv2D | DepthwiseConv2D | FullyConnected) -> LayerCode:
    """The same for Helium, whose kernels find weights and channels in one array."""
    stream = stream_array(layer, folded_bias(layer))
    fields = [
        *_sizes(layer, op),
        ("output", layer.output_literal(op.activation)),
        ("weights", layer.array_name(stream)),
    ]
    if layer.family is Family.POINTWISE:
        fields.append(("patch", str(layer.executed.scratch_bytes // 2)))
    elif layer.executed.window is not None:
        fields.append(("pad", layer.pad))
    return layer.code(fields, stream)


def _sizes(layer: Layer, op: Conv2D | DepthwiseConv2D | FullyConnected) -> list[Field]:
    """Channels; for kernels with a window what they must know of the input row, too."""
    _, in_w, in_c = layer.x.hwc
    sizes: list[Field] = [("in_c", str(in_c)), ("out_c", str(layer.output.hwc[2]))]
    if isinstance(op, FullyConnected) or layer.family is Family.POINTWISE:
        return sizes
    if layer.family is Family.CONV_GROUPED:
        of_group = layer.graph.const(layer.node.inputs[1]).type.shape[3]
        sizes.append(("groups", str(in_c // of_group)))
    return [("in_w", str(in_w)), *sizes, ("pad_left", str(op.pads[2]))]


def _weight_array(layer: Layer) -> ArrayDef:
    const = layer.graph.const(layer.node.inputs[1])
    shape = "x".join(str(n) for n in const.type.shape)
    name, comment = f"{layer.ident}_weights", f"{const.name}: {shape}, {_layout(layer)}"
    if layer.executed.unit is Unit.PORTABLE:
        data = const.data.astype(np.int8)
        if layer.family in _BLOCKS:
            data = interleave(data.reshape(const.type.shape[0], -1), FOUR)
        return ArrayDef(name, "int8_t", data.size, int_rows(data, 16), comment)
    if layer.executed.unit is Unit.THUMB1:
        data = interleave(const.data.astype(np.int8).reshape(const.type.shape[0], -1), EIGHT)
        rows = int_rows(data.astype(np.int16) + 128, 16)
        return ArrayDef(name, "uint8_t", data.size, rows, comment)
    if layer.family is Family.DEPTHWISE:
        words = pack_lanes(const.data.astype(np.int8)[0])
    else:
        words = pack_quads(const.data.astype(np.int8).reshape(const.type.shape[0], -1))
    return ArrayDef(name, "uint32_t", words.size, hex_rows(words, 8), comment)


def _layout(layer: Layer) -> str:
    """What the axes of the weights are, for a reader."""
    if layer.executed.unit is Unit.DSP:
        if layer.family is Family.DEPTHWISE:
            return "[out_c / 4][kh][kw], channels 0 2 and 1 3 as 16 bits each"
        return "[out_c / 4][inputs / 4][4], halves 256 * odd + even channel"
    if layer.family in _BLOCKS:
        taps = "[kh][kw]" if layer.family is Family.CONV else ""
        if layer.executed.unit is Unit.THUMB1:
            return f"[out_c / 8]{taps}[in_c][8], 128 added"
        return f"[out_c / 4]{taps}[in_c][4]"
    if layer.family is Family.CONV_GROUPED:
        return "[out_c][kh][kw][in_c / groups]"
    return "[1][kh][kw][out_c]"


def _channel_array(layer: Layer) -> ArrayDef:
    """Bias, multiplier and shift of each channel, in the way that the kernel's unit holds them."""
    biases = folded_bias(layer)
    scales = [(m.m, -m.shift) for m in conv_multipliers(layer.graph, layer.node)]
    ctype, comment = "mcucc_channel_t", "bias - zero_point * sum(w), multiplier, right shift"
    if layer.executed.unit is Unit.DSP:
        ctype, comment = "mcucc_channel_dsp_t", f"{comment}: mcucc_requantize_dsp.h"
        scales = [dsp_scale(m, right) for m, right in scales]
        if layer.family is not Family.DEPTHWISE:
            biases = paired_biases(biases)
    rows = [
        f"{{{c_int(bias)}, {c_int(m)}, {right}}},"
        for bias, (m, right) in zip(biases.tolist(), scales, strict=True)
    ]
    if layer.executed.unit is Unit.DSP or layer.family in _BLOCKS:
        at_a_time = EIGHT if layer.executed.unit is Unit.THUMB1 else FOUR
        rows += ["{0, 0, 1},"] * (-len(rows) % at_a_time)
    comment = f"{layer.node.name}: {{{comment}}} per channel"
    return ArrayDef(f"{layer.ident}_channels", ctype, len(rows), tuple(rows), comment)


def folded_bias(layer: Layer) -> NDArray[np.int64]:
    """The bias less the input's zero point times the sum of each channel's weights."""
    weights = layer.graph.const(layer.node.inputs[1]).data.astype(np.int64)
    bias = layer.graph.const(layer.node.inputs[2]).data.astype(np.int64)
    if isinstance(layer.node.op, DepthwiseConv2D):
        sums = weights.reshape(-1, weights.shape[-1]).sum(axis=0)
    else:
        sums = weights.reshape(weights.shape[0], -1).sum(axis=1)
    return bias - layer.x.q.zero_point * sums
