"""Axes of ONNX attributes and of layouts."""

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.layout import Perm
from mcucc.importer.values import RefusalError


def axis_of(node: OnnxNode, axis: int, rank: int) -> int:
    """An axis as a number from 0 on; negative ones count from the end.

    Raises:
        RefusalError: the input has no such axis.
    """
    if not -rank <= axis < rank:
        raise RefusalError(
            node, "axis must be one of its input's", f"axis {axis} of rank {rank}", "Correct it."
        )
    return axis % rank


def moved_last(perm: Perm, axis: int) -> Perm:
    """The layout with an axis moved to the end, if it is not there."""
    return (*(a for a in perm if a != axis), axis)
