"""Lowering rule for Pad."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.layout import Perm, channels_last, identity, inner_shape
from mcucc.importer.layout.view import View, made_by
from mcucc.importer.rules.rule import Rule
from mcucc.importer.values import RefusalError
from mcucc.importer.walk import Walk
from mcucc.ir import Shape
from mcucc.ops import Pads
from mcucc.ops.movement import FloatPad
from mcucc.ops.padding import MIRRORS, Border, FloatMirrorPad, FloatPadChannels, border_rules

_MAP_RANK = 4


def lower_pad(walk: Walk, node: OnnxNode) -> View:
    """Pad of rows and columns with a constant, the map mirrored, or its outermost pixels.

    With a constant any axis but the batch may be padded.
    """
    x = walk.view(node)
    ends = _pad_ends(walk, node, len(x.shape))
    if not any(sum(pair) for pair in ends):
        return x.named(node)
    padding = _arrange_pad(walk, node, x, ends)
    if isinstance(padding, View):
        return padding
    if padding.border is None:
        op = FloatPad(padding.pads, padding.value)
        return padding.result(walk.emit(node, op, (padding.tensor,)))
    shape = walk.type_of(padding.tensor).shape
    for rule in border_rules(shape, padding.pads, padding.border):
        raise RefusalError(
            node,
            rule,
            f"pads {list(padding.pads)} of {list(shape[1:3])} rows and columns",
            "Pad less, or in mode edge.",
        )
    mirrored = FloatMirrorPad(padding.pads, padding.border)
    return padding.result(walk.emit(node, mirrored, (padding.tensor,)))


@dataclass(frozen=True)
class Padding:
    """What a Pad of rows and columns reads and makes.

    Attributes:
        node: the ONNX node.
        tensor: inner value with all that is padded along its rows and columns.
        pads: top, bottom, left, right.
        value: what is padded with.
        border: which pixels of the map are, where it is not a value; else None.
        shape: ONNX shape [.., .., .., ..] of the result, a sequence as a map of one column.
        perm: layout of the result.
        rank: of the result in ONNX.
    """

    node: OnnxNode
    tensor: str
    pads: Pads
    value: float
    border: Border | None
    shape: Shape
    perm: Perm
    rank: int

    def result(self, made: str) -> View:
        """The view of what the operator made."""
        return made_by(self.node, made, self.shape, self.perm).reshaped(self.shape[: self.rank])


def _arrange_pad(
    walk: Walk, node: OnnxNode, x: View, ends: tuple[tuple[int, int], ...]
) -> Padding | View:
    """A Pad of rows and columns, wherever they are among the ONNX axes; of others what it makes."""
    mode = node.string("mode", "constant")
    value = walk.numbers(node, 2, "value") or (0.0,)
    border: Border | None = next((known for known in MIRRORS if known == mode), None)
    constant = mode == "constant" and not any(ends[0])
    if constant and len(x.shape) not in (3, 4):
        return _padded(walk, node, x, ends, value[0])
    if (mode != "constant" and border is None) or len(x.shape) not in (3, 4):
        raise _bad_pad(node, f"mode {mode}, input {list(x.shape)}")
    # A sequence becomes a map of one column.
    rank, shape, given = len(x.shape), (*x.shape, *(1,) * (4 - len(x.shape))), ends
    ends = (*ends, *((0, 0),) * (4 - rank))
    wide = x.reshaped(shape)
    usual = identity(4) if walk.model.format == "tflite" else channels_last(4)
    channels = wide.perm == usual and any(ends[usual[-1]])
    layouts = (wide.perm,) if constant and channels else (wide.perm, channels_last(4), identity(4))
    perm = next((p for p in layouts if _pads_rows(ends, p)), None)
    if perm is None and constant:
        return _padded(walk, node, x, given, value[0])
    if perm is None:
        raise _bad_pad(node, f"pads (before, after) {[list(e) for e in ends]} of {list(x.shape)}")
    (top, bottom), (left, right) = ends[perm[1]], ends[perm[2]]
    tensor = walk.read(wide, perm, node)
    padded = tuple(n + sum(pair) for n, pair in zip(shape, ends, strict=True))
    return Padding(node, tensor, (top, bottom, left, right), value[0], border, padded, perm, rank)


def _padded(
    walk: Walk, node: OnnxNode, x: View, ends: Sequence[tuple[int, int]], value: float
) -> View:
    """One number along any axes but the batch."""
    x = walk.in_onnx_order(x, node)
    inner, tensor = inner_shape(x.shape, x.perm), walk.ordered(x, x.perm, node).tensor
    steps = tuple(_steps(inner, [ends[axis] for axis in x.perm], value))
    for number, (op, seen) in enumerate(steps, start=1):
        held = walk.viewed_as(replace(x, tensor=tensor), seen, node)
        name = None if number == len(steps) else f"{x.name}.padded"
        tensor = walk.emit(node, op, (held,), name)
    shape = tuple(n + sum(pair) for n, pair in zip(x.shape, ends, strict=True))
    return made_by(node, tensor, shape, x.perm)


def _steps(
    shape: Shape, ends: Sequence[tuple[int, int]], value: float
) -> Iterator[tuple[FloatPad | FloatPadChannels, Shape]]:
    """Operators that pad the axes of an inner shape, and the shape that each reads."""
    sizes = list(shape)
    if len(sizes) == _MAP_RANK and any((*ends[1], *ends[2])):
        yield FloatPad((*ends[1], *ends[2]), value), shape
        sizes = [n + sum(pair) for n, pair in zip(shape[:-1], ends[:-1], strict=True)] + sizes[-1:]
    for place, pads in enumerate(ends):
        before, behind = math.prod(sizes[:place]), math.prod(sizes[place + 1 :])
        if not any(pads) or (len(sizes) == _MAP_RANK and place < _MAP_RANK - 1):
            continue
        if behind == 1:
            flat = (1, before, 1, sizes[place])
            yield FloatPadChannels(pads, value), tuple(sizes) if len(sizes) == _MAP_RANK else flat
        elif before == 1:
            yield FloatPad((*pads, 0, 0), value), (1, sizes[place], 1, behind)
        else:
            yield FloatPad((0, 0, *pads), value), (1, before, sizes[place], behind)
        sizes[place] += sum(pads)


def _pads_rows(ends: tuple[tuple[int, int], ...], perm: Perm) -> bool:
    """Whether a layout has all that is padded along its rows and columns."""
    return len(perm) == 4 and not any(ends[perm[0]] + ends[perm[3]])


def _pad_ends(walk: Walk, node: OnnxNode, rank: int) -> tuple[tuple[int, int], ...]:
    """(before, after) of each ONNX axis."""
    pads = walk.integers(node, 1, "pads") or ()
    axes = walk.integers(node, 3, "axes")
    named = [a + rank if a < 0 else a for a in (range(rank) if axes is None else axes)]
    whole = len(pads) == 2 * len(named) and len(set(named)) == len(named)
    if not whole or not set(named) <= set(range(rank)) or min(pads, default=0) < 0:
        raise _bad_pad(node, f"pads {list(pads)} of axes {named}")
    given = dict(zip(named, zip(pads, pads[len(named) :], strict=False), strict=True))
    return tuple(given.get(axis, (0, 0)) for axis in range(rank))


def _bad_pad(node: OnnxNode, actual: str) -> RefusalError:
    return RefusalError(
        node,
        "Pad must put numbers around axes, or a border around rows and columns of a map or "
        "sequence",
        actual,
        "Use mode constant, reflect or edge, no pads of batch and no negative ones, and around "
        "channels a constant.",
    )


RULES: Mapping[str, Rule] = {"Pad": Rule(lower_pad, wish="same axes", copies=True, numbers=(2,))}
