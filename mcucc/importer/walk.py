"""The state of one walk over a quantized network: what each ONNX value stands for so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import Violation
from mcucc.importer.file.reader import OnnxModel, OnnxNode, OnnxPort
from mcucc.importer.layout.layout import byte_order, channels_last, identity, inner_shape
from mcucc.importer.layout.moves import BaseWalk, Move, fresh
from mcucc.importer.layout.view import View
from mcucc.importer.limits import broken_rules, size_faults
from mcucc.importer.pending import clamp_bounds, complete
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
from mcucc.ir import Const, DType, Node, Port, QParams, TensorType
from mcucc.ir.limits import DEFAULT_LIMIT, Limit
from mcucc.ops import (
    Clamp,
    Concat,
    Int8Graph,
    Int8Node,
    Int8Op,
    Logistic,
    Requantize,
    Reshape,
    Softmax,
    Tanh,
)
from mcucc.ops import Transpose as Int8Transpose

_EXPORTER_SUFFIXES = ("_quantized", "_QuantizeLinear_Output", "_output_0")
"""What quantizers and exporters hang on the name of a node to name its output, outermost first."""


@dataclass
class Walk(BaseWalk):
    """Reads what the rules need of a node's inputs, and collects the int8 graph they make.

    Attributes:
        model: the folded file.
        symbols: what each ONNX value stands for, by name.
        ports: graph inputs so far, by ONNX name.
        nodes: int8 nodes so far.
        tensors: types of int8 values so far.
        consts: weights and biases so far.
        violations: why the model cannot be lowered.
        limit: of the size of values.
    """

    model: OnnxModel
    symbols: dict[str, Symbol] = field(default_factory=dict[str, Symbol])
    ports: dict[str, Port] = field(default_factory=dict[str, Port])
    nodes: list[Int8Node] = field(default_factory=list[Int8Node])
    tensors: dict[str, TensorType] = field(default_factory=dict[str, TensorType])
    consts: dict[str, Const] = field(default_factory=dict[str, Const])
    violations: list[Violation] = field(default_factory=list[Violation])
    limit: Limit = DEFAULT_LIMIT
    _moved: dict[tuple[Move, tuple[int, ...], str], str] = field(
        default_factory=dict[tuple[Move, tuple[int, ...], str], str]
    )
    _const_names: dict[Parameter, str] = field(default_factory=dict[Parameter, str])
    _node_names: set[str] = field(default_factory=set[str])
    _taken: set[str] = field(default_factory=set[str])
    _read: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        for name, data in self.model.constants.items():
            self.symbols[name] = Constant(data)
        # What ONNX calls a value keeps its name; everything else makes way.
        self._taken |= {port.name for port in self.model.inputs}
        self._taken |= {name for node in self.model.nodes for name in node.outputs}
        self._read |= {name for node in self.model.nodes for name in node.inputs}
        self._read |= {port.name for port in self.model.outputs}

    # Reading symbols.

    def symbol(self, node: OnnxNode, index: int) -> Symbol | None:
        """The symbol of an input, None where it is left out.

        Raises:
            ReadsRefusedError: it is the result of a refused node.
        """
        if index >= len(node.inputs) or not node.inputs[index]:
            return None
        found = self.symbols.get(node.inputs[index])
        if isinstance(found, Refused):
            raise ReadsRefusedError
        return found

    def real(self, node: OnnxNode, index: int = 0) -> Activations:
        """An input that must be dequantized activations."""
        found = self.settled(node, index)
        if isinstance(found, Activations) and found.real:
            return found
        raise RefusalError(
            node,
            "its input must come from a DequantizeLinear",
            f"input {index} '{_name(node, index)}' is {describe(found)}",
            "Quantize every operator: Quantize/DequantizeLinear between this one and the one "
            "before it.",
        )

    def activations(self, node: OnnxNode, index: int = 0) -> Activations:
        """An input that must be activations, quantized or dequantized."""
        found = self.settled(node, index)
        return found if isinstance(found, Activations) else self.real(node, index)

    def settled(self, node: OnnxNode, index: int) -> Symbol | None:
        """The symbol of an input; a pending result that keeps its scale becomes activations."""
        found = self.symbol(node, index)
        if isinstance(found, Pending) and found.keeps is not None:
            made = self.emit(found, found.view.name, found.keeps)
            found = self.symbols[node.inputs[index]] = replace(made, real=True)
        return found

    def weights(self, node: OnnxNode, index: int) -> Weights:
        """An input that must be a quantized constant."""
        found = self.symbol(node, index)
        if isinstance(found, Weights):
            return found
        raise RefusalError(
            node,
            "weights must be constants behind a DequantizeLinear",
            f"input {index} is {describe(found)}",
            "Quantize weights to int8 (QDQ format).",
        )

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
        if isinstance(found, Weights) and "f" in kinds:
            return found.reals()
        if isinstance(found, Constant) and found.data.dtype.kind in kinds:
            return found.data
        raise RefusalError(
            node,
            f"'{attribute}' must be constant numbers",
            f"input {index} '{node.inputs[index]}' is {describe(found)}",
            "Export with constant folding.",
        )

    def is_read(self, name: str) -> bool:
        """Whether a node or an output of the network reads an ONNX value."""
        return name in self._read

    # Making the graph.

    def add_port(self, port: OnnxPort, view: View, name: str, quant: QParams) -> Activations:
        """Make a graph input.

        Args:
            port: as the file declares it.
            view: of the whole port in its layout.
            name: of the int8 value.
            quant: its quantization.
        """
        shape = view.shape
        self.tensors[name] = TensorType(DType.INT8, inner_shape(shape, view.perm), quant)
        perm = None if view.perm == identity(len(shape)) else view.perm
        self.ports[port.name] = Port(name, port.name, DType(port.dtype), shape, perm)
        return Activations(replace(view, tensor=name, name=name), quant, real=False)

    def emit(self, pending: Pending, name: str, quant: QParams) -> Activations:
        """Append the nodes of a pending result; the last is named as the result.

        Args:
            pending: an operator; what its fixed scale or its bounds need follows it.
            name: of the result.
            quant: of the result.
        """
        pending = complete(pending, self.tensors[pending.inputs[0]].q, quant)
        bounds = clamp_bounds(pending, quant)
        if bounds is None:
            return self._emit(pending, name, quant)
        free = self._emit(pending, fresh(f"{name}.unclamped", self._taken), quant)
        return self.clamp(pending.node, free, name, bounds, pending.origin)

    def clamp(
        self,
        node: OnnxNode,
        x: Activations,
        name: str,
        bounds: tuple[int, int],
        origin: tuple[str, ...],
    ) -> Activations:
        """The same values, limited to int8 bounds.

        Args:
            node: who asks for it.
            x: the values.
            name: of the result.
            bounds: smallest and largest value.
            origin: of the int8 node.
        """
        self.append(node, Clamp(*bounds), (x.view.tensor,), name, x.quant, origin)
        return Activations(replace(x.view, tensor=name, name=name), x.quant, real=False)

    def _emit(self, pending: Pending, name: str, quant: QParams) -> Activations:
        node, made, origin = pending.node, pending.fixed or quant, pending.origin
        if isinstance(pending.op, Requantize):
            x = self.tensors[pending.inputs[0]].q
            same = Activations(replace(pending.view, tensor=pending.inputs[0]), x, real=False)
            return self.requantize(node, same, name, quant, origin)
        inner = name if made == quant else fresh(f"{name}.unscaled", self._taken)
        inputs = list(pending.inputs)
        if isinstance(pending.op, Concat):
            inputs = [self._at_scale(node, x, quant) for x in inputs]
        for parameter, suffix in zip(pending.weights, _SUFFIXES[len(pending.weights)], strict=True):
            inputs.append(self._parameter(parameter, f"{node.name}.{suffix}"))
        self.append(node, pending.op, inputs, inner, made, origin)
        result = Activations(replace(pending.view, tensor=inner, name=inner), made, real=False)
        return result if made == quant else self.requantize(node, result, name, quant, ())

    def _at_scale(self, node: OnnxNode, tensor: str, quant: QParams) -> str:
        """An int8 value at another scale, as a Concat needs it."""
        if self.tensors[tensor].q == quant:
            return tensor
        name = fresh(f"{tensor}.rescaled", self._taken)
        return self.append(node, Requantize(), (tensor,), name, quant, (node.name,))

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
            return Activations(replace(x.view, name=name), quant, real=False)
        self.append(node, Requantize(), (x.view.tensor,), name, quant, origin)
        return Activations(replace(x.view, tensor=name, name=name), quant, real=False)

    def append_move(
        self,
        cause: OnnxNode,
        kind: Move,
        axes: tuple[int, ...],
        source: str,
        made: tuple[str, str, tuple[str, ...]],
    ) -> str:
        """Append a Reshape or Transpose."""
        op = Reshape(axes) if kind == "reshape" else Int8Transpose(axes)
        output, _, origin = made
        return self.append(cause, op, (source,), output, self.tensors[source].q, origin)

    def _parameter(self, parameter: Parameter, base: str) -> str:
        """The constant of weights or a bias; a result that is quantized twice has it once."""
        if parameter not in self._const_names:
            name = fresh(base, self._taken)
            kind = TensorType(
                DType(parameter.data.dtype.name), parameter.data.shape, parameter.quant
            )
            self.consts[name] = Const(name, kind, parameter.data)
            self._const_names[parameter] = name
        return self._const_names[parameter]

    def append(
        self,
        cause: OnnxNode,
        op: Int8Op,
        inputs: Sequence[str],
        output: str,
        quant: QParams,
        origin: tuple[str, ...],
    ) -> str:
        """Append a node, named after its output, if it breaks no rule."""
        short = output
        for suffix in _EXPORTER_SUFFIXES:
            short = short.removesuffix(suffix)
        base = output if not short or short in self._node_names else short
        named: Int8Node = Node(op, tuple(inputs), output, fresh(base, self._node_names), origin)
        graph: Int8Graph = Int8Graph("", (), (), (), self.tensors, self.consts)
        made = op.infer(graph.input_types(named))
        self.tensors[output] = TensorType(DType.INT8, made, quant)
        broken = tuple(
            size_faults(op, self.tensors[inputs[0]], self.tensors[output], self.limit)
        ) or tuple(broken_rules(graph, named))
        if not 2 <= len(made) <= 4 or made[0] != 1:
            broken = (*broken, "a value must have rank 2 to 4 and batch 1")
        if broken:
            actual = _types(graph, named.inputs, quant)
            del self.tensors[output]
            raise RefusalError(cause, "; ".join(broken), actual, "Check its scales and sizes.")
        self.nodes.append(named)
        return output

    def output(self, port: OnnxPort) -> Port | None:
        """The output port of a declared output, None (and a violation) if it is not int8."""
        node = OnnxNode("Output", port.name, (port.name,), (port.name,), {})
        found = self.symbols.get(port.name)
        if isinstance(found, Refused):
            return None
        try:
            found = self._last(node, found)
            if isinstance(found, Activations):
                return self._port(node, port, found)
        except RefusalError as refusal:
            self.violations.append(refusal.violation)
            return None
        self.violations.append(
            Violation(
                port.name,
                "Output",
                "an output must come from a Quantize/DequantizeLinear pair; after the last "
                "DequantizeLinear only Softmax, Sigmoid, Tanh and operators that keep the scale",
                describe(found),
                "Quantize the last operator too, or cut the network before it.",
            )
        )
        return None

    def _last(self, node: OnnxNode, found: Symbol | None) -> Symbol | None:
        """An operator after the last DequantizeLinear runs at its own or its input's scale."""
        if not isinstance(found, Pending):
            return found
        own = found.fixed if isinstance(found.op, Softmax | Logistic | Tanh) else None
        quant = found.keeps or own
        if quant is None:
            return found
        made = replace(self.emit(found, found.view.name, quant), real=True)
        self.symbols[node.name] = made
        return made

    def _port(self, node: OnnxNode, port: OnnxPort, found: Activations) -> Port:
        if len(found.shape) < 2 or found.shape[0] != 1:
            raise RefusalError(
                node,
                "an output must have rank 2 or more and batch 1",
                describe(found),
                "Keep the batch as the first axis.",
            )
        view = self.straight(found.view, node)
        rank = len(view.shape)
        usual = (channels_last(rank), identity(rank), view.perm)
        perm = next(p for p in usual if byte_order(view.shape, p) == view.order)
        integer = DType.UINT8 if port.dtype == "uint8" else DType.INT8
        dtype = DType.FLOAT32 if found.real else integer
        tensor = self.read(view, perm, node)
        return Port(tensor, port.name, dtype, view.shape, None if perm == identity(rank) else perm)


_SUFFIXES = {0: (), 1: ("table",), 2: ("weights", "bias")}
"""What constants are called, by their number."""


def _name(node: OnnxNode, index: int) -> str:
    return node.inputs[index] if index < len(node.inputs) else ""


def _types(graph: Int8Graph, inputs: Sequence[str], output: QParams) -> str:
    """Shapes and scales that a node works on, for a message."""
    read = (graph.type_of(name) for name in inputs)
    parts = [
        f"{list(kind.shape)}" + (f" at scale {max(kind.quant.scales):.6g}" if kind.quant else "")
        for kind in read
    ]
    return f"{', '.join(parts)}, output scale {output.scale:.6g}"
