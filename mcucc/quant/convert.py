"""Writes the int8 graph of a float graph whose values have their quantization."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import UnsupportedModelError, Violation
from mcucc.ir import Const, DType, Node, QParams, TensorType
from mcucc.ops import FloatGraph, FloatNode, Int8Graph, Int8Node, Int8Op
from mcucc.ops.conv import Conv2D, DepthwiseConv2D, FloatConv2D, FloatDepthwiseConv2D
from mcucc.ops.dense import FloatDense, FullyConnected
from mcucc.ops.elementwise import (
    Add,
    Clamp,
    FloatBatchNorm,
    FloatBinary,
    FloatClip,
    FloatFakeQuant,
    Mul,
    Requantize,
    Sub,
)
from mcucc.ops.movement import Concat, FloatConcat
from mcucc.ops.pool import AveragePool2D, FloatMean, Mean
from mcucc.ops.unary import FloatUnary, HardSwish, LeakyRelu, Logistic, Table, Tanh
from mcucc.quant.faults import violations
from mcucc.quant.forms import CannotQuantizeError, check_mean, check_operands, same_attributes
from mcucc.quant.means import Correction
from mcucc.quant.observe import Observations
from mcucc.quant.scheme import Scheme
from mcucc.quant.values import Values, clamp_bounds
from mcucc.quant.weights import QuantizedWeights, given_weights, quantize_weights
from mcucc.reference.elementwise import float_unary
from mcucc.reference.fixed_point import dequantize, quantize

_SMALLEST_SCALE, _LARGEST_SCALE = 2.0**-149, 2.0**127
"""Bounds of a bias scale, inside the range of float32."""

_LARGEST_PRODUCT = 2.0**126
"""Products of two scales must be float32 numbers."""


def convert(
    graph: FloatGraph,
    scheme: Scheme,
    seen: Observations,
    *,
    correct_bias: bool,
    scales_matter: bool = True,
    given: bool = False,
) -> Int8Graph:
    """The int8 graph.

    Args:
        graph: after the float passes.
        scheme: quantization of every value.
        seen: means of the inputs of each layer, for bias correction.
        correct_bias: whether the mean error of rounded weights is taken out of the biases.
        scales_matter: whether the scales must fit the fixed-point arithmetic.
        given: whether the file gives all scales.

    Raises:
        UnsupportedModelError: with every node that has no int8 form.
    """
    conversion = _Conversion(graph, scheme, seen, correct_bias)
    for node in graph.nodes:
        conversion.visit(node)
    if not conversion.violations:
        quantized = conversion.result()
        conversion.violations += violations(quantized, scales_matter=scales_matter, given=given)
        if not conversion.violations:
            return quantized
    raise UnsupportedModelError(tuple(conversion.violations))


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
    violations: list[Violation] = field(default_factory=list[Violation])
    parameters: dict[tuple[str, ...], tuple[str, str]] = field(
        default_factory=dict[tuple[str, ...], tuple[str, str]]
    )
    taken: set[str] = field(default_factory=set[str])
    values: Values = field(init=False)

    def __post_init__(self) -> None:
        self.values = Values.of(self.graph, self.scheme)
        for port in self.graph.inputs:
            self.tensors[self.values.name(port.tensor)] = self.int8_type(port.tensor)

    def result(self) -> Int8Graph:
        """The whole graph."""
        inputs, outputs = (
            tuple(replace(port, tensor=self.values.name(port.tensor)) for port in ports)
            for ports in (self.graph.inputs, self.graph.outputs)
        )
        nodes = tuple(self.nodes)
        draft = Int8Graph(self.graph.name, inputs, outputs, nodes, self.tensors, self.consts)
        return draft.with_nodes(nodes)

    def visit(self, node: FloatNode) -> None:
        """Write the int8 form of one node."""
        if node.output in self.values.vanished:
            return
        try:
            self.write(node)
        except CannotQuantizeError as refusal:
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
                self.mean(node, op)
            case FloatFakeQuant():
                self.emit(node, Requantize())
            case FloatConcat():
                self.emit(node, Concat(), [self.at_scale(node, x) for x in node.inputs])
            case FloatBatchNorm():
                raise CannotQuantizeError(
                    "a batch normalization must have been folded",
                    f"on {list(self.graph.tensors[node.output].shape)}",
                    "This is a bug in mcucc, please report it.",
                )
            case _:
                self.emit(node, same_attributes(op))

    # Rules.

    def weighted(
        self, node: FloatNode, op: FloatConv2D | FloatDepthwiseConv2D | FloatDense
    ) -> None:
        """Convolutions and dense layers."""
        x = node.inputs[0]
        reals = self.graph.const(node.inputs[1]).reals()
        largest = float(np.abs(reals).max(initial=0.0)) * self.scheme.of[x].scale
        if largest > _LARGEST_PRODUCT:
            rule = "the largest weight times the scale of the input must be at most"
            raise CannotQuantizeError(
                f"{rule} {_LARGEST_PRODUCT:.3g}",
                f"{largest:.3g}",
                "Look for weights or constants that are far too large.",
            )
        self.check_products(node)
        if node.inputs not in self.parameters:  # a layer that is repeated has them once
            quantized = self.quantized_weights(node, op)
            self.parameters[node.inputs] = (
                self.const(f"{node.name}.weights", quantized.weights, quantized.weight_quant),
                self.const(f"{node.name}.bias", quantized.bias, quantized.bias_quant),
            )
        names = self.parameters[node.inputs]
        made: Int8Op
        if isinstance(op, FloatDense):
            made = FullyConnected(op.activation)
        elif isinstance(op, FloatDepthwiseConv2D):
            made = DepthwiseConv2D(op.stride, op.dilation, op.pads, op.activation)
        else:
            made = Conv2D(op.stride, op.dilation, op.pads, op.activation)
        self.emit(node, made, [x, *names])

    def check_products(self, node: FloatNode) -> None:
        """The scales of a bias are products, and must be float32 numbers."""
        quant = self.graph.const(node.inputs[1]).type.quant
        if quant is None:
            return
        scale = self.scheme.of[node.inputs[0]].scale
        least, most = scale * min(quant.scales), scale * max(quant.scales)
        if not _SMALLEST_SCALE <= least <= most < _LARGEST_SCALE:
            raise CannotQuantizeError(
                "s_input * s_weight must be a float32 number",
                f"{least:.3g} to {most:.3g}",
                "Calibrate the model again.",
            )

    def quantized_weights(
        self, node: FloatNode, op: FloatConv2D | FloatDepthwiseConv2D | FloatDense
    ) -> QuantizedWeights:
        """The parameters of a layer: as they are in the file, or quantized here."""
        x, weights, bias = node.inputs[0], *(self.graph.const(name) for name in node.inputs[1:])
        scale = self.scheme.of[x].scale
        if weights.type.quant is not None:
            return given_weights(weights, bias, scale)
        seen = self.seen.sums.get(x) if self.correct_bias else None
        correction = None if seen is None else Correction.of(seen, self.int8_type(node.output))
        reals = (weights.data.astype(np.float32), bias.reals().astype(np.float32))
        return quantize_weights(op, *reals, scale, correction)

    def mean(self, node: FloatNode, op: FloatMean) -> None:
        """A mean; a pool over the whole map at one quantization divides its sum once."""
        check_mean(self.graph, node, op)
        x = node.inputs[0]
        _, *window, _ = self.graph.tensors[x].shape
        if op.pools and self.scheme.of[x] == self.scheme.of[node.output]:
            self.emit(node, AveragePool2D((window[0], window[1])))
        else:
            self.emit(node, Mean(op.axes, op.keep_dims))

    def binary(self, node: FloatNode, op: FloatBinary) -> None:
        """Sums and products of two computed values."""
        first, second = node.inputs
        shapes = [self.graph.type_of(name).shape for name in node.inputs]
        check_operands(self.graph, node, op)
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
            values = self.table(op, self.scheme.of[x], self.scheme.of[node.output])
            table = self.const(f"{node.name}.table", values, None)
            self.emit(node, Table(), [x, table])

    def table(self, op: FloatUnary, source: QParams, target: QParams) -> NDArray[np.int8]:
        """The function at every int8 value."""
        q = np.arange(-128, 128, dtype=np.int64).astype(np.int8)
        return quantize(float_unary(op, dequantize(q, source)), target)

    def clip(self, node: FloatNode, op: FloatClip) -> None:
        """A clip that could not be absorbed limits the int8 values themselves."""
        low, high = clamp_bounds(op, self.scheme.of[node.output])
        if (low, high) == (-128, 127):
            self.emit(node, Requantize())  # which saturates where the clip would
        else:
            self.emit(node, Clamp(low, high), [self.at_scale(node, node.inputs[0])])

    # Writing.

    def emit(self, node: FloatNode, op: Int8Op, inputs: Sequence[str] | None = None) -> None:
        """Append the int8 node of a float one."""
        output = self.values.name(node.output)
        kind = self.int8_type(node.output)
        self.append(node, op, inputs or node.inputs, output, kind, self.values.origins[node.output])

    def append(
        self,
        node: FloatNode,
        op: Int8Op,
        inputs: Sequence[str],
        output: str,
        kind: TensorType,
        origin: tuple[str, ...],
    ) -> None:
        """Append an int8 node that stands for a float one, or for a part of it."""
        label = name = self.values.label(node, output)
        number = 2
        while name in self.taken:
            name, number = f"{label}_{number}", number + 1
        self.taken.add(name)
        self.tensors[output] = kind
        names = tuple(self.values.name(x) for x in inputs)
        self.nodes.append(Node(op, names, output, name, origin))

    def at_scale(self, node: FloatNode, x: str) -> str:
        """An input of a node in the quantization of its output, requantized if need be."""
        wanted, source = self.scheme.of[node.output], self.values.name(x)
        if self.scheme.of[x] == wanted:
            return source
        output, number = f"{source}.rescaled", 2
        while output in self.tensors and self.tensors[output].quant != wanted:
            output, number = f"{source}.rescaled_{number}", number + 1
        if output not in self.tensors:
            kind = TensorType(DType.INT8, self.graph.tensors[x].shape, wanted)
            self.append(node, Requantize(), (x,), output, kind, node.origin)
        return output

    def int8_type(self, name: str) -> TensorType:
        return TensorType(DType.INT8, self.graph.tensors[name].shape, self.scheme.of[name])

    def const(self, base: str, data: NDArray[np.generic], quant: QParams | None) -> str:
        """Add a constant; its name is `base` or close to it."""
        name, number = base, 2
        while name in self.graph.tensors or name in self.consts:
            name, number = f"{base}_{number}", number + 1
        tensor = TensorType(DType(data.dtype.name), tuple(data.shape), quant)
        self.consts[name] = Const(name, tensor, data)
        return name
