"""The padding of sliding windows, which TensorFlow Lite says in three ways.

SAME and VALID where one of them says the same; otherwise an explicit padding operator whose output
exists only in the twin, and then VALID.
"""

from mcucc.ir import Shape
from mcucc.ops import Int8Node, Pads
from mcucc.twin.draft import Draft
from mcucc.twin.model import Code
from mcucc.twin.options import options

PAD = Code(34, 2)
PADV2 = Code(60, 2)
NO_PADS: Pads = (0, 0, 0, 0)


def same_pads(
    shape: Shape,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
) -> Pads:
    """TensorFlow's SAME padding of a map [1, H, W, C]: the odd pixel goes below and right."""
    totals = [
        max(0, (-(-size // step) - 1) * step + gap * (count - 1) + 1 - size)
        for size, count, step, gap in zip(shape[1:3], kernel, stride, dilation, strict=True)
    ]
    rows, columns = totals
    return (rows // 2, rows - rows // 2, columns // 2, columns - columns // 2)


def append_pad(draft: Draft, node: Int8Node, pads: Pads, output: int) -> None:
    """Append a PAD of a node's first input with its zero point."""
    inputs = (draft.value(node.inputs[0]), paddings(draft, node, pads))
    draft.operator(PAD, inputs, output, options("PadOptions"))


def is_same(pads: Pads, same: Pads) -> bool:
    """Whether SAME is to be written; where nothing is padded VALID is."""
    return pads != NO_PADS and pads == same


def padded_shape(shape: Shape, pads: Pads) -> Shape:
    """The shape of a map [1, H, W, C] with a border."""
    _, height, width, channels = shape
    top, bottom, left, right = pads
    return (1, top + height + bottom, left + width + right, channels)


def paddings(draft: Draft, node: Int8Node, pads: Pads) -> int:
    """Index of the constant that says a border: (before, after) of each axis."""
    return draft.int32_matrix("paddings", node, (0, 0, *pads, 0, 0), (4, 2))
