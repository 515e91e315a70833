"""The attributes of sliding windows, which convolutions and pools share."""

from dataclasses import dataclass

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.values import RefusalError
from mcucc.ir import Shape
from mcucc.ops import Pads
from mcucc.ops.conv import window_output

Pair = tuple[int, int]
"""Rows, columns."""

_ATTRIBUTE_LIMIT = 1 << 15
"""Larger strides, dilations, pads and kernels mean nothing on a microcontroller."""


@dataclass(frozen=True)
class Window:
    """A sliding window over a map, its padding resolved.

    Attributes:
        kernel: taps.
        stride: pixels from one output to the next.
        dilation: pixels from one tap to the next.
        pads: top, bottom, left, right.
        output: output rows and columns, each at least 1.
    """

    kernel: Pair
    stride: Pair
    dilation: Pair
    pads: Pads
    output: Pair


def read_window(node: OnnxNode, shape: Shape, kernel: Pair | None = None) -> Window:
    """The window of a convolution or pool.

    Args:
        node: its attributes `kernel_shape`, `strides`, `dilations`, `pads` (ONNX order: top, left,
            bottom, right) and `auto_pad` are read.
        shape: ONNX shape [1, C, H, W] of the input.
        kernel: taps of the weights; None if `kernel_shape` alone says them.

    Raises:
        RefusalError: an attribute has the wrong length or an impossible value, or the window does
            not fit into the padded map.
    """
    taps = _pair(node, "kernel_shape", kernel or (0, 0))
    if kernel is not None and taps != kernel:
        raise RefusalError(
            node,
            "kernel_shape must be the shape of the weights",
            f"kernel_shape {list(taps)}, weights {list(kernel)}",
            "Leave kernel_shape out, or correct it.",
        )
    stride, dilation = _pair(node, "strides", (1, 1)), _pair(node, "dilations", (1, 1))
    pads = _pads(node, shape, taps, stride, dilation)
    rows, columns = (
        window_output(shape[2 + i], taps[i], stride[i], dilation[i], sum(pads[2 * i : 2 * i + 2]))
        for i in (0, 1)
    )
    if min(rows, columns) < 1:
        raise RefusalError(
            node,
            "the window must fit into the padded map",
            f"kernel {list(taps)}, dilations {list(dilation)} on a map of "
            f"{list(shape[2:])} with pads {list(pads)} (top, bottom, left, right)",
            "Use a larger input or a smaller kernel.",
        )
    return Window(taps, stride, dilation, pads, (rows, columns))


def _pair(node: OnnxNode, name: str, default: Pair) -> Pair:
    rows, columns = _checked(node, name, default, smallest=1)
    return rows, columns


def _checked(node: OnnxNode, name: str, default: tuple[int, ...], smallest: int) -> tuple[int, ...]:
    values = node.ints(name, default)
    if len(values) != len(default) or not all(smallest <= v < _ATTRIBUTE_LIMIT for v in values):
        raise RefusalError(
            node,
            f"{name} must be {len(default)} integers from {smallest} to {_ATTRIBUTE_LIMIT - 1}",
            f"{name} {list(values)}",
            "Correct the attribute in the model.",
        )
    return values


def _pads(node: OnnxNode, shape: Shape, kernel: Pair, stride: Pair, dilation: Pair) -> Pads:
    """Pads (top, bottom, left, right) with auto_pad resolved."""
    mode = node.string("auto_pad", "NOTSET")
    if mode == "VALID":
        return (0, 0, 0, 0)
    if mode == "NOTSET":
        top, left, bottom, right = _checked(node, "pads", (0, 0, 0, 0), smallest=0)
        return (top, bottom, left, right)
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise RefusalError(
            node,
            "auto_pad must be NOTSET, VALID, SAME_UPPER or SAME_LOWER",
            f"auto_pad {mode}",
            "Correct the attribute in the model.",
        )
    pads: list[int] = []
    for axis in (0, 1):
        span = dilation[axis] * (kernel[axis] - 1) + 1
        small, large = same_pads(shape[2 + axis], span, stride[axis])
        pads += [small, large] if mode == "SAME_UPPER" else [large, small]
    return (pads[0], pads[1], pads[2], pads[3])


def same_pads(size: int, span: int, stride: int) -> Pair:
    """TensorFlow Lite's SAME padding of one axis (before, after): the odd pixel goes after.

    Args:
        size: of the map.
        span: of the window, dilation included.
        stride: of the window.
    """
    total = max(0, (-(-size // stride) - 1) * stride + span - size)
    return total // 2, total - total // 2
