"""Which layers have a kernel for the DSP extension."""

import math
from dataclasses import replace

import numpy as np

from mcucc.kernels.kernel import Family, Kernel, Unit
from mcucc.kernels.packing import FOUR
from mcucc.ops import Conv2D, DepthwiseConv2D, FullyConnected, Int8Graph, Int8Node
from mcucc.reference.fixed_point import RequantClass
from mcucc.reference.parameters import max_abs_accumulator

_QUADS = (Family.CONV, Family.POINTWISE, Family.DENSE)
_LARGEST_SUM = 1 << 23
"""The sum of an odd channel must be below this amount: runtime_c/dot/mcucc_dot_dsp.h."""
_PANEL_BYTES = 16
"""Four inputs of two pixels, widened."""
_FEWEST_ODD_PIXELS = 9
"""In a row whose last pixel is made as if it were two."""
_FEWEST_PAIRED_CHANNELS = 6
"""From how many output channels on widening the inputs pays: it costs about 9 instructions for 8
inputs, and saves 4 of 17 for each four channels."""


def dsp_kernel(graph: Int8Graph, node: Int8Node, portable: Kernel) -> Kernel:
    """The kernel of a node for a core with the DSP extension, or the portable one.

    It declines families that have none and the class general; for dot products sums of 2^23 and
    more in odd channels, and weights of -128, which do not fit beside another; depthwise layers of
    fewer than four channels.

    Args:
        graph: the network.
        node: what is computed.
        portable: its kernel in plain C.
    """
    op = node.op
    if not isinstance(op, Conv2D | DepthwiseConv2D | FullyConnected):
        return portable
    if portable.family not in (*_QUADS, Family.DEPTHWISE):
        return portable
    if portable.requant is RequantClass.GENERAL:
        return portable
    if portable.family in _QUADS and not _fits_quads(graph, node):
        return portable
    kernel = replace(portable, unit=Unit.DSP)
    if kernel.family is Family.DEPTHWISE:
        return kernel if graph.type_of(node.inputs[0]).shape[-1] >= FOUR else portable
    kernel = replace(kernel, multiple=_multiple(graph.type_of(node.inputs[0]).shape[-1]))
    return _with_scratch(graph, node, portable, kernel)


def _fits_quads(graph: Int8Graph, node: Int8Node) -> bool:
    weights = graph.const(node.inputs[1]).data
    odd = max_abs_accumulator(graph, node)[1::2]
    return int(weights.min()) > np.iinfo(np.int8).min and max(odd, default=0) < _LARGEST_SUM


def _multiple(channels: int) -> int:
    return next(multiple for multiple in (8, 4, 1) if channels % multiple == 0)


def _has_pairs(graph: Int8Graph, node: Int8Node, kernel: Kernel) -> bool:
    """Whether few pixels are left over: those of a map, or those of each row."""
    rows, pixels, _ = graph.tensors[node.output].hwc
    if kernel.family is Family.POINTWISE:
        return rows * pixels > 1
    return kernel.family is Family.CONV and (pixels % 2 == 0 or pixels >= _FEWEST_ODD_PIXELS)


def _with_scratch(graph: Int8Graph, node: Int8Node, portable: Kernel, kernel: Kernel) -> Kernel:
    """The kernel that makes pixels in pairs if there are any, else the given one."""
    shape = graph.type_of(node.inputs[1]).shape
    fours = -(-math.prod(shape[1:]) // 4)
    # A window of odd pixels is copied to where words can be read from.
    is_odd = kernel.family is Family.CONV and kernel.multiple == 1
    if _has_pairs(graph, node, kernel) and shape[0] >= _FEWEST_PAIRED_CHANNELS:
        size = fours * (_PANEL_BYTES + (2 * 4 if is_odd else 0))
        lean = portable if is_odd else kernel
        return replace(kernel, pairs=True, scratch_bytes=size, without_scratch=lean)
    if is_odd:
        return replace(kernel, scratch_bytes=4 * fours, without_scratch=portable)
    return kernel
