"""Lowering rule for Pad."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.layout import Perm, channels_last, identity
from mcucc.importer.layout.view import View, made_by
from mcucc.importer.rules.rule import Rule
from mcucc.importer.values import RefusalError
from mcucc.importer.walk import Walk
from mcucc.ir import Shape
from mcucc.ops import Pads
from mcucc.ops.movement import FloatPad
from mcucc.ops.padding import MIRRORS, Border, FloatMirrorPad, border_rules


def lower_pad(walk: Walk, node: OnnxNode) -> View:
    """Pad of rows and columns with a constant, the map mirrored, or its outermost pixels."""
    x = walk.view(node)
    padding = _arrange_pad(walk, node, x)
    if padding is None:
        return x.named(node)
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


def _arrange_pad(walk: Walk, node: OnnxNode, x: View) -> Padding | None:
    """A Pad of rows and columns, wherever they are among the ONNX axes; None if it adds nothing."""
    mode, ends = node.string("mode", "constant"), _pad_ends(walk, node, len(x.shape))
    value = walk.numbers(node, 2, "value") or (0.0,)
    border: Border | None = next((known for known in MIRRORS if known == mode), None)
    if (mode != "constant" and border is None) or len(x.shape) not in (3, 4):
        raise _bad_pad(node, f"mode {mode}, input {list(x.shape)}")
    if not any(sum(pair) for pair in ends):
        return None
    # A sequence becomes a map of one column.
    rank, shape = len(x.shape), (*x.shape, *(1,) * (4 - len(x.shape)))
    ends = (*ends, *((0, 0),) * (4 - rank))
    wide = x.reshaped(shape)
    perm = next(
        (p for p in (wide.perm, channels_last(4), identity(4)) if _pads_rows(ends, p)), None
    )
    if perm is None:
        raise _bad_pad(node, f"pads (before, after) {[list(e) for e in ends]} of {list(x.shape)}")
    (top, bottom), (left, right) = ends[perm[1]], ends[perm[2]]
    tensor = walk.read(wide, perm, node)
    padded = tuple(n + sum(pair) for n, pair in zip(shape, ends, strict=True))
    return Padding(node, tensor, (top, bottom, left, right), value[0], border, padded, perm, rank)


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
        "Pad must put a border around rows and columns of a map or sequence",
        actual,
        "Use mode constant, reflect or edge, no pads of batch or channels and no negative ones.",
    )


RULES: Mapping[str, Rule] = {"Pad": Rule(lower_pad, wish="same axes", copies=True, numbers=(2,))}
