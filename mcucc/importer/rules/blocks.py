"""Lowering rules for DepthToSpace and SpaceToDepth: blocks of pixels as channels."""

from collections.abc import Mapping

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.maps import MapInput, on_map
from mcucc.importer.layout.view import View
from mcucc.importer.rules.rule import Rule
from mcucc.importer.values import RefusalError
from mcucc.importer.walk import Walk
from mcucc.ops.movement import (
    FloatDepthToSpace,
    FloatReshape,
    FloatSpaceToDepth,
    Mode,
    spread,
)


def lower_depth_to_space(walk: Walk, node: OnnxNode) -> View:
    """DepthToSpace: channels (row, column, c), or (c, row, column), as blocks of pixels."""
    x, size = on_map(walk, node), node.int("blocksize", 0)
    _, channels, rows, columns = x.shape
    if x.onnx_rank != 4 or size < 1 or channels % (size * size):
        raise _refusal(x, size)
    mode = "CRD" if node.string("mode", "DCR") == "CRD" else "DCR"
    made = to_space(walk, node, x.tensor, (size, size), None, mode)
    return x.result(made, (1, channels // (size * size), rows * size, columns * size))


def to_space(
    walk: Walk,
    node: OnnxNode,
    tensor: str,
    block: tuple[int, int],
    name: str | None,
    mode: Mode = "DCR",
) -> str:
    """Make blocks of pixels of the channels of each.

    Args:
        walk: the state.
        node: gives the value its name.
        tensor: inner value [1, H, W, rows * columns * C].
        block: rows, columns.
        name: of the inner value [1, H * rows, W * columns, C]; None for the node's own.
        mode: the order of the channels.
    """
    shape = walk.type_of(tensor).shape
    if block[0] == 1 and mode == "DCR":  # no byte moves
        return walk.emit(node, FloatReshape(spread(shape, block)), (tensor,), name)
    return walk.emit(node, FloatDepthToSpace(block, mode), (tensor,), name)


def lower_space_to_depth(walk: Walk, node: OnnxNode) -> View:
    """SpaceToDepth: each block of pixels becomes one, its channels (row, column, c)."""
    x, size = on_map(walk, node), node.int("blocksize", 0)
    _, channels, rows, columns = x.shape
    if x.onnx_rank != 4 or size < 1 or rows % size or columns % size:
        raise _refusal(x, size)
    if node.string("mode", "DCR") != "DCR":
        raise RefusalError(
            node,
            "the mode of SpaceToDepth must be DCR",
            node.string("mode", "DCR"),
            "Export with operator set 27 or older, or transpose the channels.",
        )
    made = walk.emit(node, FloatSpaceToDepth((size, size)), (x.tensor,))
    return x.result(made, (1, channels * size * size, rows // size, columns // size))


def _refusal(x: MapInput, size: int) -> RefusalError:
    return RefusalError(
        x.node,
        "blocks of pixels must make up a map, and their squares its channels",
        f"blocksize {size} of {list(x.shape[: x.onnx_rank])}",
        "Check the exporter.",
    )


RULES: Mapping[str, Rule] = {
    "DepthToSpace": Rule(lower_depth_to_space, copies=True),
    "SpaceToDepth": Rule(lower_space_to_depth, copies=True),
}
