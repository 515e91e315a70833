"""The int8 graph as the plain values of a `.tflite` file.

One operator per int8 operator and one tensor per value, under the same names. What TensorFlow
Lite needs beyond that (explicit padding, shapes and axes as tensors, the steps of a look-up) gets
names that begin with `TWIN_PREFIX`. What TensorFlow Lite Micro lacks is a custom operator.
"""

from mcucc.ops import Int8Graph, Int8Node
from mcucc.twin.draft import Draft
from mcucc.twin.model import TwinModel
from mcucc.twin.operators import TWINS
from mcucc.twin.operators.twin import append_custom


def lower(graph: Int8Graph) -> TwinModel:
    """Translate a verified graph."""
    draft = Draft(graph)
    for name in graph.source_tensors:
        draft.value(name)
    for node in graph.nodes:
        append = append_custom if _lacked(graph, node) else TWINS[type(node.op)].lower
        append(draft, node, node.op)
    return draft.model()


def unjudged(graph: Int8Graph) -> tuple[str, ...]:
    """The values that TensorFlow Lite Micro cannot judge, for it has no operator that makes them.

    Those of the whole network, its inputs too, where it has none of the operators.
    """
    made = tuple(node.output for node in graph.nodes if _lacked(graph, node))
    return (*graph.source_tensors, *made) if len(made) == len(graph.nodes) else made


def _lacked(graph: Int8Graph, node: Int8Node) -> bool:
    return TWINS[type(node.op)].lacks(graph, node, node.op)
