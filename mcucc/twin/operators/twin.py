"""What the twin knows of an operator."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mcucc.ir import Shape
from mcucc.ops import Int8Graph, Int8Node, Int8Op
from mcucc.twin.draft import Draft
from mcucc.twin.model import CUSTOM_PREFIX, Code, Options
from mcucc.twin.options import custom_options

_CUSTOM = 32
"""The number of all operators that are none of TensorFlow Lite's."""


@dataclass(frozen=True)
class Twin:
    """How a node is written in operators of TensorFlow Lite.

    Attributes:
        lower: appends them to a draft; the last argument is the node's operator.
        lacks: whether TensorFlow Lite Micro has no operator for the node, which is a custom
            operator in the twin then, and has no judge.
    """

    lower: Callable[[Draft, Int8Node, Any], None]
    lacks: Callable[[Int8Graph, Int8Node, Any], bool] = lambda _graph, _node, _op: False


def plain(code: Code, opts: Callable[[Any], Options]) -> Twin:
    """The twin of a node that is one operator on the same inputs, with these attributes."""

    def lower(draft: Draft, node: Int8Node, op: object) -> None:
        inputs = tuple(draft.value(name) for name in node.inputs)
        draft.operator(code, inputs, draft.value(node.output), opts(op))

    return Twin(lower)


def append_custom(draft: Draft, node: Int8Node, op: Int8Op) -> None:
    """Append the custom operator `mcucc.NAME` with the inputs and attributes of the node."""
    code = Code(_CUSTOM, 1, f"{CUSTOM_PREFIX}{type(op).__name__}")
    inputs = tuple(draft.value(name) for name in node.inputs)
    draft.operator(code, inputs, draft.value(node.output), custom_options(op))


LACKED = Twin(append_custom, lambda _graph, _node, _op: True)
"""Of an operator that TensorFlow Lite Micro never has."""


def with_vectors(draft: Draft, node: Int8Node, code: Code, opts: Options, **vectors: Shape) -> None:
    """One operator whose attributes are further inputs, in order, by what they say."""
    further = (draft.int32(purpose, node, values) for purpose, values in vectors.items())
    inputs = (draft.value(node.inputs[0]), *further)
    draft.operator(code, inputs, draft.value(node.output), opts)
