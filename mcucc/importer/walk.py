"""The state of one walk over a network: what each ONNX value stands for so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import Violation
from mcucc.importer.file.cutting import cut_advice
from mcucc.importer.file.reader import OnnxModel, OnnxNode
from mcucc.importer.layout.layout import (
    Perm,
    byte_order,
    channels_last,
    identity,
    inner_shape,
)
from mcucc.importer.layout.layout_walk import LayoutWalk, fresh
from mcucc.importer.layout.moves import Kind
from mcucc.importer.layout.view import View
from mcucc.importer.limits import size_faults
from mcucc.importer.symmetric import Centred
from mcucc.importer.values import (
    Constant,
    Quantized,
    ReadsRefusedError,
    RefusalError,
    Refused,
    Symbol,
    Weights,
    describe,
)
from mcucc.ir import Const, DType, Node, Port, QParams, Shape, TensorType
from mcucc.ir.limits import DEFAULT_LIMIT, Limit
from mcucc.ops import FloatNode, FloatOp
from mcucc.ops.elementwise import FloatClip, FloatFakeQuant
from mcucc.ops.movement import FloatDepthToSpace, FloatReshape, FloatTranspose

FloatArray = NDArray[np.float32]

_RENAMING = frozenset("Cast Dropout Flatten Identity Reshape Squeeze Unsqueeze".split())  # noqa: SIM905 -- reads better than a list
"""What may be done to an index: nothing is computed."""
_SMALLER = "Export with smaller shapes."
_FEWER = "Merge neighbouring axes by a Reshape, or move fewer at a time."


@dataclass
class Walk(LayoutWalk):
    """Reads what the rules need of a node's inputs, and collects the float graph they make.

    Attributes:
        model: the folded network.
        symbols: what each ONNX value stands for, by name.
        nodes: float nodes so far.
        tensors: types of inner values so far.
        consts: weights, biases and other constants so far.
        violations: why the model cannot be lowered.
        limit: of the size of values.
        shapes: of ONNX values, as far as they are inferred.
        indices: inner values that are indices: they can be renamed, and given out.
        centred: what became of weights with zero points.
    """

    model: OnnxModel
    symbols: dict[str, Symbol] = field(default_factory=dict[str, Symbol])
    nodes: list[FloatNode] = field(default_factory=list[FloatNode])
    tensors: dict[str, TensorType] = field(default_factory=dict[str, TensorType])
    consts: dict[str, Const] = field(default_factory=dict[str, Const])
    violations: list[Violation] = field(default_factory=list[Violation])
    limit: Limit = DEFAULT_LIMIT
    shapes: Mapping[str, Shape] = field(default_factory=dict[str, Shape])
    indices: set[str] = field(default_factory=set[str])
    centred: list[Centred] = field(default_factory=list[Centred])
    _moved: dict[tuple[Kind, tuple[int, ...], str], str] = field(
        default_factory=dict[tuple[Kind, tuple[int, ...], str], str]
    )
    _quantized: dict[tuple[str, QParams], str] = field(
        default_factory=dict[tuple[str, QParams], str]
    )
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
            RefusalError: it is an index, of which the node would compute something.
        """
        if index >= len(node.inputs) or not node.inputs[index]:
            return None
        found = self.symbols.get(node.inputs[index])
        if isinstance(found, Refused):
            raise ReadsRefusedError
        if isinstance(found, View) and found.tensor in self.indices and node.op not in _RENAMING:
            raise RefusalError(
                node,
                "an index, as ArgMax makes it, can only be given out",
                f"input {index} '{node.inputs[index]}' is one",
                f"Leave what comes behind to your program. {cut_advice(self.model, node)}".strip(),
            )
        return found

    def view(self, node: OnnxNode, index: int = 0) -> View:
        """An input that must be an activation."""
        found = self.symbol(node, index)
        if isinstance(found, View):
            return found
        if isinstance(found, Quantized):
            raise RefusalError(
                node,
                "its inputs must be reals: behind a DequantizeLinear",
                f"input {index} is {describe(found)}",
                "Export in QDQ form: a DequantizeLinear before each operator that computes.",
            )
        raise RefusalError(
            node,
            f"input {index} must depend on an input of the network",
            f"it is {describe(found)}",
            "Export with constant folding.",
        )

    def constant(self, node: OnnxNode, index: int, what: str) -> FloatArray:
        """An input that must be constant, as finite float32.

        Args:
            node: who reads.
            index: of the input.
            what: its role, for messages.
        """
        found = self.symbol(node, index)
        if isinstance(found, Weights):
            found = Constant(found.reals())
        if not isinstance(found, Constant) or found.data.dtype.kind not in "fiu":
            raise RefusalError(
                node,
                f"{what} must be constant numbers",
                f"input {index} is {describe(found)}",
                "Export the network with its parameters as constants.",
            )
        with np.errstate(over="ignore"):
            data = found.data.astype(np.float32)
        if not np.isfinite(data).all():
            raise RefusalError(
                node,
                f"{what} must be finite",
                f"input {index} holds infinities or NaN in float32",
                "Check the training, or the export.",
            )
        return data

    def has(self, node: OnnxNode, index: int) -> bool:
        """Whether an optional input is given."""
        return index < len(node.inputs) and bool(node.inputs[index])

    def is_read(self, name: str) -> bool:
        """Whether a node or an output of the network reads an ONNX value."""
        return name in self._read

    def numbers(self, node: OnnxNode, index: int, attribute: str) -> tuple[float, ...] | None:
        """Numbers given as a constant input or, in older operator sets, as an attribute."""
        if not self.has(node, index):
            value = node.attributes.get(attribute)
            return None if value is None else tuple(np.asarray(value, np.float64).ravel().tolist())
        found = self.symbol(node, index)
        if isinstance(found, Weights):
            found = Constant(found.reals())
        if isinstance(found, Constant) and found.data.dtype.kind in "bfiu":
            return tuple(found.data.astype(np.float64).ravel().tolist())
        raise RefusalError(
            node,
            f"'{attribute}' must be constant numbers",
            f"input {index} '{node.inputs[index]}' is {describe(found)}",
            "Export with constant folding.",
        )

    def integers(self, node: OnnxNode, index: int, attribute: str) -> tuple[int, ...] | None:
        """Integers given as a constant input or, in older operator sets, as an attribute."""
        values = self.numbers(node, index, attribute)
        if values is not None and not np.isfinite(values).all():
            raise RefusalError(
                node, f"'{attribute}' must be integers", f"{values[:4]}", "Check the exporter."
            )
        return None if values is None else tuple(int(value) for value in values)

    # Making the graph.

    def type_of(self, name: str) -> TensorType:
        """The type of an inner value or constant."""
        return self.tensors[name] if name in self.tensors else self.consts[name].type

    def add_const(self, base: str, data: FloatArray) -> str:
        """Add a constant; its name is `base` or close to it."""
        return self.add_given(base, data, None)

    def add_given(self, base: str, data: NDArray[np.generic], quant: QParams | None) -> str:
        """Add a constant of any type, with the scales that the file gives it."""
        name = fresh(base, self._taken)
        kind = TensorType(DType(data.dtype.name), data.shape, quant)
        self.consts[name] = Const(name, kind, data)
        return name

    def fake_quant(self, node: OnnxNode, tensor: str, quant: QParams) -> str:
        """The value that a QuantizeLinear makes of an inner one, as reals.

        What is quantized twice alike is one value. Where it is quantized otherwise a second time,
        what computes it is repeated, so that each result is rounded once.
        """
        key = (tensor, quant)
        if any(known == quant and made == tensor for (_, known), made in self._quantized.items()):
            return tensor
        if key not in self._quantized:
            again = any(known == tensor for known, _ in self._quantized)
            source = self._repeated(tensor) if again else tensor
            op, name = FloatFakeQuant(quant), node.outputs[0]
            self._quantized[key] = self._append(node, op, (source,), name, node.name, ())
        return self._quantized[key]

    def _repeated(self, tensor: str) -> str:
        """A second computation of a value; the value itself where nothing computes it here."""
        maker = next((node for node in self.nodes if node.output == tensor), None)
        if maker is None or isinstance(maker.op, FloatFakeQuant):
            return tensor
        inputs = maker.inputs
        if isinstance(maker.op, FloatClip):  # which its maker's int8 form takes in
            inputs = (self._repeated(inputs[0]),)
        name = fresh(f"{tensor}.again", self._taken)
        self.tensors[name] = self.tensors[tensor]
        label = fresh(maker.name, self._node_names)
        self.nodes.append(replace(maker, inputs=inputs, output=name, name=label))
        return name

    def emit(
        self, cause: OnnxNode, op: FloatOp, inputs: Sequence[str], name: str | None = None
    ) -> str:
        """Append the float node of an ONNX node; returns the name of the value it makes.

        Args:
            cause: gives the node its name and origin.
            op: the operator.
            inputs: inner values and constants.
            name: of the value; None for the ONNX node's first output.
        """
        output = cause.outputs[0] if name is None else fresh(name, self._taken)
        return self._append(cause, op, inputs, output, cause.name, (cause.name,))

    def apply(self, node: OnnxNode, op: FloatOp) -> View:
        """Append an operator that works element by element; the layout does not matter to it."""
        x = self.view(node)
        return replace(x, tensor=self.emit(node, op, (x.tensor,)), name=node.outputs[0])

    def append_move(
        self,
        cause: OnnxNode,
        kind: Kind,
        axes: tuple[int, ...],
        source: str,
        made: tuple[str, str, tuple[str, ...]],
    ) -> str:
        """Append a FloatReshape, FloatTranspose or FloatDepthToSpace."""
        op: FloatOp
        match kind:
            case "reshape":
                op = FloatReshape(axes)
            case "transpose":
                op = FloatTranspose(axes)
            case _:
                op = FloatDepthToSpace((axes[0], axes[1]), kind)
        output, label, origin = made
        return self._append(cause, op, (source,), output, label, origin)

    def _append(
        self,
        cause: OnnxNode,
        op: FloatOp,
        inputs: Sequence[str],
        output: str,
        label: str,
        origin: tuple[str, ...],
    ) -> str:
        made = TensorType(DType.FLOAT32, op.infer([self.type_of(name) for name in inputs]))
        for rule in self._value_faults(op, self.type_of(inputs[0]), made):
            hint = _SMALLER if len(made.shape) <= 4 else _FEWER
            raise RefusalError(cause, rule, f"{list(made.shape)} in inner layout", hint)
        self.tensors[output] = made
        node: FloatNode = Node(op, tuple(inputs), output, fresh(label, self._node_names), origin)
        self.nodes.append(node)
        return output

    def _value_faults(self, op: FloatOp, x: TensorType, made: TensorType) -> Sequence[str]:
        if not 2 <= len(made.shape) <= 4 or made.shape[0] != 1 or min(made.shape) < 1:
            return ("a value must have rank 2 to 4, batch 1 and no empty axis",)
        return tuple(size_faults(op, x, made, self.limit))

    def output(self, name: str, cause: OnnxNode) -> Port | None:
        """The output port of a declared output, None (and a violation) if it has none."""
        found, dtype = self.symbols.get(name), DType.FLOAT32
        if isinstance(found, Refused):
            return None
        if isinstance(found, Quantized):
            found, dtype = found.view, found.dtype
        if not isinstance(found, View) or found.tensor in {p.name for p in self.model.inputs}:
            raise RefusalError(
                cause, "an output must be computed from an input", *self._uncomputed(found)
            )
        if found.tensor in self.indices:
            dtype = DType.INT32 if self.model.format == "tflite" else DType.INT64
            if found.shape == (1,):  # which inside has an axis more
                tensor = self.read(found.reshaped((1, 1)), identity(2), cause)
                return Port(tensor, name, dtype, (1,))
        if len(found.shape) < 2 or found.shape[0] != 1:
            raise RefusalError(
                cause,
                "an output must have rank 2 or more and batch 1",
                describe(found),
                "Keep the batch as the first axis.",
            )
        view = self.in_onnx_order(found, cause)
        perm = self._usual_layout(view)
        tensor = self.read(view, perm, cause)
        plain = perm == identity(len(view.shape))
        return Port(tensor, name, dtype, view.shape, None if plain else perm)

    def _uncomputed(self, found: Symbol | None) -> tuple[str, str]:
        """What an output is that nothing computes, and what to do."""
        if not isinstance(found, View):
            return describe(found), "Remove the output from the model."
        actual = f"the elements of input '{found.tensor}', moved or as they are"
        if len(self.model.outputs) > 1:
            return actual, "Remove the output from the model: your program has its elements."
        return actual, "There is nothing to compile: let your program move them."

    def _usual_layout(self, view: View) -> Perm:
        """Of all layouts with a view's bytes one whose shape the inner value has, if there is one.

        ONNX's own comes first, then channels last.
        """
        rank = len(view.shape)
        usual = (identity(rank), channels_last(rank), view.perm)
        alike = [perm for perm in usual if byte_order(view.shape, perm) == view.order]
        inner = self.tensors[view.tensor].shape
        return next((p for p in alike if inner_shape(view.shape, p) == inner), alike[0])
