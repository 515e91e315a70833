"""Lowering rules for operators that move or rename values, and compute nothing."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.layout import Perm, channels_last, fold_axes, identity, inner_shape
from mcucc.importer.layout.view import View, made_by
from mcucc.importer.rules.axes import axis_of
from mcucc.importer.rules.rule import Rule
from mcucc.importer.values import Constant, RefusalError, Refused, Symbol, Weights
from mcucc.importer.walk import FloatArray, Walk
from mcucc.ir import Shape
from mcucc.ops.movement import FloatConcat, FloatSlice
from mcucc.ops.pool import FloatMaxPool2D


def lower_identity(walk: Walk, node: OnnxNode) -> View:
    """Identity, and Dropout, which does nothing at inference."""
    return replace(walk.view(node), name=node.outputs[0])


def lower_reshape(walk: Walk, node: OnnxNode) -> View:
    """Reshape, Flatten, Squeeze, Unsqueeze: another view of the same bytes."""
    x, target = walk.view(node), walk.shapes.get(node.outputs[0])
    if target is None or math.prod(target) != math.prod(x.shape):
        raise RefusalError(
            node,
            "the target of a reshape must be constant and have as many elements as its input",
            f"{list(x.shape)} to {'an unknown shape' if target is None else list(target)}",
            "Export with constant shapes and a fixed batch of 1.",
        )
    return x.reshaped(target).named(node)


def lower_transpose(walk: Walk, node: OnnxNode) -> View:
    """Transpose: the layout changes, no byte moves."""
    x = walk.view(node)
    axes = node.ints("perm", tuple(reversed(range(len(x.shape)))))
    if sorted(axes) != list(range(len(x.shape))):
        raise RefusalError(
            node, "perm must be an order of the axes", f"{list(axes)}", "Check the exporter."
        )
    turned = x.transposed_in_parts(axes) if x.scrambled else None
    if turned is None:
        turned = walk.in_onnx_order(x, node).transposed(axes)
    return turned.named(node)


def lower_concat(walk: Walk, node: OnnxNode) -> View:
    """Concat along any axis, of values and constants."""
    if len(node.inputs) == 1:
        return walk.view(node).named(node)
    return joined(walk, node, [_part(walk, node, i) for i in range(len(node.inputs))])


def _part(walk: Walk, node: OnnxNode, index: int) -> View | FloatArray:
    """An input of a Concat: a value, or a constant."""
    found = walk.symbol(node, index)
    if isinstance(found, Constant | Weights):
        return walk.constant(node, index, "it")
    return walk.in_onnx_order(walk.view(node, index), node)


def joined(
    walk: Walk, node: OnnxNode, parts: Sequence[View | FloatArray], name: str | None = None
) -> View:
    """Parts joined along the axis of a Concat, under a name; None for the node's own."""
    views = [part for part in parts if isinstance(part, View)]
    if not views:
        walk.view(node)  # which refuses
    rank = len(views[0].shape)
    axis = axis_of(node, node.int("axis", 1), rank)
    _check_concat(node, parts, axis)
    total = sum(part.shape[axis] for part in parts)
    shape = tuple(total if a == axis else n for a, n in enumerate(views[0].shape))
    perm = _common_layout(views)
    place = perm.index(axis)
    rows = len(perm) == _LARGEST_RANK and place == 1 and shape[perm[0]] == 1
    tensors = [_as_columns(walk, node, part, perm, place + rows) for part in parts]
    tensor = walk.emit(node, FloatConcat(rows), tensors, name)
    made = made_by(node, tensor, shape, perm)
    return made if name is None else replace(made, name=tensor)


def _as_columns(walk: Walk, node: OnnxNode, part: View | FloatArray, perm: Perm, place: int) -> str:
    """A part of a Concat with all axes from a place of its layout on as the last one.

    From there on its bytes stay together: they are the channels of a map of one column, whose rows
    are all that is before. Maps one below the other have as many rows as before.
    """
    inner = inner_shape(part.shape, perm)
    rows = math.prod(inner[:place])
    if place < len(inner) - 1 or len(inner) > _LARGEST_RANK:
        width = math.prod(inner[place:])
        single = rows == 1 and place < 2
        inner = (1, width) if single else (1, rows, 1, width)
    if isinstance(part, View):
        return walk.viewed_as(walk.ordered(part, perm, node), inner, node)
    data = np.ascontiguousarray(part.transpose(perm)).reshape(inner)
    return walk.add_const(f"{node.name}.part", data)


def _common_layout(views: Sequence[View]) -> Perm:
    """Channels last if an input has it, else the layout of the first."""
    usual = channels_last(len(views[0].shape))
    return usual if any(view.perm == usual for view in views) else views[0].perm


def _check_concat(node: OnnxNode, views: Sequence[View | FloatArray], axis: int) -> None:
    others = {(*view.shape[:axis], *view.shape[axis + 1 :]) for view in views}
    if len(others) > 1 or any(len(view.shape) != len(views[0].shape) for view in views):
        raise RefusalError(
            node,
            "the inputs of Concat must have equal sizes along all other axes",
            f"{[list(view.shape) for view in views]} along axis {axis}",
            "Check the exporter.",
        )


def lower_slice(walk: Walk, node: OnnxNode) -> View:
    """Slice forward, in steps along rows and columns of some layout, or backward along one axis."""
    x = walk.view(node)
    ranges, steps = _slice_ranges(walk, node, x.shape)
    if set(steps) == {1}:
        return _block(walk, node, x, ranges)
    back = [axis for axis, step in enumerate(steps) if step < 0]
    first_last = [(0, n) if axis in back else ranges[axis] for axis, n in enumerate(x.shape)]
    whole = all(r == (0, n) for r, n in zip(first_last, x.shape, strict=True))
    name = f"{node.outputs[0]}.block"
    block = x if whole else replace(_block(walk, node, x, first_last, name), name=name)
    if not back:
        return _stepped(walk, node, block, steps)
    if len(back) > 1 or any(step > 1 for step in steps):
        raise _bad_slice(node, f"steps {list(steps)} of {list(x.shape)}")
    (axis,) = back
    return _taken(walk, node, block, axis, range(*ranges[axis], steps[axis]))


def _slice_ranges(
    walk: Walk, node: OnnxNode, shape: Shape
) -> tuple[Sequence[tuple[int, int]], Sequence[int]]:
    """(first, last + 1) of what a Slice takes along each ONNX axis, and its steps.

    Where a step is negative, (first, last - 1).
    """
    starts, ends = (walk.integers(node, 1, "starts") or ()), (walk.integers(node, 2, "ends") or ())
    axes = walk.integers(node, 3, "axes") or tuple(range(len(starts)))
    steps = walk.integers(node, 4, "steps") or (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise _bad_slice(
            node,
            f"starts {list(starts)}, ends {list(ends)}, axes {list(axes)}, steps {list(steps)}",
        )
    ranges, strides = [(0, n) for n in shape], [1] * len(shape)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        place = axis_of(node, axis, len(shape))
        first, last, _ = slice(start, end, step).indices(shape[place])
        ranges[place] = (first, last)
        strides[place] = step if step < 0 or last - first > 1 else 1
    return ranges, strides


def _bad_slice(node: OnnxNode, actual: str) -> RefusalError:
    return RefusalError(
        node,
        "a Slice must go forward, in steps along two adjacent axes at most, or backward along one",
        actual,
        "Use contiguous slices along the others, each step in a Slice of its own.",
    )


def _stepped(walk: Walk, node: OnnxNode, x: View, steps: Sequence[int]) -> View:
    """Every so many rows and columns: a pool of windows of one pixel copies them."""
    x = walk.in_onnx_order(x, node)
    if len(x.shape) > _LARGEST_RANK:
        return _stepped_in_turn(walk, node, x, steps)
    rank, shape = len(x.shape), (*x.shape, *(1,) * (4 - len(x.shape)))
    strides, wide = (*steps, *(1,) * (4 - rank)), x.reshaped(shape)
    layouts = (wide.perm, channels_last(4), identity(4))
    perm = next((p for p in layouts if len(p) == 4 and strides[p[0]] == strides[p[3]] == 1), None)
    if perm is None:
        raise _bad_slice(node, f"steps {list(steps)} of {list(x.shape)}")
    op = FloatMaxPool2D((1, 1), (strides[perm[1]], strides[perm[2]]))
    made = walk.emit(node, op, (walk.read(wide, perm, node),))
    taken = tuple(-(-n // step) for n, step in zip(shape, strides, strict=True))
    return made_by(node, made, taken, perm).reshaped(taken[:rank])


def _stepped_in_turn(walk: Walk, node: OnnxNode, x: View, steps: Sequence[int]) -> View:
    """The same of a value of many axes: each that has steps as the columns of a map."""
    sizes, tensor = list(inner_shape(x.shape, x.perm)), x.tensor
    left = [place for place, axis in enumerate(x.perm) if steps[axis] > 1]
    for place in left:
        step = steps[x.perm[place]]
        columns = (1, math.prod(sizes[:place]), sizes[place], math.prod(sizes[place + 1 :]))
        held = walk.viewed_as(replace(x, tensor=tensor), columns, node)
        name = None if place == left[-1] else f"{x.name}.stepped"
        tensor = walk.emit(node, FloatMaxPool2D((1, 1), (1, step)), (held,), name)
        sizes[place] = -(-sizes[place] // step)
    taken = tuple(-(-n // step) for n, step in zip(x.shape, steps, strict=True))
    return made_by(node, tensor, taken, x.perm)


def lower_split(walk: Walk, node: OnnxNode) -> tuple[Symbol, ...]:
    """Split: a Slice for each output that somebody reads."""
    x = walk.view(node)
    axis = axis_of(node, node.int("axis", 0), len(x.shape))
    sizes = _parts(walk, node, x.shape[axis])
    if sum(sizes) != x.shape[axis] or len(sizes) != len(node.outputs) or min(sizes) < 0:
        raise RefusalError(
            node,
            "the parts of a Split must make up its input, one for each output",
            f"{len(node.outputs)} outputs, {list(sizes)} of {list(x.shape)} along axis {axis}",
            "Check the exporter.",
        )
    made: list[Symbol] = []
    for place, (name, size) in enumerate(zip(node.outputs, sizes, strict=True)):
        ranges, first = [(0, n) for n in x.shape], sum(sizes[:place])
        ranges[axis] = (first, first + size)
        part = replace(node, outputs=(name,))
        made.append(_block(walk, part, x, ranges) if walk.is_read(name) else Refused())
    return tuple(made)


def _parts(walk: Walk, node: OnnxNode, length: int) -> tuple[int, ...]:
    """The sizes of the outputs: given, or equal but for a last one that may be smaller."""
    given = walk.integers(node, 1, "split")
    if given:
        return given
    count = node.int("num_outputs", len(node.outputs))
    size = -(-length // max(1, count))
    return tuple(min(size, length - size * place) for place in range(count))


def lower_gather(walk: Walk, node: OnnxNode) -> View:
    """Gather by constant indices: a block for each run of adjacent ones, joined."""
    x, indices = walk.view(node), walk.integers(node, 1, "indices") or ()
    axis = axis_of(node, node.int("axis", 0), len(x.shape))
    block = _taken(walk, node, x, axis, indices)
    shape = walk.model.constants[node.inputs[1]].shape
    full = (*x.shape[:axis], *shape, *x.shape[axis + 1 :])
    return block if full == block.shape else block.reshaped(full)


def _taken(walk: Walk, node: OnnxNode, x: View, axis: int, indices: Sequence[int]) -> View:
    """What stands at these places of an axis, in their order."""
    size = x.shape[axis]
    found = [i + size if i < 0 else i for i in indices]
    runs = _runs(found)
    if not 0 < len(runs) <= (_MOST_RUNS if axis else 1) or not 0 <= min(found) <= max(found) < size:
        raise RefusalError(
            node,
            f"a {node.op} must take what is there, in at most {_MOST_RUNS} runs of neighbors",
            f"{len(runs)} runs, indices {list(indices)[:_SHOWN]} of {list(x.shape)}, axis {axis}",
            "Use contiguous slices.",
        )
    parts: list[View] = []
    for place, (first, end) in enumerate(runs):
        ranges = [(0, n) for n in x.shape]
        ranges[axis] = (first, end)
        name = f"{node.outputs[0]}.run_{place}" if len(runs) > 1 else None
        part = _block(walk, node, x, ranges, name)
        parts.append(part if name is None else replace(part, name=name))
    block = parts[0]
    if len(parts) > 1:
        block = joined(walk, replace(node, op="Concat", attributes={"axis": axis}), parts)
    return block


_MOST_RUNS, _SHOWN, _LARGEST_RANK = 64, 8, 4


def _runs(indices: Sequence[int]) -> Sequence[tuple[int, int]]:
    """Adjacent indices in order as (first, last + 1)."""
    runs: list[tuple[int, int]] = []
    for index in indices:
        if runs and runs[-1][1] == index:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return runs


def _block(
    walk: Walk,
    node: OnnxNode,
    x: View,
    ranges: Sequence[tuple[int, int]],
    name: str | None = None,
) -> View:
    x = walk.in_onnx_order(x, node)
    shape = tuple(last - first for first, last in ranges)
    if min(shape) < 1:
        raise RefusalError(
            node,
            "a slice must not be empty",
            f"{[list(r) for r in ranges]} of {list(x.shape)}",
            "Check the exporter.",
        )
    if shape == x.shape:
        return x.named(node)
    if len(shape) <= _LARGEST_RANK and x.shape[x.perm[0]] == 1:
        starts = tuple(ranges[axis][0] for axis in x.perm)
        op = FloatSlice(starts, inner_shape(shape, x.perm))
        tensor = walk.emit(node, op, (walk.read(x, x.perm, node),), name)
    else:
        tensor = _cut(walk, node, x, ranges, name)
    return made_by(node, tensor, shape, x.perm)


def _cut(
    walk: Walk, node: OnnxNode, x: View, ranges: Sequence[tuple[int, int]], name: str | None
) -> str:
    """A block of a value of many axes, or without a batch: as many are cut at a time as can be."""
    ends = [ranges[axis] for axis in x.perm]
    sizes = list(inner_shape(x.shape, x.perm))
    left = [place for place, (first, last) in enumerate(ends) if last - first < sizes[place]]
    tensor = x.tensor
    while left:
        count = next(n for n in (3, 2, 1) if len(fold_axes(sizes, left[:n])[0]) <= _LARGEST_RANK)
        cut, left = left[:count], left[count:]
        folded, places = fold_axes(sizes, cut)
        starts, block = [0] * len(folded), list(folded)
        for place in cut:
            first, last = ends[place]
            starts[places[place]], block[places[place]] = first, last - first
            sizes[place] = last - first
        tensor = walk.viewed_as(replace(x, tensor=tensor), folded, node)
        op = FloatSlice(tuple(starts), tuple(block))
        tensor = walk.emit(node, op, (tensor,), f"{x.name}.cut" if left else name)
    return tensor


_RENAMES = Rule(lower_reshape, wish="renames", copies=True, turns=True)
_PASSES = Rule(lower_identity, wish="any", copies=True, turns=True)

RULES: Mapping[str, Rule] = {
    "Concat": Rule(lower_concat, wish="same axes", copies=True),
    "Dropout": _PASSES,
    "Flatten": _RENAMES,
    "Gather": Rule(lower_gather, wish="none", copies=True),
    "Identity": _PASSES,
    "Reshape": _RENAMES,
    "Slice": Rule(lower_slice, wish="same axes", copies=True),
    "Split": Rule(lower_split, wish="same axes", copies=True, splits=True),
    "Squeeze": _RENAMES,
    "Transpose": Rule(lower_transpose, wish="transposes", copies=True, turns=True),
    "Unsqueeze": _RENAMES,
}
