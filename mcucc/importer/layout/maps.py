"""Operators on maps: their input in channels-last layout, sequences as maps of one column."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mcucc.importer.file.reader import AttributeValue, OnnxNode
from mcucc.importer.layout.layout import channels_last
from mcucc.importer.layout.view import View, made_by
from mcucc.importer.values import RefusalError
from mcucc.importer.walk import Walk
from mcucc.ir import Shape


@dataclass(frozen=True)
class MapInput:
    """The first input of an operator on maps.

    Attributes:
        node: the operator, its window attributes made two-dimensional.
        tensor: inner value [1, H, W, C].
        shape: ONNX shape [1, C, H, W].
        onnx_rank: 3 if the ONNX value is a sequence [1, C, L], else 4.
    """

    node: OnnxNode
    tensor: str
    shape: Shape
    onnx_rank: int

    def result(self, tensor: str, shape: Shape) -> View:
        """The view of what the operator made.

        Args:
            tensor: inner value [1, H', W', C'].
            shape: [1, C', H', W'].
        """
        made = made_by(self.node, tensor, shape, channels_last(4))
        return made.reshaped(shape[: self.onnx_rank])


def on_map(walk: Walk, node: OnnxNode) -> MapInput:
    """The first input of a node as a map.

    Raises:
        RefusalError: it is neither a map [1, C, H, W] nor a sequence [1, C, L].
    """
    x = walk.view(node)
    if len(x.shape) not in (3, 4):
        raise RefusalError(
            node,
            "the input must be a map [1, C, H, W] or a sequence [1, C, L]",
            f"{list(x.shape)}",
            "Reshape the input in the model.",
        )
    shape = (*x.shape, *(1,) * (4 - len(x.shape)))
    flat = node if len(x.shape) == 4 else replace(node, attributes=_widened(node.attributes))
    tensor = walk.read(x.reshaped(shape), channels_last(4), node)
    return MapInput(flat, tensor, shape, len(x.shape))


def _widened(attributes: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    """The window attributes of a sequence as those of a map of one column."""
    wide: dict[str, AttributeValue] = dict(attributes)
    for name in ("kernel_shape", "strides", "dilations"):
        match attributes.get(name):
            case (int() as rows,):
                wide[name] = (rows, 1)
            case _:
                pass
    match attributes.get("pads"):
        case (int() as before, int() as after):
            wide["pads"] = (before, 0, after, 0)
        case _:
            pass
    return wide
