"""Builds small int8 graphs with seeded random weights, for tests of every stage."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import Const, DType, Node, Port, QParams, Shape, State, TensorType
from mcucc.ops import Activation, Int8Graph, Int8Node, Int8Op, Pads
from mcucc.ops.conv import Conv2D, DepthwiseConv2D
from mcucc.ops.dense import FullyConnected
from mcucc.ops.elementwise import Add, Clamp, Mul, Requantize, Sub
from mcucc.ops.movement import Concat, Pad, Reshape, Slice, Transpose
from mcucc.ops.pool import AveragePool2D, MaxPool2D, Mean
from mcucc.ops.resize import ResizeNearest
from mcucc.ops.softmax import SOFTMAX_QUANT, Softmax
from mcucc.ops.unary import LOGISTIC_QUANT, TANH_QUANT, HardSwish, LeakyRelu, Logistic, Table, Tanh
from mcucc.ops.verify import verify
from mcucc.twin import same_pads
from tests.operators.example import Example, examples

Pair = tuple[int, int]
Padding = Literal["same", "valid"] | Pads


def quant(scale: float, zero_point: int = 0) -> QParams:
    """Quantization of an activation; the scale is rounded to float32."""
    return QParams((float(np.float32(scale)),), zero_point)


def every_operator_graph(
    name: str = "everything", more: Sequence[Example] | None = None
) -> Int8Graph:
    """A small network in which every int8 operator occurs; `more` are those of tests/operators."""
    b = GraphBuilder(name, seed=1)
    x = b.input((1, 9, 10, 3))
    first = b.conv(x, 8, activation="relu6")
    wide = b.depthwise(first, stride=(2, 2), pads=(1, 1, 1, 1), activation="relu")
    narrow = b.conv(wide, 8, (1, 1))
    total = b.add(wide, narrow)
    pooled = b.average_pool(b.requantize(total), (2, 2))
    padded = b.pad(pooled, (1, 0, 2, 1))
    mixed, ends = _newer_operators(b, padded), list[str]()
    for example in examples() if more is None else more:
        made = example.build(b, mixed)
        if b.tensors[made].dtype == DType.INT8:
            mixed = made
        else:
            ends.append(made)
    features = b.add(b.reshape(b.mean(mixed), (1, 2, 2, 4)), b.constant((1, 2, 2, 4)))
    return b.build(b.softmax(b.dense(b.flatten(features), 5)), *ends)


def _newer_operators(b: "GraphBuilder", x: str) -> str:
    """Grouped convolution, gates, unary functions and movements on [1, H, W, 8]; 16 channels."""
    y = b.leaky_relu(b.conv(x, 8, groups=4))
    gate = b.logistic(b.mean(y, keep_dims=True))
    y = b.hard_swish(b.mul(y, gate))
    y = b.clamp(b.table(b.sub(y, b.tanh(x))), -100, 90)
    tall = b.transpose(b.resize_nearest(b.max_pool(y, (2, 2), stride=(2, 2)), (2, 3)), (0, 2, 1, 3))
    block = b.slice(tall, (0, 1, 2, 0), (1, 7, 2, 8))
    return b.concat(block, block)


class GraphBuilder:
    """Adds operators one by one; each method returns the name of the value it makes.

    Quantization, weights and biases that are not given are drawn from the seed, such that most
    outputs are not saturated.
    """

    def __init__(self, name: str = "net", seed: int = 0) -> None:
        self.name = name
        self.rng = np.random.default_rng(seed)
        self.inputs: list[str] = []
        self.nodes: list[Int8Node] = []
        self.tensors: dict[str, TensorType] = {}
        self.consts: dict[str, Const] = {}
        self.states: list[State] = []

    def state(self, shape: Shape, q: QParams | None = None, name: str | None = None) -> str:
        """What a run finds; `hand_on` says what it leaves."""
        name = name or f"state{len(self.states)}"
        self.tensors[name] = TensorType(DType.INT8, shape, q or self.any_quant(0.05))
        self.states.append(State(name, name, name))
        return name

    def hand_on(self, state: str, update: str, initial: str | None = None) -> None:
        """What the next run finds in a state, and the constant that the first one does."""
        place = next(i for i, each in enumerate(self.states) if each.source == state)
        self.states[place] = State(state, state, update, initial)

    def input(self, shape: Shape, q: QParams | None = None, name: str | None = None) -> str:
        name = name or f"x{len(self.inputs)}"
        self.inputs.append(name)
        self.tensors[name] = TensorType(DType.INT8, shape, q or self.any_quant(0.05))
        return name

    def conv(
        self,
        x: str,
        out_c: int,
        kernel: Pair = (3, 3),
        *,
        stride: Pair = (1, 1),
        dilation: Pair = (1, 1),
        pads: Padding = "same",
        groups: int = 1,
        activation: Activation = "none",
        q: QParams | None = None,
        weight_scales: Sequence[float] | None = None,
        bias: Sequence[int] | None = None,
    ) -> str:
        shape = (out_c, *kernel, self.tensors[x].shape[-1] // groups)
        full = self._pads(x, kernel, stride, dilation, pads)
        op = Conv2D(stride, dilation, full, activation)
        return self._weighted(op, x, shape, 0, q, weight_scales, bias)

    def depthwise(
        self,
        x: str,
        kernel: Pair = (3, 3),
        *,
        multiplier: int = 1,
        stride: Pair = (1, 1),
        dilation: Pair = (1, 1),
        pads: Padding = "same",
        activation: Activation = "none",
        q: QParams | None = None,
        weight_scales: Sequence[float] | None = None,
        bias: Sequence[int] | None = None,
    ) -> str:
        shape = (1, *kernel, self.tensors[x].shape[-1] * multiplier)
        full = self._pads(x, kernel, stride, dilation, pads)
        op = DepthwiseConv2D(stride, dilation, full, activation)
        return self._weighted(op, x, shape, 3, q, weight_scales, bias)

    def dense(
        self,
        x: str,
        out_c: int,
        *,
        activation: Activation = "none",
        q: QParams | None = None,
        weight_scales: Sequence[float] | None = None,
        bias: Sequence[int] | None = None,
    ) -> str:
        shape = (out_c, self.tensors[x].shape[-1])
        return self._weighted(FullyConnected(activation), x, shape, 0, q, weight_scales, bias)

    def add(
        self, a: str, b: str, *, activation: Activation = "none", q: QParams | None = None
    ) -> str:
        scale = math.hypot(self.scale(a), self.scale(b))
        return self.node(Add(activation), (a, b), q or self.any_quant(scale))

    def sub(
        self, a: str, b: str, *, activation: Activation = "none", q: QParams | None = None
    ) -> str:
        scale = math.hypot(self.scale(a), self.scale(b))
        return self.node(Sub(activation), (a, b), q or self.any_quant(scale))

    def mul(
        self, a: str, b: str, *, activation: Activation = "none", q: QParams | None = None
    ) -> str:
        scale = 70 * self.scale(a) * self.scale(b)
        return self.node(Mul(activation), (a, b), q or self.any_quant(scale))

    def clamp(self, x: str, low: int = -128, high: int = 127) -> str:
        return self.node(Clamp(low, high), (x,), self.type(x).q)

    def logistic(self, x: str) -> str:
        return self.node(Logistic(), (x,), LOGISTIC_QUANT)

    def tanh(self, x: str) -> str:
        return self.node(Tanh(), (x,), TANH_QUANT)

    def leaky_relu(self, x: str, alpha: float = 0.01, *, q: QParams | None = None) -> str:
        op = LeakyRelu(float(np.float32(alpha)))
        return self.node(op, (x,), q or self.any_quant(self.scale(x)))

    def hard_swish(self, x: str, *, q: QParams | None = None) -> str:
        return self.node(HardSwish(), (x,), q or self.any_quant(self.scale(x)))

    def table(
        self, x: str, table: NDArray[np.int8] | None = None, *, q: QParams | None = None
    ) -> str:
        """A look-up in a table of 256, drawn if it is not given."""
        kind = TensorType(DType.INT8, (256,))
        name = self.const(f"table{len(self.nodes)}", kind, table)
        return self.node(Table(), (x, name), q or self.any_quant(self.scale(x)))

    def requantize(self, x: str, q: QParams | None = None) -> str:
        return self.node(Requantize(), (x,), q or self.any_quant(1.3 * self.scale(x)))

    def average_pool(
        self, x: str, kernel: Pair, *, stride: Pair = (1, 1), pads: Padding = "valid"
    ) -> str:
        full = self._pads(x, kernel, stride, (1, 1), pads)
        return self.node(AveragePool2D(kernel, stride, full), (x,), self.tensors[x].q)

    def max_pool(
        self, x: str, kernel: Pair, *, stride: Pair = (1, 1), pads: Padding = "valid"
    ) -> str:
        full = self._pads(x, kernel, stride, (1, 1), pads)
        return self.node(MaxPool2D(kernel, stride, full), (x,), self.tensors[x].q)

    def concat(self, *parts: str) -> str:
        return self.node(Concat(), parts, self.type(parts[0]).q)

    def resize_nearest(self, x: str, factor: Pair) -> str:
        return self.node(ResizeNearest(factor), (x,), self.tensors[x].q)

    def transpose(self, x: str, perm: tuple[int, ...]) -> str:
        return self.node(Transpose(perm), (x,), self.tensors[x].q)

    def slice(self, x: str, starts: tuple[int, ...], sizes: Shape) -> str:
        return self.node(Slice(starts, sizes), (x,), self.tensors[x].q)

    def mean(
        self,
        x: str,
        axes: tuple[int, ...] = (1, 2),
        *,
        keep_dims: bool = False,
        q: QParams | None = None,
    ) -> str:
        return self.node(Mean(axes, keep_dims), (x,), q or self.any_quant(self.scale(x) / 4))

    def softmax(self, x: str, q: QParams = SOFTMAX_QUANT) -> str:
        return self.node(Softmax(), (x,), q)

    def reshape(self, x: str, shape: Shape) -> str:
        return self.node(Reshape(shape), (x,), self.tensors[x].q)

    def flatten(self, x: str) -> str:
        return self.reshape(x, (1, self.tensors[x].size))

    def pad(self, x: str, pads: Pads) -> str:
        return self.node(Pad(pads), (x,), self.tensors[x].q)

    def constant(self, shape: Shape, q: QParams | None = None) -> str:
        """An int8 constant that may stand where an activation may."""
        name = f"constant{len(self.consts)}"
        kind = TensorType(DType.INT8, shape, q or self.any_quant(0.05))
        return self.const(name, kind, self.int8(shape))

    def build(self, *outputs: str) -> Int8Graph:
        """The graph, verified; without arguments the last value made is the only output."""
        graph = Int8Graph(
            self.name,
            tuple(self._port(name) for name in self.inputs),
            tuple(self._port(name) for name in outputs or (self.nodes[-1].output,)),
            tuple(self.nodes),
            dict(self.tensors),
            dict(self.consts),
            tuple(self.states),
        )
        verify(graph)
        return graph

    def _weighted(
        self,
        op: Conv2D | DepthwiseConv2D | FullyConnected,
        x: str,
        shape: Shape,
        axis: int,
        q: QParams | None,
        weight_scales: Sequence[float] | None,
        bias: Sequence[int] | None,
    ) -> str:
        out_c, number = shape[axis], len(self.nodes)
        drawn = self.rng.uniform(0.002, 0.02, out_c) if weight_scales is None else weight_scales
        scales = tuple(float(np.float32(s)) for s in drawn)
        per_axis = axis if len(scales) == out_c else None
        taps = math.prod(shape) // out_c
        if bias is None:
            bias = self.rng.integers(-3000, 3001, out_c).tolist()
        weights = self.const(
            f"w{number}", TensorType(DType.INT8, shape, QParams(scales, 0, per_axis)), None
        )
        bias_name = self.const(
            f"b{number}", TensorType(DType.INT32, (out_c,)), np.array(bias, dtype=np.int32)
        )
        spread = self.scale(x) * float(np.median(scales)) * math.sqrt(taps) * 100
        return self.node(op, (x, weights, bias_name), q or self.any_quant(spread))

    def node(self, op: Int8Op, inputs: tuple[str, ...], q: QParams) -> str:
        name = f"{type(op).__name__.lower()}{len(self.nodes)}"
        types = [self.type(i) for i in inputs]
        self.tensors[f"{name}_out"] = TensorType(op.element(types), op.infer(types), q)
        self.nodes.append(Node(op, inputs, f"{name}_out", name, (f"onnx_{name}",)))
        return f"{name}_out"

    def const(self, name: str, kind: TensorType, data: NDArray[np.generic] | None) -> str:
        self.consts[name] = Const(name, kind, self.int8(kind.shape) if data is None else data)
        return name

    def int8(self, shape: Shape) -> NDArray[np.int8]:
        return self.rng.integers(-127, 128, shape, dtype=np.int8)

    def _pads(self, x: str, kernel: Pair, stride: Pair, dilation: Pair, pads: Padding) -> Pads:
        if pads == "same":
            return same_pads(self.tensors[x].shape, kernel, stride, dilation)
        return (0, 0, 0, 0) if pads == "valid" else pads

    def any_quant(self, scale: float) -> QParams:
        return quant(scale, int(self.rng.integers(-128, 128)))

    def scale(self, x: str) -> float:
        return self.type(x).q.scale

    def type(self, name: str) -> TensorType:
        return self.tensors[name] if name in self.tensors else self.consts[name].type

    def _port(self, name: str) -> Port:
        kind = self.tensors[name]
        return Port(name, name, kind.dtype, kind.shape)


def random_inputs(graph: Int8Graph, count: int, seed: int = 0) -> dict[str, NDArray[np.int8]]:
    """Samples for every input: random ones, then one of all -128 and one of all 127."""
    rng = np.random.default_rng(seed)
    samples: dict[str, NDArray[np.int8]] = {}
    for port in graph.inputs:
        shape = graph.tensors[port.tensor].shape[1:]
        values = rng.integers(-128, 128, (count, *shape), dtype=np.int8)
        if count >= 3:
            values[-2], values[-1] = -128, 127
        samples[port.tensor] = values
    return samples


def all_values(graph: Int8Graph) -> dict[str, NDArray[np.int8]]:
    """One sample for the only input, [1, 256]: every int8 value in order."""
    values = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)
    return {port.tensor: values for port in graph.inputs}
