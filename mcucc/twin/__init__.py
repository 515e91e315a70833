"""The int8 graph as a `.tflite` file, so that TensorFlow Lite Micro can judge it."""

from mcucc.ops import Int8Graph
from mcucc.twin.cut import keep_operators, without_custom
from mcucc.twin.draft import TWIN_PREFIX
from mcucc.twin.lower import lower, unjudged
from mcucc.twin.read import (
    OperatorInfo,
    TensorInfo,
    read_inputs,
    read_operators,
    read_outputs,
    read_tensors,
)
from mcucc.twin.serialize import serialize
from mcucc.twin.windows import same_pads

__all__ = [
    "TWIN_PREFIX",
    "OperatorInfo",
    "TensorInfo",
    "keep_operators",
    "read_inputs",
    "read_operators",
    "read_outputs",
    "read_tensors",
    "same_pads",
    "unjudged",
    "without_custom",
    "write_twin",
]


def write_twin(graph: Int8Graph) -> bytes:
    """The int8 graph as the bytes of a `.tflite` file.

    Inputs and outputs are the int8 NHWC tensors of the graph, without QUANTIZE at the edges.
    Every value has a tensor of its own name; names that begin with `TWIN_PREFIX` exist only here.
    A node for which TensorFlow Lite Micro has no operator is the custom operator `mcucc.NAME`.
    """
    return serialize(lower(graph))
