"""Chooses the inner layout of each graph input, and its scale, from what reads it."""

from collections.abc import Mapping, Sequence

from mcucc.importer.file.reader import OnnxModel, OnnxNode, OnnxPort
from mcucc.importer.layout.layout import (
    Perm,
    byte_order,
    channels_last,
    find_layout,
    identity,
)
from mcucc.importer.rules import RULES
from mcucc.importer.rules.quantize import activation_quant
from mcucc.importer.values import RefusalError
from mcucc.importer.walk import Walk
from mcucc.ir import DType, QParams, Shape


def input_layout(model: OnnxModel, shapes: Mapping[str, Shape], port: OnnxPort) -> Perm:
    """The layout of an input that spares its readers transpositions.

    Each reader has a wish: operators on maps want channels last, a Transpose passes on what its
    own readers want, seen through it. Channels last is the choice where they differ.

    Args:
        model: the folded network.
        shapes: of all values.
        port: the input.
    """
    readers: dict[str, list[OnnxNode]] = {}
    for node in model.nodes:
        for name in dict.fromkeys(node.inputs):
            readers.setdefault(name, []).append(node)
    # Readers come after what they read: going backwards, their wishes are known.
    wishes: dict[str, Perm | None] = {}
    for name in (*(n for node in reversed(model.nodes) for n in node.outputs), port.name):
        if name in shapes:
            wishes[name] = _wish(name, readers.get(name, ()), shapes, wishes)
    wish = wishes.get(port.name)
    rank = len(port.shape)
    usual = identity(rank) if model.format == "tflite" else channels_last(rank)
    return usual if wish is None else wish


def _wish(
    name: str,
    readers: Sequence[OnnxNode],
    shapes: Mapping[str, Shape],
    wishes: Mapping[str, Perm | None],
) -> Perm | None:
    """The layout that all readers of a value agree on, None if they do not or do not care."""
    found = {w for node in readers if (w := _wish_of(name, node, shapes, wishes)) is not None}
    return found.pop() if len(found) == 1 else None


def _wish_of(
    name: str,
    node: OnnxNode,
    shapes: Mapping[str, Shape],
    wishes: Mapping[str, Perm | None],
) -> Perm | None:
    output, rank = node.outputs[0], len(shapes[name])
    passed, made = wishes.get(output), shapes.get(output)
    rule = RULES.get(node.op)
    match "channels last" if rule is None else rule.wish:
        case "channels last":
            return channels_last(rank)
        case "onnx":
            return identity(rank)
        case "any":
            return passed if made == shapes[name] else None
        case "same axes":
            return passed if made is not None and len(made) == rank else None
        case "renames":
            return _through_reshape(shapes[name], made, passed)
        case "transposes":
            return _through_transpose(node, rank, passed)
        case _:
            return None


def _through_reshape(shape: Shape, made: Shape | None, wish: Perm | None) -> Perm | None:
    """The layout whose bytes are those of a wish for the reshaped value."""
    if made is None:
        return channels_last(len(shape))
    return find_layout(byte_order(made, wish or identity(len(made))), shape)


def _through_transpose(node: OnnxNode, rank: int, wish: Perm | None) -> Perm | None:
    axes = node.ints("perm", tuple(reversed(range(rank))))
    if wish is None or len(axes) != len(wish):
        return None
    return tuple(axes[axis] for axis in wish)


def input_quant(walk: Walk, name: str, dtype: DType) -> QParams | None:
    """The quantization of an integer input, which the next DequantizeLinear says.

    Args:
        walk: the state.
        name: of the input, or of a copy of it.
        dtype: of the input.

    Returns:
        Whole numbers as they are, where nobody reads it; None where what reads it is refused.
    """
    unread = QParams((1.0,), -128 if dtype == DType.UINT8 else 0)
    found: QParams | None = unread
    for node in (node for node in walk.model.nodes if name in node.inputs):
        if node.op == "DequantizeLinear" and node.inputs[0] == name:
            try:
                return activation_quant(walk, node, dtype)[0]
            except RefusalError:
                return None  # the node is refused when it is visited
        if node.op in RULES and RULES[node.op].copies:
            found = input_quant(walk, node.outputs[0], dtype)
        elif node.inputs[0] == name:  # elsewhere it is a scale or zero point, and no activation
            found = None
        if found is not None and found != unread:
            return found
    return found
