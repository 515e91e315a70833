"""Lowering rules for DepthToSpace and SpaceToDepth: blocks of pixels as channels."""

from collections.abc import Mapping

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.maps import MapInput, on_map
from mcucc.importer.layout.view import View
from mcucc.importer.rules.rule import Rule
from mcucc.importer.values import RefusalError
from mcucc.importer.walk import Walk
from mcucc.ir import Shape
from mcucc.ops.movement import FloatConcat, FloatReshape, FloatSlice, FloatTranspose


def lower_depth_to_space(walk: Walk, node: OnnxNode) -> View:
    """DepthToSpace: channels (row, column, c) of a pixel become a block of pixels.

    In mode CRD they are (c, row, column), and are put into that order first.
    """
    x, size = on_map(walk, node), node.int("blocksize", 0)
    _, channels, rows, columns = x.shape
    if x.onnx_rank != 4 or size < 1 or channels % (size * size):
        raise _refusal(x, size)
    kept, tensor = channels // (size * size), x.tensor
    if node.string("mode", "DCR") == "CRD" and size > 1:
        pixels = (1, rows * columns, kept, size * size)
        tensor = walk.emit(node, FloatReshape(pixels), (tensor,), f"{node.outputs[0]}.pixels")
        op = FloatTranspose((0, 1, 3, 2))
        tensor = walk.emit(node, op, (tensor,), f"{node.outputs[0]}.ordered")
        whole = FloatReshape((1, rows, columns, channels))
        tensor = walk.emit(node, whole, (tensor,), f"{node.outputs[0]}.whole")
    made = to_space(walk, node, tensor, (size, size), None)
    return x.result(made, (1, kept, rows * size, columns * size))


def to_space(
    walk: Walk, node: OnnxNode, tensor: str, block: tuple[int, int], name: str | None
) -> str:
    """Make blocks of pixels of the channels (row, column, c) of each.

    Args:
        walk: the state.
        node: gives the values their names.
        tensor: inner value [1, H, W, rows * columns * C].
        block: rows, columns.
        name: of the inner value [1, H * rows, W * columns, C]; None for the node's own.
    """
    _, height, width, channels = walk.type_of(tensor).shape
    rows, columns = block
    row = channels // rows
    shape = (1, height * rows, width * columns, row // columns)
    parts: list[str] = []
    for place in range(rows if rows > 1 else 0):
        op = FloatSlice((0, 0, 0, place * row), (1, height, width, row))
        part = walk.emit(node, op, (tensor,), f"{node.outputs[0]}.part")
        line = FloatReshape((1, height, 1, width * row))
        parts.append(walk.emit(node, line, (part,), f"{node.outputs[0]}.line"))
    if parts:
        tensor = walk.emit(node, FloatConcat(), parts, f"{node.outputs[0]}.lines")
    return walk.emit(node, FloatReshape(shape), (tensor,), name)


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
    height, width, line = rows // size, columns // size, columns * channels
    made: Shape = (1, height, width, size * size * channels)
    name = f"{node.outputs[0]}.rows"
    tensor = walk.emit(node, FloatReshape((1, height, size, line)), (x.tensor,), name)
    parts: list[str] = []
    for place in range(size):
        op = FloatSlice((0, 0, place, 0), (1, height, 1, line))
        part = walk.emit(node, op, (tensor,), f"{node.outputs[0]}.part")
        pixels = FloatReshape((1, height, width, size * channels))
        parts.append(walk.emit(node, pixels, (part,), f"{node.outputs[0]}.pixels"))
    return x.result(walk.emit(node, FloatConcat(), parts), (1, made[3], height, width))


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
