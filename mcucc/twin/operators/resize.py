"""Resizes in TensorFlow Lite."""

from collections.abc import Mapping

from mcucc.ops import Int8Node
from mcucc.ops.resize import PickNearest, ResizeBilinear, ResizeNearest
from mcucc.twin.draft import Draft
from mcucc.twin.model import Code
from mcucc.twin.operators.twin import Twin, with_vectors
from mcucc.twin.options import options

RESIZE_BILINEAR = Code(23, 3)
RESIZE_NEAREST_NEIGHBOR = Code(97, 2)


def _resize_nearest(draft: Draft, node: Int8Node, _: ResizeNearest) -> None:
    """With the defaults: neither aligned corners nor pixel centres."""
    size = draft.graph.tensors[node.output].shape[1:3]
    opts = options("ResizeNearestNeighborOptions")
    with_vectors(draft, node, RESIZE_NEAREST_NEIGHBOR, opts, size=size)


def _resize_bilinear(draft: Draft, node: Int8Node, op: ResizeBilinear) -> None:
    opts = options(
        "ResizeBilinearOptions",
        AlignCorners=op.coordinates == "align_corners",
        HalfPixelCenters=op.coordinates == "half_pixel",
    )
    with_vectors(draft, node, RESIZE_BILINEAR, opts, size=op.size)


def _pick_nearest(draft: Draft, node: Int8Node, op: PickNearest) -> None:
    opts = options(
        "ResizeNearestNeighborOptions",
        AlignCorners=op.coordinates == "align_corners",
        HalfPixelCenters=op.coordinates == "half_pixel",
    )
    with_vectors(draft, node, RESIZE_NEAREST_NEIGHBOR, opts, size=op.size)


TWINS: Mapping[type, Twin] = {
    PickNearest: Twin(_pick_nearest),
    ResizeBilinear: Twin(_resize_bilinear, lacks=lambda _graph, _node, op: op.rounds_places),
    ResizeNearest: Twin(_resize_nearest),
}
