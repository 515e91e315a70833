"""The state of one walk over a quantised network: what each ONNX value stands for so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import Violation
from mcucc.importer.layout import to_inner_perm, to_inner_shape
from mcucc.importer.limits import broken_rules, size_faults
from mcucc.importer.reader import OnnxModel, OnnxNode, OnnxPort
from mcucc.importer.values import (
    Activations,
    Constant,
    Parameter,
    Pending,
    ReadsRefusedError,
    RefusalError,
    Refused,
    Symbol,
    Weights,
    describe,
)
from mcucc.ir import Const, DType, Node, Port, QParams, Shape, TensorType
from mcucc.ops import Int8Graph, Int8Node, Requantize

_EXPORTER_SUFFIXES = ("_quantized", "_QuantizeLinear_Output", "_output_0")
"""What quantisers and exporters hang on the name of a node to name its output, outermost first."""


@dataclass
class Walk:
    """Reads what the rules need of a node's inputs, and collects the int8 graph they make.

    Attributes:
        model: the file.
        symbols: what each ONNX value stands for, by name.
        ports: graph inputs so far, by ONNX name.
        nodes: int8 nodes so far.
        tensors: types of int8 values so far.
        consts: weights and biases so far.
        violations: why the model cannot be lowered.
    """

    model: OnnxModel
    symbols: dict[str, Symbol] = field(default_factory=dict[str, Symbol])
    ports: dict[str, Port] = field(default_factory=dict[str, Port])
    nodes: list[Int8Node] = field(default_factory=list[Int8Node])
    tensors: dict[str, TensorType] = field(default_factory=dict[str, TensorType])
    consts: dict[str, Const] = field(default_factory=dict[str, Const])
    violations: list[Violation] = field(default_factory=list[Violation])
    _const_names: dict[Parameter, str] = field(default_factory=dict[Parameter, str])
    _node_names: set[str] = field(default_factory=set[str])
    _value_names: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        for name, data in self.model.constants.items():
            self.symbols[name] = Constant(data)
        # What may become an int8 value keeps its name; constants make way.
        quantised = (node for node in self.model.nodes if node.op == "QuantizeLinear")
        self._value_names |= {name for node in quantised for name in node.outputs}
        self._value_names |= {port.name for port in self.model.inputs}

    # Reading symbols.

    def symbol(self, node: OnnxNode, index: int) -> Symbol | None:
        """The symbol of an input, None where it is left out or a plain input of the model.

        Raises:
            ReadsRefusedError: it is the result of a refused node.
        """
        if index >= len(node.inputs) or not node.inputs[index]:
            return None
        found = self.symbols.get(node.inputs[index])
        if isinstance(found, Refused):
            raise ReadsRefusedError
        return found

    def real(self, node: OnnxNode, index: int = 0, *, flattened: bool = False) -> Activations:
        """An input that must be dequantised activations.

        Args:
            node: who reads.
            index: of the input.
            flattened: whether the reader can do with the inner order of a flattened map.
        """
        found = self.symbol(node, index)
        if not isinstance(found, Activations) or not found.real:
            raise RefusalError(
                node,
                "its input must come from a DequantizeLinear",
                f"input {index} '{node.inputs[index]}' is {describe(found)}",
                "Quantise this operator too: Quantize/DequantizeLinear around it.",
            )
        if found.flattened is not None and not flattened:
            raise RefusalError(
                node,
                "what reads a flattened map must be a dense layer",
                f"input {index} '{node.inputs[index]}' is {describe(found)}",
                "Move this operator before the Flatten.",
            )
        return found

    def weights(self, node: OnnxNode, index: int) -> Weights:
        """An input that must be a quantised constant."""
        found = self.symbol(node, index)
        if isinstance(found, Weights):
            return found
        raise RefusalError(
            node,
            "weights and bias must be constants behind a DequantizeLinear",
            f"input {index} is {describe(found)}",
            "Quantise weights to int8 and the bias to int32 (QDQ format).",
        )

    def bias(self, node: OnnxNode) -> Weights | None:
        """The third input: a quantised constant, or left out."""
        absent = len(node.inputs) < 3 or not node.inputs[2]
        return None if absent else self.weights(node, 2)

    def numbers(self, node: OnnxNode, index: int, attribute: str) -> tuple[float, ...] | None:
        """Numbers given as a constant input or, in older operator sets, as an attribute."""
        values = self._constant(node, index, attribute, kinds="fiu")
        return None if values is None else tuple(values.astype(np.float64).ravel().tolist())

    def integers(self, node: OnnxNode, index: int, attribute: str) -> tuple[int, ...] | None:
        """Integers given as a constant input or, in older operator sets, as an attribute."""
        values = self._constant(node, index, attribute, kinds="iu")
        return None if values is None else tuple(int(v) for v in values.ravel())

    def _constant(
        self, node: OnnxNode, index: int, attribute: str, kinds: str
    ) -> NDArray[np.generic] | None:
        if index >= len(node.inputs) or not node.inputs[index]:
            value = node.attributes.get(attribute)
            return None if value is None or not np.size(value) else np.asarray(value)
        found = self.symbol(node, index)
        if isinstance(found, Constant) and found.data.dtype.kind in kinds:
            return found.data
        raise RefusalError(
            node,
            f"'{attribute}' must be constant numbers",
            f"input {index} '{node.inputs[index]}' is {describe(found)}",
            "Export with constant folding.",
        )

    # Making the graph.

    def input_port(self, node: OnnxNode, port: OnnxPort, name: str, quant: QParams) -> Activations:
        """Make a graph input; whoever quantises the same input again must agree.

        Args:
            node: the Quantize- or DequantizeLinear that reads it.
            port: as the file declares it.
            name: of the int8 value.
            quant: its quantisation.
        """
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

    def emit(self, pending: Pending, name: str, quant: QParams) -> Activations:
        """Append the node of a pending result, and a requantisation if its scale is fixed."""
        made = pending.fixed or quant
        inner = name if made == quant else _fresh(f"{name}.unscaled", self._value_names)
        inputs = [x.tensor for x in pending.inputs]
        for parameter, suffix in zip(pending.weights, ("weights", "bias"), strict=False):
            inputs.append(self._parameter(parameter, f"{pending.node.name}.{suffix}"))
        node = Node(pending.op, tuple(inputs), inner, "", pending.origin)
        self._append(pending.node, node, pending.shape, made)
        result = Activations(inner, made, pending.shape, real=False, flattened=pending.flattened)
        return result if made == quant else self.requantize(pending.node, result, name, quant, ())

    def requantize(
        self,
        node: OnnxNode,
        x: Activations,
        name: str,
        quant: QParams,
        origin: tuple[str, ...],
    ) -> Activations:
        """The same values at another scale; nothing at all if the scale is the same.

        Args:
            node: who asks for it.
            x: the values.
            name: of the result.
            quant: of the result.
            origin: of the int8 node.
        """
        if x.quant == quant:
            return Activations(x.tensor, quant, x.shape, real=False, flattened=x.flattened)
        self._append(node, Node(Requantize(), (x.tensor,), name, "", origin), x.shape, quant)
        return Activations(name, quant, x.shape, real=False, flattened=x.flattened)

    def _parameter(self, parameter: Parameter, base: str) -> str:
        """The constant of weights or a bias; a result that is quantised twice has it once."""
        if parameter not in self._const_names:
            name = _fresh(base, self._value_names)
            kind = TensorType(
                DType(parameter.data.dtype.name), parameter.data.shape, parameter.quant
            )
            self.consts[name] = Const(name, kind, parameter.data)
            self._const_names[parameter] = name
        return self._const_names[parameter]

    def _append(self, cause: OnnxNode, node: Int8Node, shape: Shape, quant: QParams) -> None:
        """Append a node, named after its output, if it breaks no rule."""
        output = node.output
        short = output
        for suffix in _EXPORTER_SUFFIXES:
            short = short.removesuffix(suffix)
        base = output if not short or short in self._node_names else short
        named: Int8Node = Node(
            node.op, node.inputs, output, _fresh(base, self._node_names), node.origin
        )
        self.tensors[output] = TensorType(DType.INT8, to_inner_shape(shape), quant)
        graph: Int8Graph = Int8Graph("", (), (), (), self.tensors, self.consts)
        broken = tuple(broken_rules(graph, named))
        if broken:
            del self.tensors[output]
            raise RefusalError(
                cause,
                "; ".join(broken),
                _types(graph, named.inputs, quant),
                "Check its scales and sizes.",
            )
        self.nodes.append(named)

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
                describe(found),
                "Quantise the last operator too, and do not end in a flattened map.",
            )
        )
        return None


def _fresh(base: str, taken: set[str]) -> str:
    """The name, or the name with the first free number; it is taken from now on."""
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    taken.add(name)
    return name


def _types(graph: Int8Graph, inputs: Sequence[str], output: QParams) -> str:
    """Shapes and scales that a node works on, for a message."""
    read = (graph.type_of(name) for name in inputs)
    parts = [f"{list(kind.shape)} at scale {max(kind.q.scales):.6g}" for kind in read]
    return f"{', '.join(parts)}, output scale {output.scale:.6g}"


def _static_shape(node: OnnxNode, port: OnnxPort) -> Shape:
    shape = tuple(1 if axis == 0 and size is None else size for axis, size in enumerate(port.shape))
    fixed = tuple(size for size in shape if size is not None)
    closed = len(fixed) == len(shape) and 2 <= len(fixed) <= 4
    if not closed or fixed[0] != 1 or min(fixed) < 1:
        raise RefusalError(
            node,
            "an input must have rank 2 to 4, batch 1 and no open dimension but the batch",
            f"'{port.name}' [{', '.join('?' if n is None else str(n) for n in port.shape)}]",
            "Export with fixed sizes and batch 1.",
        )
    for rule in size_faults(TensorType(DType.INT8, fixed)):
        raise RefusalError(node, rule, f"'{port.name}' {list(fixed)}", "Export with smaller maps.")
    return fixed
