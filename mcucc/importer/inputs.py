"""Chooses the inner layout of each graph input from what reads it."""

from collections.abc import Mapping, Sequence

from mcucc.importer.file.reader import OnnxModel, OnnxNode, OnnxPort
from mcucc.importer.layout.layout import (
    Perm,
    byte_order,
    channels_last,
    find_layout,
    identity,
)
from mcucc.ir import Shape

_ANY_LAYOUT = frozenset(
    """Add Cast Clip DequantizeLinear Div Dropout Exp HardSigmoid HardSwish Identity LeakyRelu Mul
    Neg QuantizeLinear Relu Sigmoid Sqrt Sub Tanh""".split()  # noqa: SIM905 -- reads better than a list
)
_SAME_AXES = frozenset(("Concat", "Pad", "ReduceMean", "Slice"))
_RENAMES = frozenset(("Flatten", "Reshape", "Squeeze", "Unsqueeze"))
_ONNX_LAYOUT = frozenset(("Gemm", "MatMul", "Softmax"))


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
    return channels_last(len(port.shape)) if wish is None else wish


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
    wish = wishes.get(output)
    if node.op == "Transpose" and wish is not None:
        axes = node.ints("perm", tuple(reversed(range(rank))))
        return tuple(axes[axis] for axis in wish) if len(axes) == len(wish) else None
    if node.op in _RENAMES and output in shapes:
        order = byte_order(shapes[output], wish or identity(len(shapes[output])))
        return find_layout(order, shapes[name])
    if node.op in _ANY_LAYOUT:
        return wish if shapes.get(output) == shapes[name] else None
    if node.op in _SAME_AXES:
        return wish if len(shapes.get(output, ())) == rank else None
    if node.op in ("Transpose", "Gather"):
        return None
    return identity(rank) if node.op in _ONNX_LAYOUT else channels_last(rank)
