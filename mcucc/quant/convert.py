"""Writes the int8 graph of a float graph whose values have their quantization."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import UnsupportedModelError, Violation
from mcucc.ir import Const, DType, Node, Port, QParams, TensorType
from mcucc.ops import (
    Add,
    AveragePool2D,
    Clamp,
    Concat,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    HardSwish,
    Int8Graph,
    Int8Node,
    Int8Op,
    LeakyRelu,
    Logistic,
    MaxPool2D,
    Mean,
    Mul,
    Pad,
    Requantize,
    Reshape,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Table,
    Tanh,
    Transpose,
)
from mcucc.ops.float_ops import (
    FloatAveragePool2D,
    FloatBatchNorm,
    FloatBinary,
    FloatClip,
    FloatConcat,
    FloatConv2D,
    FloatDense,
    FloatDepthwiseConv2D,
    FloatGraph,
    FloatMaxPool2D,
    FloatMean,
    FloatNode,
    FloatPad,
    FloatReshape,
    FloatResizeNearest,
    FloatSlice,
    FloatSoftmax,
    FloatTranspose,
    FloatUnary,
)
from mcucc.ops.verify import node_faults
from mcucc.quant.means import Correction
from mcucc.quant.observe import Observations
from mcucc.quant.scheme import Scheme, fixed_quant
from mcucc.quant.weights import quantize_weights
from mcucc.reference.arithmetic import arithmetic_faults
from mcucc.reference.elementwise import float_unary
from mcucc.reference.fixed_point import dequantize, quantize

_Plain = (
    FloatSoftmax
    | FloatPad
    | FloatMaxPool2D
    | FloatAveragePool2D
    | FloatReshape
    | FloatTranspose
    | FloatConcat
    | FloatResizeNearest
    | FloatSlice
)


_RANGES_HINT = (
    "The ranges that calibration found are too far apart: look at the weights and constants of "
    "this layer, and give calibration inputs as in training."
)


_SHAPES_HINT = "Change the layer in the model: its shapes have no int8 form here."


_LARGEST_PRODUCT = 2.0**126
"""Products of two scales must be float32 numbers."""


class _CannotQuantizeError(Exception):
    """Raised by a rule; (rule, actual, hint)."""


def convert(
    graph: FloatGraph,
    scheme: Scheme,
    seen: Observations,
    *,
    correct_bias: bool,
    scales_matter: bool = True,
) -> Int8Graph:
    """The int8 graph.

    Args:
        graph: after the float passes.
        scheme: quantization of every value.
        seen: means of the inputs of each layer, for bias correction.
        correct_bias: whether the mean error of rounded weights is taken out of the biases.
        scales_matter: whether the scales must fit the fixed-point arithmetic.

    Raises:
        UnsupportedModelError: with every node that has no int8 form.
    """
    conversion = _Conversion(graph, scheme, seen, correct_bias)
    for node in graph.nodes:
        conversion.visit(node)
    if not conversion.violations:
        quantized = conversion.result()
        conversion.violations += _violations(quantized, scales_matter=scales_matter)
        if not conversion.violations:
            return quantized
    raise UnsupportedModelError(tuple(conversion.violations))


def _violations(graph: Int8Graph, *, scales_matter: bool) -> Iterator[Violation]:
    """What breaks a rule of its operator, or of the fixed point, with the scales it has."""
    for node in graph.nodes:
        kind = type(node.op).__name__
        faults = [
            fault.removeprefix(f"{kind} '{node.name}': ") for fault in node_faults(graph, node)
        ]
        if scales_matter:
            for fault in faults or arithmetic_faults(graph, node):
                yield Violation(node.name, kind, fault, _ranges(graph, node), _RANGES_HINT)
        for fault in () if scales_matter else faults:
            yield Violation(node.name, kind, fault, _shapes(graph, node), _SHAPES_HINT)


def _shapes(graph: Int8Graph, node: Int8Node) -> str:
    shapes = [list(graph.type_of(name).shape) for name in (*node.inputs, node.output)]
    return f"{', '.join(map(str, shapes[:-1]))} make {shapes[-1]} (inner layout)"


def _ranges(graph: Int8Graph, node: Int8Node) -> str:
    """What an operator reads and makes, with the reals that their int8 values cover."""
    made = [name for name in (*node.inputs, node.output) if name in graph.tensors]
    texts: list[str] = []
    for name in made:
        kind = graph.tensors[name]
        low, high = (kind.q.scale * (q - kind.q.zero_point) for q in (-128, 127))
        texts.append(f"{list(kind.shape)} within {low:.3g} to {high:.3g}")
    return f"{', '.join(texts[:-1])} make {texts[-1]}"


@dataclass
class _Conversion:
    """The state of one conversion."""

    graph: FloatGraph
    scheme: Scheme
    seen: Observations
    correct_bias: bool
    nodes: list[Int8Node] = field(default_factory=list[Int8Node])
    tensors: dict[str, TensorType] = field(default_factory=dict[str, TensorType])
    consts: dict[str, Const] = field(default_factory=dict[str, Const])
    alias: dict[str, str] = field(default_factory=dict[str, str])
    violations: list[Violation] = field(default_factory=list[Violation])

    def __post_init__(self) -> None:
        for port in self.graph.inputs:
            self.tensors[port.tensor] = self.int8_type(port.tensor)

    def result(self) -> Int8Graph:
        """The whole graph."""
        outputs = tuple(
            Port(self.resolve(p.tensor), p.name, p.dtype, p.shape, p.perm)
            for p in self.graph.outputs
        )
        nodes = tuple(self.nodes)
        draft = Int8Graph(
            self.graph.name, self.graph.inputs, outputs, nodes, self.tensors, self.consts
        )
        return draft.with_nodes(nodes)

    def visit(self, node: FloatNode) -> None:
        """Write the int8 form of one node."""
        if node.output in self.scheme.absorbed:
            self.alias[node.output] = node.inputs[0]
            return
        try:
            self.write(node)
        except _CannotQuantizeError as refusal:
            rule, actual, hint = (str(part) for part in refusal.args)
            kind = type(node.op).__name__.removeprefix("Float")
            self.violations.append(Violation(node.name, kind, rule, actual, hint))

    def write(self, node: FloatNode) -> None:
        """Choose the int8 operator."""
        op = node.op
        match op:
            case FloatConv2D() | FloatDepthwiseConv2D() | FloatDense():
                self.weighted(node, op)
            case FloatBinary():
                self.binary(node, op)
            case FloatUnary():
                self.unary(node, op)
            case FloatClip():
                self.clip(node, op)
            case FloatMean():
                _check_mean(self.graph, node, op)
                self.emit(node, Mean(op.axes, op.keep_dims))
            case FloatBatchNorm():
                raise _CannotQuantizeError(
                    "a batch normalization must have been folded",
                    f"on {list(self.graph.tensors[node.output].shape)}",
                    "This is a bug in mcucc, please report it.",
                )
            case _:
                self.emit(node, _same_attributes(op))

    # Rules.

    def weighted(
        self, node: FloatNode, op: FloatConv2D | FloatDepthwiseConv2D | FloatDense
    ) -> None:
        """Convolutions and dense layers."""
        x, weights, bias = node.inputs
        largest = float(np.abs(self.floats(weights)).max(initial=0.0)) * self.scheme.of[x].scale
        if largest > _LARGEST_PRODUCT:
            rule = "the largest weight times the scale of the input must be at most"
            raise _CannotQuantizeError(
                f"{rule} {_LARGEST_PRODUCT:.3g}",
                f"{largest:.3g}",
                "Look for weights or constants that are far too large.",
            )
        output = self.int8_type(node.output)
        quantized = quantize_weights(
            *(op, self.floats(weights), self.floats(bias), self.scheme.of[x].scale),
            Correction.of(self.seen.sums[x], output) if self.correct_bias else None,
        )
        names = (f"{node.name}.weights", f"{node.name}.bias")
        self.const(names[0], quantized.weights, quantized.weight_quant)
        self.const(names[1], quantized.bias, quantized.bias_quant)
        made: Int8Op
        if isinstance(op, FloatDense):
            made = FullyConnected(op.activation)
        elif isinstance(op, FloatDepthwiseConv2D):
            made = DepthwiseConv2D(op.stride, op.dilation, op.pads, op.activation)
        else:
            made = Conv2D(op.stride, op.dilation, op.pads, op.activation)
        self.emit(node, made, [x, *names])

    def binary(self, node: FloatNode, op: FloatBinary) -> None:
        """Sums and products of two computed values."""
        first, second = node.inputs
        shapes = [self.graph.type_of(name).shape for name in node.inputs]
        _check_operands(self.graph, node, op)
        if op.kind == "mul" and shapes[0] != self.graph.tensors[node.output].shape:
            first, second = second, first
        made = {"add": Add, "sub": Sub, "mul": Mul}[op.kind](op.activation)
        self.emit(node, made, [first, second])

    def unary(self, node: FloatNode, op: FloatUnary) -> None:
        """TensorFlow Lite's own functions, and tables for the rest."""
        known: dict[str, Callable[[], Int8Op]] = {
            "sigmoid": Logistic,
            "tanh": Tanh,
            "hard_swish": HardSwish,
        }
        if op.kind in known:
            self.emit(node, known[op.kind]())
        elif op.kind == "leaky_relu" and 0 < op.alpha < 1:
            self.emit(node, LeakyRelu(op.alpha))
        else:
            x = node.inputs[0]
            table = f"{node.name}.table"
            self.const(table, self.table(op, self.scheme.of[x], self.scheme.of[node.output]), None)
            self.emit(node, Table(), [x, table])

    def table(self, op: FloatUnary, source: QParams, target: QParams) -> NDArray[np.int8]:
        """The function at every int8 value."""
        q = np.arange(-128, 128, dtype=np.int64).astype(np.int8)
        return quantize(float_unary(op, dequantize(q, source)), target)

    def clip(self, node: FloatNode, op: FloatClip) -> None:
        """A clip that could not be absorbed limits the int8 values themselves."""
        quant = self.scheme.of[node.output]

        def bound(real: float | None, default: int) -> int:
            if real is None:
                return default
            return int(quantize(np.array([real], dtype=np.float32), quant)[0])

        self.emit(node, Clamp(low=bound(op.low, -128), high=bound(op.high, 127)))

    # Writing.

    def emit(self, node: FloatNode, op: Int8Op, inputs: Sequence[str] | None = None) -> None:
        """Append a node, and a requantization where its output's quantization is fixed."""
        wanted = self.scheme.of[node.output]
        made = fixed_quant(self.graph, node.output) or wanted
        inner = node.output if made == wanted else f"{node.output}.fixed"
        names = tuple(self.resolve(name) for name in inputs or node.inputs)
        self.tensors[inner] = TensorType(DType.INT8, self.graph.tensors[node.output].shape, made)
        self.nodes.append(Node(op, names, inner, node.name, node.origin))
        if inner != node.output:
            self.tensors[node.output] = self.int8_type(node.output)
            name = f"{node.name}.requantize"
            self.nodes.append(Node(Requantize(), (inner,), node.output, name, node.origin))

    def resolve(self, name: str) -> str:
        """The int8 value behind a float one."""
        while name in self.alias:
            name = self.alias[name]
        return name

    def int8_type(self, name: str) -> TensorType:
        return TensorType(DType.INT8, self.graph.tensors[name].shape, self.scheme.of[name])

    def floats(self, name: str) -> NDArray[np.float32]:
        return self.graph.const(name).data.astype(np.float32)

    def const(self, name: str, data: NDArray[np.generic], quant: QParams | None) -> None:
        tensor = TensorType(DType(data.dtype.name), tuple(data.shape), quant)
        self.consts[name] = Const(name, tensor, data)


def _check_operands(graph: FloatGraph, node: FloatNode, op: FloatBinary) -> None:
    """Demand two values that the int8 operator takes; what constants allow, passes have folded."""
    shapes = [list(graph.type_of(name).shape) for name in node.inputs]
    actual = f"{op.kind} of {shapes[0]} and {shapes[1]} (inner layout)"
    constant = [name in graph.consts for name in node.inputs]
    if op.kind == "div" and not constant[1]:
        rule = "a divisor must be constant"
        raise _CannotQuantizeError(
            rule, actual, "Multiply by a reciprocal, or divide by a constant."
        )
    if any(constant):
        raise _CannotQuantizeError(
            "a constant operand must be one number, or one number per channel",
            f"{actual}, the {'first' if constant[0] else 'second'} constant",
            "Use a constant that broadcasts along all axes but the channels.",
        )
    first, second = sorted(shapes, key=math.prod, reverse=True)
    per_channel = [1] * (len(first) - 1) + first[-1:]
    if shapes[0] != shapes[1] and not (op.kind == "mul" and second == per_channel):
        also = ", or one value per channel for the second" if op.kind == "mul" else ""
        raise _CannotQuantizeError(
            f"two computed operands must have the same shape{also}",
            actual,
            "mcucc does not broadcast here: make both of one shape before they meet.",
        )


def _check_mean(graph: FloatGraph, node: FloatNode, op: FloatMean) -> None:
    """Demand adjacent axes that are not the last one, which holds the channels."""
    shape = graph.type_of(node.inputs[0]).shape
    adjacent = op.axes == tuple(range(min(op.axes), max(op.axes) + 1))
    if not adjacent or max(op.axes) == len(shape) - 1:
        raise _CannotQuantizeError(
            "a mean must be over adjacent axes, and not over the channels (the last axis inside)",
            f"axes {list(op.axes)} of {list(shape)} (inner layout)",
            "Transpose before the mean, or use a convolution with equal weights.",
        )


def _same_attributes(op: _Plain) -> Int8Op:  # noqa: C901, PLR0911 -- one return an operator
    """The int8 operator with the attributes of a float one."""
    match op:
        case FloatSoftmax():
            return Softmax()
        case FloatPad():
            if op.value != 0.0:
                raise _CannotQuantizeError(
                    "Pad must add zeros", f"{op.value:g}", "Use constant mode with value 0."
                )
            return Pad(op.pads)
        case FloatMaxPool2D():
            return MaxPool2D(op.kernel, op.stride, op.pads)
        case FloatAveragePool2D():
            return AveragePool2D(op.kernel, op.stride, op.pads)
        case FloatReshape():
            return Reshape(op.shape)
        case FloatTranspose():
            return Transpose(op.perm)
        case FloatConcat():
            return Concat()
        case FloatResizeNearest():
            return ResizeNearest(op.factor)
        case FloatSlice():
            return Slice(op.starts, op.sizes)
        case _:
            assert_never(op)
