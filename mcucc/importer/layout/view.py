"""Views: how the bytes of an inner value are to be read as an ONNX value."""

from dataclasses import dataclass, replace

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.layout import (
    ByteOrder,
    Perm,
    byte_order,
    common_axes,
    find_layout,
    identity,
    inner_shape,
    split_layout,
)
from mcucc.ir import Shape


@dataclass(frozen=True)
class View:
    """An activation: an inner value and how its bytes are to be read as the ONNX value.

    The inner bytes are `base` transposed by `perm`; the ONNX value is `base` reshaped to `shape`.
    Only the order of the bytes counts: the inner value's own shape may split or merge axes
    otherwise. Transposing and reshaping a view moves nothing; whoever needs another layout asks
    for it (`LayoutWalk.read`).

    Attributes:
        tensor: name of the inner value.
        base: the ONNX shape that `perm` speaks of. It is `shape` unless no layout of `shape` has
            these bytes, as after the flattening of a channels-last map.
        perm: layout.
        shape: ONNX shape.
        name: of the ONNX value.
        origin: names of the Reshapes and Transposes that only changed the view.
    """

    tensor: str
    base: Shape
    perm: Perm
    shape: Shape
    name: str
    origin: tuple[str, ...] = ()

    @property
    def order(self) -> ByteOrder:
        """How the inner bytes lie in the ONNX value."""
        return byte_order(self.base, self.perm)

    @property
    def scrambled(self) -> bool:
        """Whether no layout of `shape` has these bytes."""
        return self.base != self.shape

    def reshaped(self, shape: Shape) -> "View":
        """The same elements in ONNX order under another shape."""
        perm = find_layout(self.order, shape)
        if perm is None:
            return replace(self, shape=shape)
        return replace(self, base=shape, perm=perm, shape=shape)

    def transposed(self, axes: Perm) -> "View":
        """ONNX's Transpose of a view that is not scrambled: axis i is the old axes[i]."""
        shape = inner_shape(self.shape, axes)
        perm = tuple(axes.index(axis) for axis in self.perm)
        return replace(self, base=shape, perm=perm, shape=shape)

    def transposed_in_parts(self, axes: Perm) -> "View | None":
        """The same of one that is scrambled.

        None if its bytes have no finer axes each of which moves with one of its shape.
        """
        parts = common_axes(self.base, self.shape)
        if parts is None:
            return None
        order = split_layout(self.shape, axes, parts)
        perm = tuple(order.index(part) for part in split_layout(self.base, self.perm, parts))
        shape = inner_shape(self.shape, axes)
        return replace(self, base=inner_shape(parts, order), perm=perm).reshaped(shape)

    def named(self, node: OnnxNode) -> "View":
        """The view as the result of a node that executes nothing."""
        return replace(self, name=node.outputs[0], origin=(*self.origin, node.name))


def made_by(node: OnnxNode, tensor: str, shape: Shape, perm: Perm | None = None) -> View:
    """The view of a value that a node has just made.

    Args:
        node: gives the view its name.
        tensor: the inner value.
        shape: ONNX shape.
        perm: layout, None for ONNX's own.
    """
    order = identity(len(shape)) if perm is None else perm
    return View(tensor, shape, order, shape, node.outputs[0])
