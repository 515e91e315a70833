"""Which layers have a kernel for Helium, the M-profile vector extension."""

from dataclasses import replace

import numpy as np

from mcucc.kernels.kernel import Family, Kernel, Unit
from mcucc.kernels.packing_mve import LANES
from mcucc.ops import Int8Graph, Int8Node

_ALWAYS = frozenset(
    {
        Family.DENSE,
        Family.ADD,
        Family.SUB,
        Family.MUL,
        Family.MUL_CHANNELS,
        Family.AVERAGE_POOL,
        Family.MAX_POOL,
    }
)
"""Families whose kernels take every layer and need no scratch."""

_MOST_TAPS = 64
"""As MCUCC_MOST_TAPS in runtime_c/depthwise/mcucc_depthwise_mve.h."""


def mve_kernel(graph: Int8Graph, node: Int8Node, portable: Kernel, other: Kernel) -> Kernel:
    """The kernel of a node for a core with Helium, or the one that it gets otherwise.

    It declines families that have none; depthwise weights of -128, for two of their products do
    not fit 16 bits; depthwise windows of more than 64 taps. A convolution copies its windows to
    scratch: where there is no room for them, the other kernel takes its place. A pointwise layer
    without scratch runs pixel by pixel.

    Args:
        graph: the network.
        node: what is computed.
        portable: its kernel in plain C.
        other: its kernel for a core without Helium, in plain C or for another unit.
    """
    kernel = replace(portable, unit=Unit.MVE, clamps=False)
    match portable.family:
        case Family.POINTWISE:
            scratch = _patches_bytes(graph, node, kernel)
            return replace(kernel, scratch_bytes=scratch, without_scratch=kernel)
        case Family.CONV:
            scratch = _patches_bytes(graph, node, kernel)
            return replace(kernel, scratch_bytes=scratch, without_scratch=other.lean)
        case Family.DEPTHWISE:
            return kernel if _fits_halves(graph, node, kernel) else other
        case _:
            return kernel if portable.family in _ALWAYS else other


def _fits_halves(graph: Int8Graph, node: Int8Node, kernel: Kernel) -> bool:
    window, weights = kernel.window, graph.const(node.inputs[1]).data
    few = window is None or window.kh * window.kw <= _MOST_TAPS
    return few and int(weights.min()) > np.iinfo(np.int8).min


def _patches_bytes(graph: Int8Graph, node: Int8Node, kernel: Kernel) -> int:
    """The windows of two pixels, each up to a whole vector."""
    window, channels = kernel.window, graph.type_of(node.inputs[0]).hwc[2]
    taps = 1 if window is None else window.kh * window.kw
    return 2 * -(-taps * channels // LANES) * LANES
