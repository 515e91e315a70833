"""What the twin knows of an operator."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mcucc.errors import Violation
from mcucc.ir import Shape
from mcucc.ops import Int8Graph, Int8Node
from mcucc.twin.draft import Draft
from mcucc.twin.model import Code, Options


@dataclass(frozen=True)
class Twin:
    """How a node is written in operators of TensorFlow Lite.

    Attributes:
        lower: appends them to a draft; the last argument is the node's operator.
        violation: why TensorFlow Lite cannot express the node, None if it can.
    """

    lower: Callable[[Draft, Int8Node, Any], None]
    violation: Callable[[Int8Graph, Int8Node, Any], Violation | None] = lambda _graph, _node, _op: (
        None
    )


def plain(code: Code, opts: Callable[[Any], Options]) -> Twin:
    """The twin of a node that is one operator on the same inputs, with these attributes."""

    def lower(draft: Draft, node: Int8Node, op: object) -> None:
        inputs = tuple(draft.value(name) for name in node.inputs)
        draft.operator(code, inputs, draft.value(node.output), opts(op))

    return Twin(lower)


def with_vectors(draft: Draft, node: Int8Node, code: Code, opts: Options, **vectors: Shape) -> None:
    """One operator whose attributes are further inputs, in order, by what they say."""
    further = (draft.int32(purpose, node, values) for purpose, values in vectors.items())
    inputs = (draft.value(node.inputs[0]), *further)
    draft.operator(code, inputs, draft.value(node.output), opts)
