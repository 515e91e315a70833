"""Changes that make a correct graph break a rule."""

from dataclasses import replace

import numpy as np

from mcucc.ir import Const, DType, QParams, TensorType
from mcucc.ops import Int8Graph, Int8Op
from tests.graphs import quant
from tests.operators.example import Break


def with_type(name: str, kind: TensorType) -> Break:
    """Give a value another type, or a constant zeros of another type."""

    def apply(graph: Int8Graph) -> Int8Graph:
        if name in graph.tensors:
            return replace(graph, tensors={**graph.tensors, name: kind})
        zeros = Const(name, kind, np.zeros(kind.shape, dtype=kind.dtype.value))
        return replace(graph, consts={**graph.consts, name: zeros})

    return apply


def with_op(op: Int8Op) -> Break:
    """Give the first node another operator, and its output the shape that follows."""

    def apply(graph: Int8Graph) -> Int8Graph:
        node = replace(graph.nodes[0], op=op)
        shape = op.infer(graph.input_types(node))
        output = replace(graph.tensors[node.output], shape=shape)
        nodes = (node, *graph.nodes[1:])
        return replace(graph, nodes=nodes, tensors={**graph.tensors, node.output: output})

    return apply


def int8(*shape: int, q: QParams | None = None) -> TensorType:
    return TensorType(DType.INT8, shape, q or quant(0.1))


def output_of(graph: Int8Graph) -> str:
    return graph.nodes[0].output


def with_output(kind: TensorType) -> Break:
    return lambda graph: with_type(output_of(graph), kind)(graph)
