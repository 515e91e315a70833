"""Which layers have a kernel for cores with 16-bit Thumb instructions only."""

from dataclasses import replace

from mcucc.kernels.kernel import Family, Kernel, Unit
from mcucc.ops import Conv2D, FullyConnected, Int8Graph, Int8Node, clamp_range

_FAMILIES = (Family.CONV, Family.POINTWISE, Family.DENSE)


def thumb1_kernel(graph: Int8Graph, node: Int8Node, portable: Kernel) -> Kernel:
    """The kernel of a node for a core of Armv6-M, or the portable one.

    Args:
        graph: the network.
        node: what is computed.
        portable: its kernel in plain C.
    """
    op = node.op
    if not isinstance(op, Conv2D | FullyConnected) or portable.family not in _FAMILIES:
        return portable
    clamps = clamp_range(op.activation, graph.tensors[node.output].q) != (-128, 127)
    return replace(portable, unit=Unit.THUMB1, clamps=clamps)
