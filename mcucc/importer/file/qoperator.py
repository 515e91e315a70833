"""Rewrites a network in QOperator form (QLinearConv and its kin) into the QDQ form.

A QOperator node computes on integers what its float operator computes between DequantizeLinears
and a QuantizeLinear, so it is written as just that; integer values keep their names. Operators
that ONNX leaves in place on integers because they only move them are treated alike.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import UnsupportedModelError, Violation
from mcucc.importer.file.reader import AttributeValue, OnnxModel, OnnxNode
from mcucc.importer.values import RefusalError

_QOPERATOR = re.compile(r"(com\.microsoft\.)?(QLinear\w+|QGemm)")
_FIRST_OPSET_OF_ONE_AXIS = 13
"""Before it, Softmax ran over the flattened rest of its input."""


@dataclass(frozen=True)
class _Form:
    """Where a QOperator node has what among its inputs.

    Attributes:
        op: the float operator.
        operands: index of each operand; its scale and zero point follow it.
        result: index of the result's scale; its zero point follows it.
        bias: index of the int32 bias; its scale is the product of both operands' scales.
    """

    op: str
    operands: tuple[int, ...] = (0,)
    result: int = 3
    bias: int | None = None


_FORMS: Mapping[str, _Form] = {
    "QGemm": _Form("Gemm", (0, 3), 7, bias=6),
    "QLinearAdd": _Form("Add", (0, 3), 6),
    "QLinearAveragePool": _Form("AveragePool"),
    "QLinearConcat": _Form("Concat", (), 0),
    "QLinearConv": _Form("Conv", (0, 3), 6, bias=8),
    "QLinearGlobalAveragePool": _Form("GlobalAveragePool"),
    "QLinearLeakyRelu": _Form("LeakyRelu"),
    "QLinearMatMul": _Form("MatMul", (0, 3), 6),
    "QLinearMul": _Form("Mul", (0, 3), 6),
    "QLinearSigmoid": _Form("Sigmoid"),
    "QLinearSoftmax": _Form("Softmax"),
}

_MOVES = frozenset(
    "Flatten Identity MaxPool Pad Reshape Slice Squeeze Transpose Unsqueeze".split()  # noqa: SIM905 -- reads better than a list
)
"""Operators that mean the same on integers as on the real values they stand for."""


def rewrite_qoperators(model: OnnxModel) -> OnnxModel:
    """The same network without QOperator nodes; the model itself if it has none.

    Each becomes one DequantizeLinear per operand (shared by all readers of the operand), the float
    operator, and a QuantizeLinear. The float operator and the QuantizeLinear bear the node's name.

    Raises:
        UnsupportedModelError: with every QOperator node that has no QDQ form.
    """
    if not any(_QOPERATOR.fullmatch(node.op) for node in model.nodes):
        return model
    rewriting = _Rewriting(model, dict(model.constants))
    for node in model.nodes:
        try:
            _rewrite(rewriting, node)
        except RefusalError as refusal:
            rewriting.violations.append(refusal.violation)
    if rewriting.violations:
        raise UnsupportedModelError(tuple(rewriting.violations))
    return replace(model, nodes=tuple(rewriting.nodes), constants=rewriting.constants)


@dataclass(frozen=True)
class _Quant:
    """Names of a scale and a zero point; empty where left out."""

    scale: str
    zero_point: str


@dataclass
class _Rewriting:
    """The network so far.

    Attributes:
        model: the file.
        constants: of the file and generated ones.
        nodes: in topological order.
        violations: why the model cannot be rewritten.
    """

    model: OnnxModel
    constants: dict[str, NDArray[np.generic]]
    nodes: list[OnnxNode] = field(default_factory=list[OnnxNode])
    violations: list[Violation] = field(default_factory=list[Violation])
    _quants: dict[str, _Quant] = field(default_factory=dict[str, _Quant])
    _views: dict[tuple[str, _Quant, int | None], str] = field(
        default_factory=dict[tuple[str, _Quant, int | None], str]
    )
    _zeros: dict[str, str] = field(default_factory=dict[str, str])
    _names: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        nodes = self.model.nodes
        self._names |= {name for node in nodes for name in (*node.inputs, *node.outputs)}
        self._names |= self.constants.keys() | {p.name for p in self.model.inputs}
        for node in nodes:
            if node.op == "DequantizeLinear":
                self._learn(node.inputs[0], _quant(node, 1))
            for at in _operands(node):
                self._learn(_input(node, at), _quant(node, at + 1))

    def fresh(self, base: str) -> str:
        """The name, or the name with the first free number; it is taken from now on."""
        name, number = base, 2
        while name in self._names:
            name, number = f"{base}_{number}", number + 1
        self._names.add(name)
        return name

    def constant(self, name: str, data: NDArray[np.generic]) -> str:
        """A new constant; its name may be numbered."""
        name = self.fresh(name)
        self.constants[name] = data
        return name

    def quant_of(self, name: str) -> _Quant | None:
        """How an integer activation is quantized, None for constants, floats and unknown values."""
        return None if name in self.constants else self._quants.get(name)

    def real(self, node: OnnxNode, value: str, quant: _Quant, axis: int | None = None) -> str:
        """The dequantized view of an integer value.

        Args:
            node: who reads it; the DequantizeLinear bears its name.
            value: the integer value.
            quant: its quantization.
            axis: of one scale per index, None for one scale.
        """
        key = (value, quant, axis)
        if key not in self._views:
            self._views[key] = self.fresh(f"{value}.real")
            attributes = {} if axis is None else {"axis": axis}
            inputs = (value, quant.scale, quant.zero_point)
            self.nodes.append(
                OnnxNode("DequantizeLinear", node.name, inputs, (self._views[key],), attributes)
            )
        return self._views[key]

    def quantized(self, node: OnnxNode, real: OnnxNode, quant: _Quant) -> None:
        """Append a float operator in the place of a node, and quantize its first result."""
        inner = self.fresh(f"{node.outputs[0]}.float")
        self.nodes.append(replace(real, outputs=(inner, *real.outputs[1:])))
        inputs = (inner, quant.scale, quant.zero_point)
        self.nodes.append(OnnxNode("QuantizeLinear", node.name, inputs, (node.outputs[0],), {}))
        self._quants[node.outputs[0]] = quant

    def dtype(self, value: str) -> str:
        """The type of an integer value or constant: uint8, as ONNX has it, unless known better."""
        quant = self._quants.get(value)
        known = self.constants.get(value if quant is None else quant.zero_point)
        if known is not None:
            return known.dtype.name
        ports = (p.dtype for p in self.model.inputs if p.name == value)
        return "int8" if next(ports, "uint8") == "int8" else "uint8"

    def zero(self, dtype: str) -> str:
        """The constant 0 of int8 or uint8, nothing for other types."""
        if dtype not in ("int8", "uint8"):
            return ""
        if dtype not in self._zeros:
            self._zeros[dtype] = self.constant(f"zero_{dtype}", np.zeros((), dtype))
        return self._zeros[dtype]

    def keep(self, node: OnnxNode) -> None:
        """Append a node as it is."""
        self.nodes.append(node)
        if node.op == "QuantizeLinear":
            self._quants[node.outputs[0]] = _quant(node, 1)

    def _learn(self, value: str, quant: _Quant) -> None:
        if value and value not in self.constants:
            self._quants.setdefault(value, quant)


def _input(node: OnnxNode, at: int) -> str:
    return node.inputs[at] if at < len(node.inputs) else ""


def _quant(node: OnnxNode, at: int) -> _Quant:
    return _Quant(_input(node, at), _input(node, at + 1))


def _form(node: OnnxNode) -> _Form | None:
    return _FORMS.get(node.op.removeprefix("com.microsoft."))


def _operands(node: OnnxNode) -> tuple[int, ...]:
    form = _form(node)
    if form is None:
        return ()
    return form.operands or tuple(range(2, len(node.inputs), 3))


def _rewrite(rewriting: _Rewriting, node: OnnxNode) -> None:
    form = _form(node)
    if form is not None:
        _rewrite_form(rewriting, node, form)
    elif _QOPERATOR.fullmatch(node.op):
        raise RefusalError(
            node,
            "the operator must be one that mcucc knows in QOperator form",
            f"operator {node.op}",
            f"Quantize with QuantFormat.QDQ. Known in QOperator form: {', '.join(sorted(_FORMS))}.",
        )
    elif node.op in _MOVES and node.inputs:
        _rewrite_move(rewriting, node)
    else:
        rewriting.keep(node)


def _rewrite_form(rewriting: _Rewriting, node: OnnxNode, form: _Form) -> None:
    _demand_channels_first(node)
    attributes = _attributes(rewriting.model, node, form)
    quants = [_operand(rewriting, node, at) for at in _operands(node)]
    if not quants:
        raise RefusalError(node, "there must be something to join", "no input", "Check the export.")
    if form.bias is not None:
        quants[1] = _with_alpha(rewriting, node, quants[1])
    inputs = [
        rewriting.real(node, _input(node, at), quant, _axis(rewriting, node, form, at, quant))
        for at, quant in zip(_operands(node), quants, strict=True)
    ]
    if form.bias is not None and _input(node, form.bias):
        inputs.append(_bias(rewriting, node, _input(node, form.bias), quants))
    real = OnnxNode(form.op, node.name, tuple(inputs), node.outputs, attributes)
    if form.op == "Gemm" and not _input(node, form.result):
        rewriting.keep(real)  # QGemm without a result scale gives floats.
    else:
        rewriting.quantized(node, real, _result(rewriting, node, form, quants[0]))


def _demand_channels_first(node: OnnxNode) -> None:
    if node.int("channels_last", 0):
        raise RefusalError(
            node,
            "maps must be channels first",
            "channels_last=1",
            "Take the file that the quantizer wrote, not one that ONNX Runtime optimized.",
        )


def _attributes(model: OnnxModel, node: OnnxNode, form: _Form) -> dict[str, AttributeValue]:
    """The float operator's attributes."""
    own = {"channels_last", "opset"} | ({"alpha"} if form.op == "Gemm" else set[str]())
    kept = {name: value for name, value in node.attributes.items() if name not in own}
    if form.op != "Softmax":
        return kept
    axis, opset = node.int("axis", -1), node.int("opset", model.opset)
    limit = _FIRST_OPSET_OF_ONE_AXIS
    if axis != -1 and (opset < limit) != (model.opset < limit):
        raise RefusalError(
            node,
            f"attribute opset must lie on the same side of {limit} as the file's, or axis be -1",
            f"opset {opset} in a file of operator set {model.opset}, axis {axis}",
            "Convert the float model first, then quantize it.",
        )
    return {**kept, "axis": axis}


def _with_alpha(rewriting: _Rewriting, node: OnnxNode, weights: _Quant) -> _Quant:
    """The factor of a QGemm, which its bias shares, in the scale of its weights."""
    alpha = node.float("alpha", 1.0)
    if alpha == 1.0:
        return weights
    scales = _scales(rewriting, node, weights)
    name = rewriting.constant(
        f"{weights.scale}.times_alpha", _product(scales, np.asarray(alpha, np.float32))
    )
    return replace(weights, scale=name)


def _axis(rewriting: _Rewriting, node: OnnxNode, form: _Form, at: int, quant: _Quant) -> int | None:
    """The axis of an operand's scales, None if it has one scale or is no constant."""
    scales = rewriting.constants.get(quant.scale)
    if scales is None or scales.size == 1 or _input(node, at) not in rewriting.constants:
        return None
    match form.op:
        case "Gemm":
            return 0 if node.int("transB", 0) else 1
        case "MatMul":
            return -1
        case _:
            return 0


def _bias(rewriting: _Rewriting, node: OnnxNode, bias: str, quants: list[_Quant]) -> str:
    """The dequantized bias; the file does not hold its scale."""
    x, weights = (_scales(rewriting, node, quant) for quant in quants)
    if x.size != 1:
        raise RefusalError(
            node,
            "activations must have one scale",
            f"{x.size} scales '{quants[0].scale}'",
            "Quantize activations per tensor.",
        )
    scale = rewriting.constant(f"{bias}.scale", _product(weights, x.reshape(())))
    return rewriting.real(node, bias, _Quant(scale, ""), 0 if weights.size > 1 else None)


def _scales(rewriting: _Rewriting, node: OnnxNode, quant: _Quant) -> NDArray[np.float32]:
    found = rewriting.constants.get(quant.scale)
    if found is None or found.dtype != np.float32:
        raise RefusalError(
            node,
            "scales must be constant float32",
            f"'{quant.scale}' is not" if quant.scale else "a scale is left out",
            "Use static quantization.",
        )
    return found.astype(np.float32)


def _product(scales: NDArray[np.float32], factor: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(all="ignore"):  # The walk refuses what is no usable scale.
        return np.asarray(scales * factor, dtype=np.float32)


def _operand(rewriting: _Rewriting, node: OnnxNode, at: int) -> _Quant:
    """The quantization of an operand; the zero point is named even where it is left out."""
    quant = _quant(node, at + 1)
    if quant.zero_point:
        return quant
    return replace(quant, zero_point=rewriting.zero(rewriting.dtype(_input(node, at))))


def _result(rewriting: _Rewriting, node: OnnxNode, form: _Form, first: _Quant) -> _Quant:
    """The quantization of the result; without a zero point it has the first operand's type."""
    quant = _quant(node, form.result)
    if quant.zero_point:
        return quant
    known = rewriting.constants.get(first.zero_point)
    return replace(quant, zero_point=rewriting.zero("int8" if known is None else known.dtype.name))


def _rewrite_move(rewriting: _Rewriting, node: OnnxNode) -> None:
    """An operator that moves integers, between Dequantize- and QuantizeLinear."""
    quant = rewriting.quant_of(node.inputs[0]) or rewriting.quant_of(node.outputs[0])
    if quant is None or node.inputs[0] in rewriting.constants:
        rewriting.keep(node)
        return
    inputs = [rewriting.real(node, node.inputs[0], quant), *node.inputs[1:]]
    if node.op == "Pad" and len(inputs) >= 2:
        value = _input(node, 2) or rewriting.zero(rewriting.dtype(node.inputs[0]))
        inputs[2:3] = [_real_constant(rewriting, value, quant)]
    rewriting.quantized(node, replace(node, inputs=tuple(inputs)), quant)


def _real_constant(rewriting: _Rewriting, value: str, quant: _Quant) -> str:
    """The float constant that an integer one stands for, the value itself if it is not constant."""
    data, zero = (rewriting.constants.get(name) for name in (value, quant.zero_point))
    scale = rewriting.constants.get(quant.scale)
    integers = all(d is not None and d.size == 1 and d.dtype.kind in "iu" for d in (data, zero))
    if data is None or zero is None or scale is None or not integers:
        return value
    if scale.size != 1 or scale.dtype != np.float32:
        return value
    real = (data.astype(np.int32) - zero.astype(np.int32)).astype(np.float32)
    return rewriting.constant(f"{value}.real", _product(real, scale.astype(np.float32)))
