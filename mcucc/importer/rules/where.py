"""Lowering rules for a choice between two values."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.layout import channels_last
from mcucc.importer.layout.view import View, made_by
from mcucc.importer.rules.elementwise import lower_binary
from mcucc.importer.rules.rule import Rule
from mcucc.importer.values import Compared, Constant, RefusalError, Symbol, Weights, describe
from mcucc.importer.walk import Walk
from mcucc.ops import FloatNode
from mcucc.ops.choice import Comparison, FloatPieces, FloatSelect, Piece
from mcucc.ops.elementwise import FloatBinary, FloatClip
from mcucc.ops.unary import FloatUnary

_COMPARISONS: Mapping[str, Comparison] = {
    "Equal": "==",
    "Greater": ">",
    "GreaterOrEqual": ">=",
    "Less": "<",
    "LessOrEqual": "<=",
}
_TURNED: Mapping[Comparison, Comparison] = {
    "==": "==",
    ">": "<",
    ">=": "<=",
    "<": ">",
    "<=": ">=",
}
_LONGEST = 16
"""Functions that one after the other make a piece."""


def lower_comparison(walk: Walk, node: OnnxNode) -> Compared:
    """Equal, Greater, Less and the like of a value and one number; only a Where may read it."""
    found = [walk.symbol(node, index) for index in (0, 1)]
    place = 0 if isinstance(found[0], View) else 1
    view, comparison = found[place], _COMPARISONS[node.op]
    given = isinstance(found[1 - place], Constant | Weights)
    number = walk.numbers(node, 1 - place, "a bound") if given else None
    if not isinstance(view, View) or number is None or len(set(number)) != 1:
        kinds = " and ".join(describe(symbol) for symbol in found)
        raise RefusalError(
            node,
            "a comparison must be of an activation and one number",
            kinds,
            "Leave it to your program, or spell the function out with Relu, Clip, Max or Min.",
        )
    return Compared(view, comparison if place == 0 else _TURNED[comparison], number[0])


def lower_where(walk: Walk, node: OnnxNode) -> View:
    """Where by a constant condition; or between functions of what is compared, or 0 and a / it."""
    condition = walk.symbol(node, 0)
    if isinstance(condition, Constant):
        return _select(walk, node, condition.data.astype(bool))
    if not isinstance(condition, Compared):
        raise RefusalError(
            node,
            "the condition must be constant, or compare an activation with one number",
            describe(condition),
            "Spell the function out with Relu, Clip, Max or Min.",
        )
    guarded = _guarded_quotient(walk, node, condition)
    if guarded is not None:
        return guarded
    x, (chosen, other) = condition.view, (_piece(walk, node, condition.view, i) for i in (1, 2))
    op = FloatPieces(condition.comparison, condition.bound, chosen, other)
    return replace(x, tensor=walk.emit(node, op, (x.tensor,)), name=node.outputs[0])


def _guarded_quotient(walk: Walk, node: OnnxNode, condition: Compared) -> View | None:
    """0 instead of a quotient where its divisor compares so, as TensorFlow's div_no_nan.

    It is the product of the dividend and a function of the divisor that is 0 there: a table.
    """
    for place in (1, 2):
        zero, division = walk.symbol(node, 3 - place), _maker(walk, node.inputs[place])
        if division is None or division.op != "Div" or not _is_zero(zero):
            continue
        divisor, x = walk.symbol(division, 1), condition.view
        if not isinstance(divisor, View) or not _same(divisor, x) or divisor.tensor != x.tensor:
            continue
        parts: list[Piece] = [(FloatClip(0.0, 0.0),), (FloatUnary("reciprocal"),)]
        chosen, other = parts if place == 2 else reversed(parts)
        op = FloatPieces(condition.comparison, condition.bound, chosen, other)
        name = f"{node.outputs[0]}.reciprocal"
        walk.symbols[name] = replace(x, tensor=walk.emit(node, op, (x.tensor,), name), name=name)
        product = replace(node, op="Mul", inputs=(division.inputs[0], name))
        return lower_binary(walk, product)
    return None


def _maker(walk: Walk, name: str) -> OnnxNode | None:
    return next((each for each in walk.model.nodes if name in each.outputs), None)


def _is_zero(found: Symbol | None) -> bool:
    return isinstance(found, Constant) and found.data.size == 1 and not found.data.any()


def _same(a: View, b: View) -> bool:
    """Whether elements of the same place lie at the same one inside."""
    return (a.shape, a.order) == (b.shape, b.order)


def _piece(walk: Walk, node: OnnxNode, x: View, index: int) -> Piece:
    """An operand of a Where as functions of x, the first one first."""
    found = walk.symbol(node, index)
    if isinstance(found, Constant | Weights):
        number = set(walk.numbers(node, index, "a number") or ())
        if len(number) == 1:
            return (FloatClip(number.copy().pop(), number.pop()),)
    if isinstance(found, View) and _same(found, x):
        functions = _functions(walk, found.tensor, x.tensor)
        if functions is not None:
            return functions
    raise RefusalError(
        node,
        "a Where must choose between functions of the one value that its condition compares",
        f"operand {index} is {describe(found)}",
        "Spell the function out with Relu, Clip, Max or Min.",
    )


def _functions(walk: Walk, name: str, x: str) -> Piece | None:
    """What makes a value of x, element by element, None if something else takes part."""
    made = {node.output: node for node in walk.nodes}
    found: list[FloatUnary | FloatClip | tuple[float, float]] = []
    while name != x:
        node = made.get(name)
        step = None if node is None else _step(walk, node)
        if node is None or step is None or len(found) == _LONGEST:
            return None
        found.append(step)
        (name,) = (each for each in node.inputs if each not in walk.consts)
    return tuple(reversed(found))


def _step(walk: Walk, node: FloatNode) -> FloatUnary | FloatClip | tuple[float, float] | None:
    """A node as a function of one element: a line is (slope, offset)."""
    if isinstance(node.op, FloatUnary | FloatClip):
        return node.op
    constants = [name for name in node.inputs if name in walk.consts]
    if not isinstance(node.op, FloatBinary) or len(constants) != 1:
        return None
    data = walk.consts[constants[0]].reals()
    if node.op.activation != "none" or data.size != 1:
        return None
    number, first = float(data.ravel()[0]), node.inputs[0] == constants[0]
    match node.op.kind, first:
        case "add", _:
            return (1.0, number)
        case "sub", False:
            return (1.0, -number)
        case "sub", True:
            return (-1.0, number)
        case "mul", _:
            return (number, 0.0)
        case _:
            return None if first or number == 0 else (1 / number, 0.0)


def _select(walk: Walk, node: OnnxNode, mask: NDArray[np.bool_]) -> View:
    """Of two values, one of which may be constant, the elements that a constant mask says."""
    found = [walk.symbol(node, index) for index in (1, 2)]
    views = [each for each in found if isinstance(each, View)]
    shapes = [mask.shape, *(_shape(node, each) for each in found)]
    try:
        shape = tuple(np.broadcast_shapes(*shapes))
    except ValueError:
        raise RefusalError(
            node, "the operands must broadcast", f"{[list(s) for s in shapes]}", "Check the export."
        ) from None
    if not views or len(shape) < 2:
        raise RefusalError(
            node, "it must choose from an activation", f"{list(shape)}", "Export with folding."
        )
    same = [view for view in views if view.shape == shape and not view.scrambled]
    perm = same[0].perm if same else channels_last(len(shape))
    names = [
        walk.read(
            walk.in_onnx_order(each, node).reshaped(_wide(each.shape, len(shape))), perm, node
        )
        if isinstance(each, View)
        else walk.add_const(f"{node.name}.operand", _inner(walk.constant(node, i, "it"), perm))
        for i, each in enumerate(found, start=1)
    ]
    whole = np.broadcast_to(mask.reshape(_wide(mask.shape, len(shape))), shape)
    held = walk.add_const(f"{node.name}.mask", _inner(whole.astype(np.float32), perm))
    return made_by(node, walk.emit(node, FloatSelect(), (*names, held)), shape, perm)


def _shape(node: OnnxNode, found: Symbol | None) -> tuple[int, ...]:
    if isinstance(found, View):
        return found.shape
    if isinstance(found, Constant | Weights):
        return found.data.shape
    raise RefusalError(
        node, "it must choose from activations and constants", describe(found), "Export again."
    )


def _wide(shape: Sequence[int], rank: int) -> tuple[int, ...]:
    return (*(1,) * (rank - len(shape)), *shape)


def _inner(data: NDArray[np.float32], perm: Sequence[int]) -> NDArray[np.float32]:
    return np.ascontiguousarray(data.reshape(_wide(data.shape, len(perm))).transpose(perm))


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(_COMPARISONS, Rule(lower_comparison, wish="any")),
    "Where": Rule(lower_where, wish="any"),
}
