"""The int8 graph as the plain values of a `.tflite` file.

One operator per int8 operator and one tensor per value, under the same names. What TensorFlow
Lite needs beyond that (explicit padding, shapes and axes as tensors, the steps of a look-up) gets
names that begin with `TWIN_PREFIX`.
"""

from mcucc.errors import UnsupportedModelError
from mcucc.ops import Int8Graph
from mcucc.twin.draft import Draft
from mcucc.twin.model import TwinModel
from mcucc.twin.operators import TWINS


def lower(graph: Int8Graph) -> TwinModel:
    """Translate a verified graph.

    Raises:
        UnsupportedModelError: TensorFlow Lite cannot express a node.
    """
    demand_supported(graph)
    draft = Draft(graph)
    for name in graph.source_tensors:
        draft.value(name)
    for node in graph.nodes:
        TWINS[type(node.op)].lower(draft, node, node.op)
    return draft.model()


def demand_supported(graph: Int8Graph) -> None:
    """Refuse what TensorFlow Lite cannot express; its scales do not matter.

    Raises:
        UnsupportedModelError: with every such node.
    """
    found = (TWINS[type(node.op)].violation(graph, node, node.op) for node in graph.nodes)
    violations = tuple(violation for violation in found if violation is not None)
    if violations:
        raise UnsupportedModelError(violations)
