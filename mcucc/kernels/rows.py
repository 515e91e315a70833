"""Which kernel executes a node row by row."""

from mcucc.kernels.kernel import Family, Kernel, Shape
from mcucc.ops import AveragePool2D, Int8Graph, Int8Node, Mean


def row_kernel(graph: Int8Graph, node: Int8Node, kernel: Kernel | None) -> Kernel | None:
    """The kernel that makes a node's output from rows, None if it needs whole tensors.

    A mean or an average over a whole map becomes a reduction: its sums need four bytes a channel,
    the map that it reads need not be held.

    Args:
        graph: the network.
        node: what is computed.
        kernel: what computes its whole tensor; None for a reshape, which has no rows of its own.
    """
    if kernel is None:
        return None
    rows, pixels, _ = graph.type_of(node.inputs[0]).hwc
    match node.op:
        case Mean() if graph.tensors[node.output].hwc[:2] == (1, 1) and rows > 1:
            return Kernel(Family.MEAN_ROWS)
        case AveragePool2D() if node.op.kernel == (rows, pixels) and rows > 1:
            return None if any(node.op.pads) else Kernel(Family.AVERAGE_ROWS)
        case _:
            return kernel if kernel.shape in (Shape.WINDOW, Shape.PIXELS) else None
