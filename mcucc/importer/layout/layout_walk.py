"""The half of a walk over a network that reads values in a layout.

An ONNX value is a view of an inner value. Transposes and reshapes only change views; bytes move
where an operator cannot do with the layout it finds.
"""

from abc import ABC, abstractmethod
from dataclasses import replace

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.layout import (
    Perm,
    byte_order,
    common_axes,
    identity,
    inner_shape,
    merge_transposition,
    split_layout,
)
from mcucc.importer.layout.moves import Kind, moves_of
from mcucc.importer.layout.view import View
from mcucc.ir import Shape, TensorType


class LayoutWalk(ABC):
    """Reads views in the layout that an operator needs.

    Attributes:
        tensors: types of inner values so far.
    """

    tensors: dict[str, TensorType]
    _moved: dict[tuple[Kind, tuple[int, ...], str], str]
    _taken: set[str]

    @abstractmethod
    def append_move(
        self,
        cause: OnnxNode,
        kind: Kind,
        axes: tuple[int, ...],
        source: str,
        made: tuple[str, str, tuple[str, ...]],
    ) -> str:
        """Append the node of a move and return the name of its value.

        Args:
            cause: who needs it.
            kind: the operator.
            axes: its inner shape, order of inner axes, or block.
            source: inner value that it reads.
            made: name of its value, name of the node if it is free, origin.
        """

    def read(self, view: View, perm: Perm, cause: OnnxNode) -> str:
        """The name of an inner value whose shape is `view.shape` in the layout `perm`.

        Bytes that lie otherwise are moved by a transposition; a reshape renames axes.

        Args:
            view: what is read.
            perm: layout of `view.shape`.
            cause: who reads.
        """
        return self.viewed_as(self.ordered(view, perm, cause), inner_shape(view.shape, perm), cause)

    def ordered(self, view: View, perm: Perm, cause: OnnxNode) -> View:
        """The view with its bytes in the order of the layout `perm`, moved if need be."""
        moved = view.order != byte_order(view.shape, perm)
        tensor = self._transposed(view, perm, cause) if moved else view.tensor
        return replace(view, tensor=tensor, base=view.shape, perm=perm)

    def in_onnx_order(self, view: View, cause: OnnxNode) -> View:
        """The view, its bytes moved into ONNX order if no layout of its shape has them."""
        return self.ordered(view, identity(len(view.shape)), cause) if view.scrambled else view

    def viewed_as(self, view: View, shape: Shape, cause: OnnxNode) -> str:
        """The view's inner value under another inner shape, its bytes left alone."""
        if self.tensors[view.tensor].shape == shape:
            return view.tensor
        return self._move("reshape", shape, view, cause)

    def _transposed(self, view: View, perm: Perm, cause: OnnxNode) -> str:
        """The inner value with its bytes in the order of the layout `perm` of the ONNX shape."""
        axes = view.shape if not view.scrambled else common_axes(view.base, view.shape)
        if axes is None:  # by way of ONNX's order, in which any axes may be cut
            plain = identity(len(view.base))
            straight = self._transposed(replace(view, shape=view.base), plain, cause)
            view = replace(view, tensor=straight, base=view.shape, perm=identity(len(view.shape)))
            return self.ordered(view, perm, cause).tensor
        source, target = view.perm, perm
        if view.scrambled:
            source = split_layout(view.base, view.perm, axes)
            target = split_layout(view.shape, perm, axes)
        shape, turn = inner_shape(axes, source), tuple(source.index(axis) for axis in target)
        if view.scrambled or len(shape) > 4 or shape[:1] != (1,) or turn[:1] != (0,):
            shape, turn = merge_transposition(shape, turn)
        for move in moves_of(shape, turn):
            movable = replace(view, tensor=self.viewed_as(view, move.shape, cause))
            view = replace(view, tensor=self._move(move.kind, move.axes, movable, cause))
        return view.tensor

    def _move(self, kind: Kind, axes: tuple[int, ...], view: View, cause: OnnxNode) -> str:
        """A node that only moves or renames; readers that ask for the same share it."""
        key = (kind, axes, view.tensor)
        if key not in self._moved:
            origin = view.origin or (cause.name,)
            if kind != "reshape":
                name = fresh(f"{view.name}.transposed", self._taken)
            elif view.name in self.tensors:
                name = fresh(f"{view.name}.reshaped", self._taken)
            else:
                name = view.name  # the result of a Reshape, until now a mere view
            label = view.origin[-1] if view.origin else name
            self._moved[key] = self.append_move(
                cause, kind, axes, view.tensor, (name, label, origin)
            )
        return self._moved[key]


def fresh(base: str, taken: set[str]) -> str:
    """The name, or the name with the first free number; it is taken from now on."""
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    taken.add(name)
    return name
