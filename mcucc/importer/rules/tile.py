"""Lowering rules for activations that are repeated."""

import math
from collections.abc import Mapping, Sequence

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.view import View, made_by
from mcucc.importer.rules.rule import Rule
from mcucc.importer.values import RefusalError
from mcucc.importer.walk import Walk
from mcucc.ops.movement import FloatReshape
from mcucc.ops.resize import FloatResizeNearest


def lower_expand(walk: Walk, node: OnnxNode) -> View:
    """Expand: axes of one element are repeated."""
    x, target = walk.view(node), walk.integers(node, 1, "shape") or ()
    rank = max(len(x.shape), len(target))
    old, new = ((*(1,) * (rank - len(s)), *s) for s in (x.shape, target))
    if any(n not in (1, wanted) and wanted != 1 for n, wanted in zip(old, new, strict=True)):
        raise RefusalError(
            node,
            "an Expand must repeat axes of one element",
            f"{list(x.shape)} to {list(target)}",
            "Check the exporter.",
        )
    counts = [wanted if n == 1 else 1 for n, wanted in zip(old, new, strict=True)]
    return _repeated(walk, node, x.reshaped(old), counts)


def lower_tile(walk: Walk, node: OnnxNode) -> View:
    """Tile by constant numbers of repeats."""
    x, counts = walk.view(node), walk.integers(node, 1, "repeats") or ()
    if len(counts) != len(x.shape) or min(counts) < 1:
        raise RefusalError(
            node,
            "there must be a positive number of repeats for each axis",
            f"{list(counts)} of {list(x.shape)}",
            "Check the exporter.",
        )
    return _repeated(walk, node, x, counts)


def _repeated(walk: Walk, node: OnnxNode, x: View, counts: Sequence[int]) -> View:
    """A value again and again along its axes: each time one pixel of a column is repeated."""
    if set(counts) == {1}:
        return x.named(node)
    x = walk.in_onnx_order(x, node)
    name, shape = walk.ordered(x, x.perm, node).tensor, [x.shape[axis] for axis in x.perm]
    turns = [(place, counts[axis]) for place, axis in enumerate(x.perm) if counts[axis] > 1]
    for place, count in turns:
        column = (1, math.prod(shape[:place]), 1, math.prod(shape[place:]))
        held = walk.emit(node, FloatReshape(column), (name,), f"{x.name}.column")
        made = walk.emit(node, FloatResizeNearest((1, count)), (held,), f"{x.name}.repeated")
        shape[place] *= count
        last = (place, count) == turns[-1]
        output = None if last else f"{x.name}.tiled"
        inner = tuple(shape) if len(shape) <= 4 else (1, math.prod(shape))
        name = walk.emit(node, FloatReshape(inner), (made,), output)
    full = tuple(n * count for n, count in zip(x.shape, counts, strict=True))
    return made_by(node, name, full, x.perm)


RULES: Mapping[str, Rule] = {
    "Expand": Rule(lower_expand, wish="onnx", copies=True),
    "Tile": Rule(lower_tile, wish="onnx", copies=True),
}
