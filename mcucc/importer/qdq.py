"""Lowers a quantised (QDQ) ONNX network to int8 operators.

The walk gives each ONNX value a symbol: int8 activations, their dequantised view, weights,
constants, or a pending float result. A pending result becomes an int8 node when its
QuantizeLinear is met, because only then is its output scale known. The network is taken at its
word: its scales, zero points, weights and biases are used as they are.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import UnsupportedModelError, Violation
from mcucc.importer.layout import to_inner_perm, to_inner_shape
from mcucc.importer.reader import OnnxModel, OnnxNode, OnnxPort
from mcucc.importer.rules_conv import lower_conv, lower_dense
from mcucc.importer.rules_other import (
    finish,
    lower_add,
    lower_average_pool,
    lower_clip,
    lower_global_average_pool,
    lower_pad,
    lower_reduce_mean,
    lower_reshape,
    lower_softmax,
    reshape_target,
)
from mcucc.importer.values import (
    Activations,
    Constant,
    Pending,
    ReadsRefusedError,
    RefusalError,
    Refused,
    Symbol,
    Weights,
)
from mcucc.ir import Const, DType, Node, Port, QParams, Shape, TensorType
from mcucc.ops import Int8Graph, Int8Node, Int8Op, Requantize


def lower_qdq(model: OnnxModel, name: str) -> Int8Graph:
    """Lower a whole model.

    Args:
        model: as `read_onnx` gives it.
        name: the graph's name, a C identifier.

    Raises:
        UnsupportedModelError: with every reason why the model cannot be lowered.
    """
    walk = _Walk(model)
    for node in model.nodes:
        walk.visit(node)
    outputs = tuple(port for p in model.outputs if (port := walk.output(p)) is not None)
    if not walk.nodes and not walk.violations:
        walk.violations.append(
            Violation(
                model.path.name,
                "Graph",
                "the network must compute something between its input and its output",
                "no operator",
                "Check the export.",
            )
        )
    if walk.violations:
        raise UnsupportedModelError(tuple(walk.violations))
    inputs = tuple(walk.ports[p.name] for p in model.inputs if p.name in walk.ports)
    nodes = tuple(walk.nodes)
    draft = Int8Graph(name, inputs, outputs, nodes, walk.tensors, walk.consts)
    return draft.with_nodes(nodes)


@dataclass
class _Walk:
    """The state of one walk over the nodes."""

    model: OnnxModel
    symbols: dict[str, Symbol] = field(default_factory=dict[str, Symbol])
    ports: dict[str, Port] = field(default_factory=dict[str, Port])
    nodes: list[Int8Node] = field(default_factory=list[Int8Node])
    tensors: dict[str, TensorType] = field(default_factory=dict[str, TensorType])
    consts: dict[str, Const] = field(default_factory=dict[str, Const])
    violations: list[Violation] = field(default_factory=list[Violation])

    def __post_init__(self) -> None:
        for name, data in self.model.constants.items():
            self.symbols[name] = Constant(data)

    def visit(self, node: OnnxNode) -> None:
        """Give the node's output its symbol."""
        output = node.outputs[0]
        try:
            self.symbols[output] = _HANDLERS.get(node.op, _unknown)(self, node)
        except ReadsRefusedError:
            self.symbols[output] = Refused()
        except RefusalError as refusal:
            self.violations.append(refusal.violation)
            self.symbols[output] = Refused()

    # Reading symbols.

    def symbol(self, node: OnnxNode, index: int) -> Symbol | None:
        """The symbol of an input, None where it is left out."""
        if index >= len(node.inputs) or not node.inputs[index]:
            return None
        found = self.symbols.get(node.inputs[index])
        if isinstance(found, Refused):
            raise ReadsRefusedError
        return found

    def real(self, node: OnnxNode, index: int = 0) -> Activations:
        """An input that must be dequantised activations."""
        found = self.symbol(node, index)
        if isinstance(found, Activations) and found.real:
            return found
        raise RefusalError(
            node,
            "its input must come from a DequantizeLinear",
            f"input {index} '{node.inputs[index]}' is {_describe(found)}",
            "Quantise this operator too: Quantize/DequantizeLinear around it.",
        )

    def weights(self, node: OnnxNode, index: int) -> Weights:
        """An input that must be a quantised constant."""
        found = self.symbol(node, index)
        if isinstance(found, Weights):
            return found
        raise RefusalError(
            node,
            "weights and bias must be constants behind a DequantizeLinear",
            f"input {index} is {_describe(found)}",
            "Quantise weights to int8 and the bias to int32 (QDQ format).",
        )

    def numbers(self, node: OnnxNode, index: int, attribute: str) -> tuple[float, ...] | None:
        """Numbers given as a constant input or, in older operator sets, as an attribute."""
        found = self.symbol(node, index)
        if found is None:
            value = node.attributes.get(attribute)
            return None if value is None else _floats(np.asarray(value))
        if isinstance(found, Constant):
            return _floats(found.data)
        raise RefusalError(
            node,
            f"'{attribute}' must be constant",
            f"input {index} is {_describe(found)}",
            "Export with constant folding.",
        )

    # Quantisation.

    def quantisation(self, node: OnnxNode) -> tuple[NDArray[np.float32], NDArray[np.generic]]:
        """Scale and zero point of a QuantizeLinear or DequantizeLinear."""
        scale = self.numbers(node, 1, "scale")
        scales = np.asarray(scale, dtype=np.float32)
        if not scales.size or not np.all(np.isfinite(scales)) or np.any(scales <= 0):
            raise RefusalError(
                node, "scales must be finite and positive", f"{scale}", "Calibrate the model again."
            )
        zero = self.symbol(node, 2)
        points = zero.data if isinstance(zero, Constant) else np.zeros(scales.shape, dtype=np.uint8)
        return scales, points

    def activation_quant(self, node: OnnxNode) -> QParams:
        """Per-tensor int8 quantisation of an activation."""
        scales, points = self.quantisation(node)
        if scales.size != 1 or points.dtype != np.int8:
            raise RefusalError(
                node,
                "activations must be int8 with one scale",
                f"{scales.size} scales, zero point of type {points.dtype}",
                "Quantise activations to QInt8, per tensor.",
            )
        return QParams((float(scales.ravel()[0]),), int(points.ravel()[0]))

    def quantize(self, node: OnnxNode) -> Symbol:
        """QuantizeLinear: the end of an island, or an input port."""
        quant = self.activation_quant(node)
        name, source = node.outputs[0], node.inputs[0]
        found = self.symbol(node, 0)
        if isinstance(found, Pending):
            return self.emit(finish(found, quant), name, quant)
        if isinstance(found, Activations):
            return self.requantize(found, name, quant, (node.name,))
        port = next((p for p in self.model.inputs if p.name == source), None)
        if port is None:
            raise RefusalError(
                node,
                "what is quantised must be an activation",
                f"'{source}' is {_describe(found)}",
                "Fold constants before quantising.",
            )
        return self.input_port(node, port, name, quant)

    def input_port(self, node: OnnxNode, port: OnnxPort, name: str, quant: QParams) -> Symbol:
        """Make a graph input; a second QuantizeLinear of the same input must agree."""
        shape = _static_shape(node, port)
        if port.name in self.ports:
            tensor = self.ports[port.name].tensor
            if self.tensors[tensor].quant != quant:
                raise RefusalError(
                    node,
                    "an input must be quantised one way",
                    f"'{port.name}' has two different scales or zero points",
                    "Quantise the input once.",
                )
            return Activations(tensor, quant, shape, real=False)
        self.tensors[name] = TensorType(DType.INT8, to_inner_shape(shape), quant)
        self.ports[port.name] = Port(
            name, port.name, DType(port.dtype), shape, to_inner_perm(len(shape))
        )
        return Activations(name, quant, shape, real=False)

    def dequantize(self, node: OnnxNode) -> Symbol:
        """DequantizeLinear: of weights, of activations, or of an int8 input."""
        found = self.symbol(node, 0)
        if isinstance(found, Constant):
            return self.dequantize_constant(node, found)
        quant = self.activation_quant(node)
        if found is None:
            port = next((p for p in self.model.inputs if p.name == node.inputs[0]), None)
            if port is not None and port.dtype == "int8":
                found = self.input_port(node, port, port.name, quant)
        if not isinstance(found, Activations) or found.real or found.quant != quant:
            raise RefusalError(
                node,
                "DequantizeLinear must undo the QuantizeLinear before it",
                f"its input is {_describe(found)}",
                "Use the same scale and zero point on both sides.",
            )
        return Activations(found.tensor, quant, found.shape, real=True, flattened=found.flattened)

    def dequantize_constant(self, node: OnnxNode, constant: Constant) -> Weights:
        """Weights or bias, symmetric."""
        scales, points = self.quantisation(node)
        if np.any(points != 0):
            raise RefusalError(
                node,
                "weights must have zero point 0",
                f"zero point {points.ravel()[:4].tolist()}",
                "Quantise weights symmetrically (QInt8, WeightSymmetric=True).",
            )
        axis = None
        if scales.size > 1:
            axis = node.int("axis", 1) % max(1, constant.data.ndim)
        return Weights(constant.data, scales.ravel(), axis)

    # Making nodes.

    def emit(self, pending: Pending, name: str, quant: QParams) -> Activations:
        """Append the node of a pending result, and a requantisation if its scale is fixed."""
        made = pending.fixed or quant
        inner = name if made == quant else f"{name}.unscaled"
        inputs = [x.tensor for x in pending.inputs]
        for parameter, suffix in zip(pending.weights, ("weights", "bias"), strict=False):
            const = f"{pending.node.name}.{suffix}"
            dtype = DType(parameter.data.dtype.name)
            shape = tuple(parameter.data.shape)
            self.consts[const] = Const(
                const, TensorType(dtype, shape, parameter.quant), parameter.data
            )
            inputs.append(const)
        self.append(pending.op, inputs, inner, pending.shape, made, pending.origin)
        result = Activations(inner, made, pending.shape, real=False, flattened=pending.flattened)
        return result if made == quant else self.requantize(result, name, quant, ())

    def requantize(
        self, x: Activations, name: str, quant: QParams, origin: tuple[str, ...]
    ) -> Activations:
        """The same values at another scale; nothing at all if the scale is the same."""
        if x.quant == quant:
            return Activations(x.tensor, quant, x.shape, real=False, flattened=x.flattened)
        self.append(Requantize(), [x.tensor], name, x.shape, quant, origin)
        return Activations(name, quant, x.shape, real=False, flattened=x.flattened)

    def append(
        self,
        op: Int8Op,
        inputs: Sequence[str],
        output: str,
        shape: Shape,
        quant: QParams,
        origin: tuple[str, ...],
    ) -> None:
        """Append a node; its name is the name of its output, shortened."""
        name = output.removesuffix("_quantized").removesuffix("_QuantizeLinear_Output")
        taken = {node.name for node in self.nodes}
        self.nodes.append(
            Node(op, tuple(inputs), output, output if name in taken else name, origin)
        )
        self.tensors[output] = TensorType(DType.INT8, to_inner_shape(shape), quant)

    def output(self, port: OnnxPort) -> Port | None:
        """The output port of a declared output, None (and a violation) if it is not int8."""
        found = self.symbols.get(port.name)
        if isinstance(found, Refused):
            return None
        if isinstance(found, Activations) and found.flattened is None:
            dtype = DType.FLOAT32 if found.real else DType.INT8
            perm = to_inner_perm(len(found.shape))
            return Port(found.tensor, port.name, dtype, found.shape, perm)
        self.violations.append(
            Violation(
                port.name,
                "Output",
                "an output must come from a Quantize/DequantizeLinear pair, in map order",
                _describe(found),
                "Quantise the last operator too, and do not end in a flattened map.",
            )
        )
        return None


def _static_shape(node: OnnxNode, port: OnnxPort) -> Shape:
    shape = tuple(1 if axis == 0 and size is None else size for axis, size in enumerate(port.shape))
    fixed = tuple(size for size in shape if size is not None)
    if len(fixed) != len(shape) or not 2 <= len(fixed) <= 4 or fixed[0] != 1:
        raise RefusalError(
            node,
            "an input must have rank 2 to 4, batch 1 and no open dimension but the batch",
            f"'{port.name}' {list(port.shape)}",
            "Export with fixed sizes and batch 1.",
        )
    return fixed


def _floats(values: NDArray[np.generic]) -> tuple[float, ...]:
    return tuple(float(v) for v in values.astype(np.float64).ravel())


def _describe(symbol: Symbol | None) -> str:
    match symbol:
        case None:
            return "missing or a plain input"
        case Activations():
            view = "dequantised" if symbol.real else "int8"
            turned = ", a flattened map" if symbol.flattened else ""
            return f"{view} activations {list(symbol.shape)}{turned}"
        case Weights():
            return "quantised weights"
        case Constant():
            return f"a constant {symbol.data.dtype}{list(symbol.data.shape)}"
        case Pending():
            return f"the float result of {symbol.node.op} '{symbol.node.name}'"
        case Refused():
            return "the result of a refused operator"


def _ints(values: tuple[float, ...] | None) -> tuple[int, ...]:
    return () if values is None else tuple(int(v) for v in values)


def _unknown(_walk: _Walk, node: OnnxNode) -> Symbol:
    raise RefusalError(
        node,
        "the operator must be one that mcucc knows in a quantised network",
        f"operator {node.op}",
        f"Known: {', '.join(sorted(_HANDLERS))}.",
    )


def _conv(walk: _Walk, node: OnnxNode) -> Symbol:
    x, weights = walk.real(node), walk.weights(node, 1)
    bias = None if walk.symbol(node, 2) is None else walk.weights(node, 2)
    return lower_conv(node, x, weights, bias)


def _dense(walk: _Walk, node: OnnxNode) -> Symbol:
    x, weights = walk.real(node), walk.weights(node, 1)
    bias = None if walk.symbol(node, 2) is None else walk.weights(node, 2)
    return lower_dense(node, x, weights, bias)


def _clip(walk: _Walk, node: OnnxNode) -> Symbol:
    found = walk.symbol(node, 0)
    if not isinstance(found, Pending):
        raise RefusalError(
            node,
            "Relu and Clip must follow a float operator and precede its QuantizeLinear",
            f"its input is {_describe(found)}",
            "Quantise after the activation, not before it.",
        )
    if node.op == "Relu":
        return lower_clip(node, found, 0.0, math.inf)
    low, high = walk.numbers(node, 1, "min"), walk.numbers(node, 2, "max")
    return lower_clip(
        node, found, -math.inf if low is None else low[0], math.inf if high is None else high[0]
    )


def _reshape(walk: _Walk, node: OnnxNode) -> Symbol:
    x = walk.real(node)
    shape = walk.symbol(node, 1)
    target = reshape_target(node, x, shape if isinstance(shape, Constant) else None)
    return lower_reshape(node, x, target)


def _pad(walk: _Walk, node: OnnxNode) -> Symbol:
    value = walk.numbers(node, 2, "value")
    pads = _ints(walk.numbers(node, 1, "pads"))
    return lower_pad(node, walk.real(node), pads, value[0] if value else 0.0)


def _reduce_mean(walk: _Walk, node: OnnxNode) -> Symbol:
    axes = walk.numbers(node, 1, "axes")
    return lower_reduce_mean(node, walk.real(node), _ints(axes) or None)


_HANDLERS: dict[str, Callable[[_Walk, OnnxNode], Symbol]] = {
    "Add": lambda walk, node: lower_add(node, walk.real(node, 0), walk.real(node, 1)),
    "AveragePool": lambda walk, node: lower_average_pool(node, walk.real(node)),
    "Clip": _clip,
    "Conv": _conv,
    "DequantizeLinear": lambda walk, node: walk.dequantize(node),
    "Flatten": _reshape,
    "Gemm": _dense,
    "GlobalAveragePool": lambda walk, node: lower_global_average_pool(node, walk.real(node)),
    "MatMul": _dense,
    "Pad": _pad,
    "QuantizeLinear": lambda walk, node: walk.quantize(node),
    "ReduceMean": _reduce_mean,
    "Relu": _clip,
    "Reshape": _reshape,
    "Softmax": lambda walk, node: lower_softmax(node, walk.real(node), walk.model.opset),
}
