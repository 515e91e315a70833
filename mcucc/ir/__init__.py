"""The intermediate representation: types, graphs, their text form and their verifier."""

from mcucc.ir.graph import Const, Graph, Node, Port, State
from mcucc.ir.preprocessing import Preprocessing, PreprocessingKind, PreprocessingStep
from mcucc.ir.text import check_seal, parse_graph, print_graph, seal
from mcucc.ir.types import UNSIGNED_SHIFT, DType, QParams, Shape, TensorType
from mcucc.ir.verify import verify_structure

__all__ = [
    "UNSIGNED_SHIFT",
    "Const",
    "DType",
    "Graph",
    "Node",
    "Port",
    "Preprocessing",
    "PreprocessingKind",
    "PreprocessingStep",
    "QParams",
    "Shape",
    "State",
    "TensorType",
    "check_seal",
    "parse_graph",
    "print_graph",
    "seal",
    "verify_structure",
]
