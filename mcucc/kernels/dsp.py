"""Which layers have a kernel for the DSP extension."""

from dataclasses import replace

import numpy as np

from mcucc.kernels.kernel import Family, Kernel, Unit
from mcucc.ops import Conv2D, DepthwiseConv2D, FullyConnected, Int8Graph, Int8Node
from mcucc.reference.parameters import max_abs_partial_sum

_PAIRED = (Family.CONV, Family.POINTWISE, Family.DENSE)
_LARGEST_PAIRED_SUM = 1 << 23
"""A sum that shares a word with another must be below this amount: runtime_c/mcucc_dot_dsp.h."""


def dsp_kernel(graph: Int8Graph, node: Int8Node, portable: Kernel) -> Kernel:
    """The kernel of a node for a core with the DSP extension, or the portable one.

    It declines families that have none, sums of 2^23 and more, and weights of -128, which do not
    fit beside another.

    Args:
        graph: the network.
        node: what is computed.
        portable: its kernel in plain C.
    """
    op = node.op
    if not isinstance(op, Conv2D | DepthwiseConv2D | FullyConnected):
        return portable
    if portable.family not in (*_PAIRED, Family.DEPTHWISE):
        return portable
    if portable.family in _PAIRED and not _fits_pairs(graph, node):
        return portable
    kernel = replace(portable, unit=Unit.DSP)
    scratch = _patch_bytes(graph, node, kernel)
    return replace(kernel, scratch_bytes=scratch, without_scratch=portable) if scratch else kernel


def _fits_pairs(graph: Int8Graph, node: Int8Node) -> bool:
    weights = graph.const(node.inputs[1]).data
    sums = max_abs_partial_sum(graph, node)
    return int(weights.min()) > np.iinfo(np.int8).min and max(sums) < _LARGEST_PAIRED_SUM


def _patch_bytes(graph: Int8Graph, node: Int8Node, kernel: Kernel) -> int:
    """A window of odd pixels is copied to where words can be read from."""
    window, channels = kernel.window, graph.type_of(node.inputs[0]).hwc[2]
    if kernel.family is not Family.CONV or window is None or channels % 4 == 0:
        return 0
    return -(-window.kh * window.kw * channels // 4) * 4
