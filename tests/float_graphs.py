"""Builds small float graphs with seeded random constants."""

import numpy as np

from mcucc.ir import Const, DType, Port, TensorType
from mcucc.ops import FloatGraph, FloatNode, FloatOp


class FloatBuilder:
    """Adds operators one by one; the inputs are x0, x1, ..."""

    def __init__(self, *inputs: tuple[int, ...]) -> None:
        self.tensors = {f"x{i}": TensorType(DType.FLOAT32, s) for i, s in enumerate(inputs)}
        self.inputs = tuple(Port(n, n, DType.FLOAT32, t.shape) for n, t in self.tensors.items())
        self.nodes: list[FloatNode] = []
        self.consts: dict[str, Const] = {}
        self.random = np.random.default_rng(0)

    def const(self, *shape: int) -> str:
        name = f"c{len(self.consts)}"
        data = self.random.uniform(0.5, 1.5, shape).astype(np.float32)
        self.consts[name] = Const(name, TensorType(DType.FLOAT32, shape), data)
        return name

    def add(self, op: FloatOp, *inputs: str) -> str:
        types = [self.tensors[n] if n in self.tensors else self.consts[n].type for n in inputs]
        name = f"v{len(self.nodes)}"
        self.tensors[name] = TensorType(DType.FLOAT32, op.infer(types))
        self.nodes.append(FloatNode(op, inputs, name, name))
        return name

    def build(self, *outputs: str) -> FloatGraph:
        ports = tuple(Port(n, n, DType.FLOAT32, self.tensors[n].shape) for n in outputs)
        return FloatGraph("net", self.inputs, ports, tuple(self.nodes), self.tensors, self.consts)
