"""Lowers an ONNX network to float operators in channels-last layout.

The walk gives each ONNX value a symbol: a constant, a view of an inner value, or the integers that
stand for one. Transposes and reshapes only change views; bytes are moved where an operator cannot
do with the layout it finds.

A quantized file is a network whose scales came with it: weights stay int8, and a value between a
QuantizeLinear and a DequantizeLinear is a FloatFakeQuant. What a file quantizes in part is nothing
special; the values that it leaves alone are calibrated.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mcucc.errors import UnsupportedModelError, Violation
from mcucc.importer.file.dialects import demand_inference, demand_known, unknown_operators
from mcucc.importer.file.fold import FOLDABLE, FoldedModel, fold
from mcucc.importer.file.qoperator import rewrite_qoperators
from mcucc.importer.file.reader import OnnxModel, OnnxNode, OnnxPort
from mcucc.importer.inputs import input_layout, input_quant
from mcucc.importer.layout.layout import identity, inner_shape
from mcucc.importer.layout.view import View
from mcucc.importer.limits import total_violation
from mcucc.importer.preprocessing import absorb_preprocessing
from mcucc.importer.rules import RULES
from mcucc.importer.rules.quantize import between, quantized, turned_constant
from mcucc.importer.rules.rule import Rule
from mcucc.importer.rules.sampled import lower_sampled
from mcucc.importer.states import lower_state
from mcucc.importer.symmetric import centred_note
from mcucc.importer.values import (
    Quantized,
    ReadsRefusedError,
    RefusalError,
    Refused,
    Sampled,
    Symbol,
    Weights,
)
from mcucc.importer.walk import Walk
from mcucc.ir import DType, Port, State, TensorType, verify_structure
from mcucc.ir.limits import DEFAULT_LIMIT, Limit
from mcucc.ops import FloatGraph
from mcucc.ops.elementwise import FloatFakeQuant

_QUANTIZED_OPERATOR = re.compile(
    r"(^|\.)(Quantize|DynamicQuantize|QLinear|QGemm|MatMulNBits)|Integer$|\.\w*Quant$"
)


def is_quantized(model: OnnxModel) -> bool:
    """Whether activations of the network are quantized, so that it is taken at its word.

    Quantized constants alone, as tf2onnx leaves them behind a DequantizeLinear, do not count.
    """
    constant = set(model.constants)
    integers = any(port.dtype in ("int8", "uint8") for port in model.inputs)
    if integers and (model.refused or model.format == "tflite"):
        return True  # though who quantizes may be among what is refused, or makes indices
    for node in model.nodes:
        known = all(name in constant for name in node.inputs if name)
        if known and "QLinear" not in node.op:
            constant.update(node.outputs)
        elif _QUANTIZED_OPERATOR.search(node.op):
            return True
    return False


def lower_network(
    model: OnnxModel,
    name: str,
    *,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> FloatGraph:
    """Lower a whole model, without the notes of `lower_with_notes`."""
    return lower_with_notes(model, name, input_shapes=input_shapes, limit=limit)[0]


def lower_with_notes(
    model: OnnxModel,
    name: str,
    *,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> tuple[FloatGraph, tuple[str, ...]]:
    """Lower a whole model.

    Args:
        model: as `read_network` gives it.
        name: the graph's name, a C identifier.
        input_shapes: ONNX shapes, batch 1 included, of inputs whose dimensions the file leaves
            open.
        limit: of the size of tensors.

    Returns:
        The network, and what is not as in the file, as sentences.

    Raises:
        UsageError: `input_shapes` names an unknown input or contradicts the file.
        UnsupportedModelError: with every reason why the model cannot be lowered.
    """
    try:
        return _lowered(model, name, input_shapes or {}, limit)
    except UnsupportedModelError as error:
        raise UnsupportedModelError(in_words_of_file(model, error.violations)) from error


def in_words_of_file(model: OnnxModel, violations: Sequence[Violation]) -> tuple[Violation, ...]:
    """Violations with the operators of the file in place of those that they were translated to."""
    written = {name: found.operator for name, found in model.spelled.items()}
    return tuple(replace(v, op=written.get(v.node, v.op)) for v in violations)


def _lowered(
    model: OnnxModel, name: str, input_shapes: Mapping[str, tuple[int, ...]], limit: Limit
) -> tuple[FloatGraph, tuple[str, ...]]:
    quantizes = is_quantized(model)
    if quantizes:
        model = rewrite_qoperators(model)
    folded = _fold(model, input_shapes, limit, quantizes=quantizes)
    found = list(folded.violations)
    walk = Walk(folded.model, violations=found, limit=limit, shapes=folded.shapes)
    inputs = tuple(_input(walk, folded, port) for port in folded.model.inputs)
    failed = {violation.node for violation in folded.violations}
    for node in folded.model.nodes:
        _visit(walk, folded, node, refused=node.name in failed)
    states = _states(walk, inputs)
    handed_over = {state.source for state in model.states}
    inputs = tuple(port for port in inputs if port.name not in handed_over)
    left = {state.update for state in model.states}
    shown = (p for p in model.outputs if p.name not in left)
    outputs = tuple(port for p in shown if (port := _output(walk, p)) is not None)
    _demand_computation(walk, inputs, outputs)
    together = total_violation(model.path.name, walk.tensors, limit)
    if walk.violations or together:
        walk.violations += [together] if together else []
        raise UnsupportedModelError(tuple(walk.violations))
    nodes = tuple(walk.nodes)
    tensors, consts = walk.tensors, walk.consts
    draft: FloatGraph = FloatGraph(name, inputs, outputs, nodes, tensors, consts, states)
    graph = absorb_preprocessing(draft.with_nodes(nodes))
    verify_structure(graph)
    return graph, (centred_note(walk.centred),) if walk.centred else ()


def _demand_computation(walk: Walk, inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> None:
    """A network that only quantizes its input computes nothing."""
    ports = {port.tensor for port in inputs}
    computing = [
        node
        for node in walk.nodes
        if not (isinstance(node.op, FloatFakeQuant) and node.inputs[0] in ports)
    ]
    if not walk.violations and not (computing and outputs):
        rule = "the network must compute an output from its input"
        actual = f"{len(computing)} operators, {len(outputs)} outputs"
        idle = "There is nothing to compile: let your program move or round its elements."
        hint = "Check the export." if computing or not outputs else idle
        walk.violations.append(Violation(walk.model.path.name, "Graph", rule, actual, hint))


def _states(walk: Walk, inputs: tuple[Port, ...]) -> tuple[State, ...]:
    """What runs hand on; nothing is where no operator reads what a run would find."""
    ports = {port.name: port for port in inputs}
    read = {name for node in walk.nodes for name in node.inputs}
    found = (
        lower_state(walk, state, ports[state.source])
        for state in walk.model.states
        if ports[state.source].tensor in read
    )
    return tuple(state for state in found if state is not None)


def _fold(
    model: OnnxModel,
    input_shapes: Mapping[str, tuple[int, ...]],
    limit: Limit,
    *,
    quantizes: bool,
) -> FoldedModel:
    """The folded model; what is wrong with its inputs comes with all operators that are unknown."""
    try:
        return fold(model, input_shapes, quantized=quantizes, limit=limit)
    except UnsupportedModelError as error:
        found = unknown_operators(model, FOLDABLE | known_operators())
        raise UnsupportedModelError((*error.violations, *found)) from error


def _input(walk: Walk, folded: FoldedModel, port: OnnxPort) -> Port:
    shape = folded.shapes[port.name]
    perm = input_layout(folded.model, folded.shapes, port)
    dtype = DType(port.dtype)
    tensor = port.name if dtype == DType.FLOAT32 else f"{port.name}.real"
    walk.tensors[tensor] = TensorType(DType.FLOAT32, inner_shape(shape, perm))
    view = View(tensor, shape, perm, shape, port.name)
    walk.symbols[port.name] = view
    if dtype != DType.FLOAT32:
        cause = OnnxNode("Input", port.name, (), (port.name,), {})
        quant = input_quant(walk, port.name, dtype)
        walk.symbols[port.name] = (
            Refused() if quant is None else quantized(walk, cause, view, quant, dtype)
        )
    plain = perm == identity(len(shape))
    return Port(tensor, port.name, dtype, shape, None if plain else perm)


def _visit(walk: Walk, folded: FoldedModel, node: OnnxNode, *, refused: bool) -> None:
    """Give the node's outputs their symbol."""
    made: tuple[Symbol, ...] = ()
    try:
        if not refused:
            made = _lower(walk, node)
            for name, symbol in zip(node.outputs, made, strict=False):
                _check_shape(folded, node, name, symbol)
    except ReadsRefusedError:
        made = ()
    except RefusalError as refusal:
        walk.violations.append(refusal.violation)
        made = ()
    walk.symbols.update(dict.fromkeys(node.outputs, Refused()))
    walk.symbols.update(zip(node.outputs, made, strict=False))


def _lower(walk: Walk, node: OnnxNode) -> tuple[Symbol, ...]:
    """What each output stands for, as far as somebody reads it."""
    demand_known(walk.model, node, known_operators())
    demand_inference(walk.model, node)
    rule = RULES[node.op]
    _check_outputs(walk, node, rule)
    if any(isinstance(walk.symbols.get(name), Sampled) for name in node.inputs):
        return (lower_sampled(walk, node),)
    found = walk.symbol(node, 0)
    if isinstance(found, Quantized) and rule.indexes:  # rounding keeps the order
        walk.symbols[node.inputs[0]] = found.view
        made = rule.lower(walk, node)
        walk.symbols[node.inputs[0]] = found
        return made if isinstance(made, tuple) else (made,)
    if isinstance(found, Quantized) and node.op != "DequantizeLinear":
        return between(walk, node, found, rule)
    if isinstance(found, Weights) and rule.turns:
        return (turned_constant(walk, node, found),)
    made = rule.lower(walk, node)
    return made if isinstance(made, tuple) else (made,)


def _check_outputs(walk: Walk, node: OnnxNode, rule: Rule) -> None:
    """Only the first output of most operators has a meaning here."""
    read = [name for name in node.outputs[1:] if walk.is_read(name)]
    if read and not rule.splits:
        raise RefusalError(
            node,
            "only the first output of an operator may be read",
            f"'{read[0]}' is read",
            "Export the network for inference.",
        )


def _check_shape(folded: FoldedModel, node: OnnxNode, name: str, made: Symbol) -> None:
    view = made.view if isinstance(made, Quantized) else made
    expected = folded.shapes.get(name)
    if isinstance(view, View) and expected is not None and view.shape != expected:
        raise RefusalError(
            node,
            "its result must have the shape that ONNX infers",
            f"{list(view.shape)} instead of {list(expected)}",
            "Check the exporter.",
        )


def _output(walk: Walk, port: OnnxPort) -> Port | None:
    try:
        return walk.output(port.name, OnnxNode("Output", port.name, (), (port.name,), {}))
    except RefusalError as refusal:
        walk.violations.append(refusal.violation)
        return None


def known_operators() -> frozenset[str]:
    """ONNX operators that are taken."""
    return frozenset(RULES)
