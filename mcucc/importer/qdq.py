"""Lowers a quantized (QDQ) ONNX network to int8 operators.

The walk gives each ONNX value a symbol: int8 activations, their dequantized view, weights,
constants, or a pending float result. A pending result becomes an int8 node when its
QuantizeLinear is met, because only then is its output scale known. The network is taken at its
word: its scales, zero points, weights and biases are used as they are; uint8 values are shifted
by 128. Transposes and reshapes change views; a pending result can be turned like any other.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from mcucc.errors import UnsupportedModelError, Violation
from mcucc.importer.file.dialects import (
    demand_inference,
    demand_known,
    is_dialect,
    unknown_operators,
)
from mcucc.importer.file.fold import FOLDABLE, FoldedModel, fold
from mcucc.importer.file.qoperator import rewrite_qoperators
from mcucc.importer.file.reader import OnnxModel, OnnxNode, OnnxPort
from mcucc.importer.float_inputs import input_layout
from mcucc.importer.layout.layout import channels_last
from mcucc.importer.layout.view import View
from mcucc.importer.limits import total_violation
from mcucc.importer.quantization import activation_quant, quantized_constant
from mcucc.importer.rules.qdq_conv import lower_conv, lower_dense
from mcucc.importer.rules.qdq_elementwise import lower_binary, lower_clip, lower_unary
from mcucc.importer.rules.qdq_other import (
    lower_average_pool,
    lower_concat,
    lower_global_pool,
    lower_max_pool,
    lower_pad,
    lower_reduce_mean,
    lower_reshape,
    lower_resize,
    lower_slice,
    lower_softmax,
    lower_transpose,
)
from mcucc.importer.values import (
    Activations,
    Constant,
    Pending,
    Plain,
    ReadsRefusedError,
    RefusalError,
    Refused,
    Symbol,
    Weights,
    describe,
)
from mcucc.importer.walk import Walk
from mcucc.ir import Port, QParams
from mcucc.ir.limits import DEFAULT_LIMIT, Limit
from mcucc.ops import Int8Graph

_UNREAD = {
    "float32": QParams((1.0,), 0),
    "int8": QParams((1.0,), 0),
    "uint8": QParams((1.0,), -128),
}
"""The quantization of an input that nobody reads, by its type: whole numbers as they are."""

_QUANTIZED_OPERATOR = re.compile(r"Quant|QLinear|QGemm|Integer|NBits")


def lower_qdq(
    model: OnnxModel,
    name: str,
    *,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Int8Graph:
    """Lower a whole model.

    Args:
        model: as `read_onnx` gives it.
        name: the graph's name, a C identifier.
        input_shapes: ONNX shapes, batch 1 included, of inputs whose dimensions the file leaves
            open.
        limit: of the size of tensors.

    Raises:
        UsageError: `input_shapes` names an unknown input or contradicts the file.
        UnsupportedModelError: with every reason why the model cannot be lowered.
    """
    _demand_quantized(model)
    model = rewrite_qoperators(model)
    folded = _fold(model, input_shapes or {}, limit)
    walk = Walk(folded.model, violations=list(folded.violations), limit=limit)
    _add_inputs(walk, folded)
    failed = {violation.node for violation in folded.violations}
    for node in folded.model.nodes:
        _visit(walk, folded, node, refused=node.name in failed)
    outputs = tuple(port for p in model.outputs if (port := walk.output(p)) is not None)
    walk.violations = list(_causes(walk.violations))
    if not walk.violations and not (walk.nodes and outputs):
        _refuse(
            model,
            "the network must compute an output from its input",
            f"{len(walk.nodes)} operators, {len(outputs)} outputs",
            "Check the export.",
        )
    together = total_violation(model.path.name, walk.tensors, limit)
    if walk.violations or together:
        walk.violations += [together] if together else []
        raise UnsupportedModelError(tuple(walk.violations))
    inputs = tuple(walk.ports.get(p.name) or _unread_input(walk, p) for p in folded.model.inputs)
    nodes = tuple(walk.nodes)
    draft = Int8Graph(name, inputs, outputs, nodes, walk.tensors, walk.consts)
    return draft.with_nodes(nodes)


def _fold(
    model: OnnxModel, input_shapes: Mapping[str, tuple[int, ...]], limit: Limit
) -> FoldedModel:
    """The folded model; what is wrong with its inputs comes with all operators that are unknown."""
    try:
        return fold(model, input_shapes, quantized=True, limit=limit)
    except UnsupportedModelError as error:
        found = unknown_operators(model, FOLDABLE | known_operators(), "quantized")
        raise UnsupportedModelError((*error.violations, *_causes(found))) from error


def known_operators() -> frozenset[str]:
    """ONNX operators that are taken in a quantized network."""
    return _VIEWS | _HANDLERS.keys()


def _causes(violations: Sequence[Violation]) -> tuple[Violation, ...]:
    """The violations, without what only follows from a form of quantization that is not taken.

    Float operators between dynamically quantized ones have no scales, and casts between them are
    part of that form.
    """
    if not any(is_dialect(violation.op) for violation in violations):
        return tuple(violations)
    float_operators = FOLDABLE | known_operators() | {"BatchNormalization", "Gather", "Output"}
    return tuple(v for v in violations if is_dialect(v.op) or v.op not in float_operators)


def _demand_quantized(model: OnnxModel) -> None:
    if model.nodes and not any(_QUANTIZED_OPERATOR.search(node.op) for node in model.nodes):
        _refuse(
            model,
            "the network must be int8 in QDQ form",
            f"not quantized: no QuantizeLinear among its {len(model.nodes)} operators",
            "Quantize it first, for example with onnxruntime.quantization.quantize_static "
            "(QuantFormat.QDQ, activation_type and weight_type QInt8).",
        )


def _refuse(model: OnnxModel, rule: str, actual: str, hint: str) -> None:
    raise UnsupportedModelError((Violation(model.path.name, "Graph", rule, actual, hint),))


def _add_inputs(walk: Walk, folded: FoldedModel) -> None:
    """Float inputs wait for their QuantizeLinear; the scale of others is that of who reads them."""
    for port in folded.model.inputs:
        shape = folded.shapes[port.name]
        perm = input_layout(folded.model, folded.shapes, port)
        view = View(port.name, shape, perm, shape, port.name)
        if port.dtype == "float32":
            walk.symbols[port.name] = Plain(view)
            continue
        quant = _quant_of(walk, port.name, port.dtype)
        if quant is not None:
            walk.symbols[port.name] = walk.add_port(port, view, port.name, quant)


def _quant_of(walk: Walk, name: str, dtype: str) -> QParams | None:
    """The quantization of a quantized value, which the next DequantizeLinear says."""
    for node in walk.model.nodes:
        if node.inputs[:1] != (name,):
            continue
        if node.op == "DequantizeLinear":
            try:
                return activation_quant(walk, node, dtype)
            except RefusalError:
                return None  # the node is refused when it is visited
        if node.op in _COPIES:
            found = _quant_of(walk, node.outputs[0], dtype)
            if found is not None:
                return found
    return None


def _unread_input(walk: Walk, port: OnnxPort) -> Port:
    """The port of an input whose scale nobody says, because nobody reads it."""
    shape = tuple(extent or 1 for extent in port.shape)
    perm = channels_last(len(shape))
    view = View(port.name, shape, perm, shape, port.name)
    walk.add_port(port, view, port.name, _UNREAD[port.dtype])
    return walk.ports[port.name]


def _visit(walk: Walk, folded: FoldedModel, node: OnnxNode, *, refused: bool) -> None:
    """Give the node's outputs their symbol."""
    made: Symbol = Refused()
    try:
        if not refused:
            made = _lower(walk, folded, node)
            _check_shape(folded, node, made)
    except ReadsRefusedError:
        made = Refused()
    except RefusalError as refusal:
        walk.violations.append(refusal.violation)
        made = Refused()
    walk.symbols[node.outputs[0]] = made
    for name in node.outputs[1:]:
        walk.symbols[name] = Refused()


def _lower(walk: Walk, folded: FoldedModel, node: OnnxNode) -> Symbol:
    demand_known(walk.model, node, known_operators(), "quantized")
    demand_inference(walk.model, node)
    others = [name for name in node.outputs[1:] if walk.is_read(name)]
    if others:
        raise RefusalError(
            node,
            "only the first output of an operator may be read",
            f"'{others[0]}' is read",
            "Export the network for inference.",
        )
    if node.op in _VIEWS:
        return _change_view(walk, node, folded)
    made = _HANDLERS[node.op](walk, node)
    if isinstance(made, Pending) and made.keeps is not None and _reads_int8(walk, node):
        # An operator between QuantizeLinear and DequantizeLinear.
        return walk.emit(made, node.outputs[0], made.keeps)
    return made


def _reads_int8(walk: Walk, node: OnnxNode) -> bool:
    found = walk.symbol(node, 0)
    return isinstance(found, Activations) and not found.real


def _check_shape(folded: FoldedModel, node: OnnxNode, made: Symbol) -> None:
    view = made.view if isinstance(made, Activations | Pending | Plain) else None
    expected = folded.shapes.get(node.outputs[0])
    if view is not None and expected is not None and view.shape != expected:
        raise RefusalError(
            node,
            "its result must have the shape that ONNX infers",
            f"{list(view.shape)} instead of {list(expected)}",
            "Check the exporter.",
        )


def _quantize(walk: Walk, node: OnnxNode) -> Symbol:
    """QuantizeLinear: the end of an island, or an input port."""
    quant = activation_quant(walk, node)
    name, found = node.outputs[0], walk.symbol(node, 0)
    if isinstance(found, Pending):
        return walk.emit(found, name, quant)
    if isinstance(found, Activations) and found.real:
        return walk.requantize(node, found, name, quant, (node.name,))
    if isinstance(found, Plain):
        return _quantized_input(walk, node, found.view, quant)
    raise RefusalError(
        node,
        "what is quantized must be a float32 activation",
        f"'{node.inputs[0]}' is {describe(found)}",
        "Fold constants before quantizing, and export a float32 network.",
    )


def _quantized_input(walk: Walk, node: OnnxNode, view: View, quant: QParams) -> Activations:
    port = next(p for p in walk.model.inputs if p.name == view.tensor)
    made = walk.ports.get(port.name)
    if made is None:
        whole = walk.symbols[port.name]
        start = whole.view if isinstance(whole, Plain) else view
        tensor = walk.add_port(port, start, node.outputs[0], quant).view.tensor
    elif walk.tensors[made.tensor].q == quant:
        tensor = made.tensor
    else:
        raise RefusalError(
            node,
            "an input must be quantized one way",
            f"'{port.name}' has two different scales or zero points",
            "Quantize the input once.",
        )
    return Activations(replace(view, tensor=tensor, name=node.outputs[0]), quant, real=False)


def _dequantize(walk: Walk, node: OnnxNode) -> Symbol:
    """DequantizeLinear: of a constant, of activations, or of an int8 input."""
    found = walk.symbol(node, 0)
    if isinstance(found, Constant):
        return quantized_constant(walk, node, found)
    signed = isinstance(found, Activations)
    quant = activation_quant(walk, node, "int8" if signed else None)
    if not isinstance(found, Activations) or found.real or not _same(found.quant, quant, node):
        raise RefusalError(
            node,
            "DequantizeLinear must undo the QuantizeLinear before it",
            f"its input is {describe(found)}",
            "Use the same scale and zero point on both sides.",
        )
    return replace(found, real=True)


def _same(found: QParams, quant: QParams, node: OnnxNode) -> bool:
    """Equal quantizations; without a zero point it is 0 in the type of the input."""
    if len(node.inputs) > 2 and node.inputs[2]:
        return found == quant
    return found.scales == quant.scales and found.zero_point in (0, -128)


def _change_view(walk: Walk, node: OnnxNode, folded: FoldedModel) -> Symbol:
    """Operators that move and compute nothing: what they read is seen otherwise."""
    found = walk.symbol(node, 0)
    if isinstance(found, Weights | Constant):
        return _turned_constant(node, found)
    if node.op in ("Identity", "Dropout") and found is not None:
        return found
    target = folded.shapes.get(node.outputs[0])
    if isinstance(found, Activations) and node.op == "Transpose":
        found = replace(found, view=walk.straight(found.view, node))
    if not isinstance(found, Activations | Plain | Pending) or (
        node.op == "Transpose" and found.view.scrambled
    ):
        raise RefusalError(
            node,
            "its input must be quantized, or come from a DequantizeLinear",
            f"'{node.inputs[0]}' is {describe(found)}",
            "Quantize before it.",
        )
    turn = node.op == "Transpose"
    view = lower_transpose(node, found.view) if turn else lower_reshape(node, found.view, target)
    return replace(found, view=view)


def _turned_constant(node: OnnxNode, found: Weights | Constant) -> Symbol:
    """The Transpose of weights."""
    rank = found.data.ndim
    axes = node.ints("perm", tuple(reversed(range(rank))))
    if node.op != "Transpose" or isinstance(found, Constant) or sorted(axes) != [*range(rank)]:
        raise RefusalError(
            node,
            "constants must be stored in the shape in which they are used",
            describe(found),
            "Export with constant folding.",
        )
    axis = None if found.axis is None else axes.index(found.axis)
    return replace(found, data=np.ascontiguousarray(found.data.transpose(axes)), axis=axis)


_VIEWS = frozenset(
    ("Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
)
_COPIES = _VIEWS | {"Clip", "Concat", "GlobalMaxPool", "MaxPool", "Pad", "Resize", "Slice"}

_HANDLERS: Mapping[str, Callable[[Walk, OnnxNode], Symbol]] = {
    **dict.fromkeys(("Add", "Div", "Mul", "Sub"), lower_binary),
    **dict.fromkeys(("Clip", "Relu"), lower_clip),
    **dict.fromkeys(
        ("Exp", "HardSigmoid", "HardSwish", "LeakyRelu", "Neg", "Sigmoid", "Sqrt", "Tanh"),
        lower_unary,
    ),
    **dict.fromkeys(("Gemm", "MatMul"), lower_dense),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool"), lower_global_pool),
    **dict.fromkeys(("Resize", "Upsample"), lower_resize),
    "AveragePool": lower_average_pool,
    "Concat": lower_concat,
    "Conv": lower_conv,
    "DequantizeLinear": _dequantize,
    "MaxPool": lower_max_pool,
    "Pad": lower_pad,
    "QuantizeLinear": _quantize,
    "ReduceMean": lower_reduce_mean,
    "Slice": lower_slice,
    "Softmax": lower_softmax,
}
