"""Lowers a quantised (QDQ) ONNX network to int8 operators.

The walk gives each ONNX value a symbol: int8 activations, their dequantised view, weights,
constants, or a pending float result. A pending result becomes an int8 node when its
QuantizeLinear is met, because only then is its output scale known. The network is taken at its
word: its scales, zero points, weights and biases are used as they are.
"""

import math
import re
from collections.abc import Callable

from mcucc.errors import UnsupportedModelError, Violation
from mcucc.importer.quantisation import activation_quant, quantised_constant
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
    describe,
)
from mcucc.importer.walk import Walk
from mcucc.ops import Int8Graph

_QUANTISED_OPERATOR = re.compile(r"Quant|QLinear|QGemm|Integer")


def lower_qdq(model: OnnxModel, name: str) -> Int8Graph:
    """Lower a whole model.

    Args:
        model: as `read_onnx` gives it.
        name: the graph's name, a C identifier.

    Raises:
        UnsupportedModelError: with every reason why the model cannot be lowered.
    """
    _demand_quantised(model)
    walk = Walk(model)
    for node in model.nodes:
        _visit(walk, node)
    outputs = tuple(port for p in model.outputs if (port := walk.output(p)) is not None)
    if not walk.violations and not (walk.nodes and outputs):
        _refuse(
            model,
            "the network must compute an output from its input",
            f"{len(walk.nodes)} operators, {len(outputs)} outputs",
            "Check the export.",
        )
    if walk.violations:
        raise UnsupportedModelError(tuple(walk.violations))
    inputs = tuple(walk.ports[p.name] for p in model.inputs if p.name in walk.ports)
    nodes = tuple(walk.nodes)
    draft = Int8Graph(name, inputs, outputs, nodes, walk.tensors, walk.consts)
    return draft.with_nodes(nodes)


def _demand_quantised(model: OnnxModel) -> None:
    if model.nodes and not any(_QUANTISED_OPERATOR.search(node.op) for node in model.nodes):
        _refuse(
            model,
            "the network must be int8 in QDQ form",
            f"not quantised: no QuantizeLinear among its {len(model.nodes)} operators",
            "Quantise it first, for example with onnxruntime.quantization.quantize_static "
            "(QuantFormat.QDQ, activation_type and weight_type QInt8).",
        )


def _refuse(model: OnnxModel, rule: str, actual: str, hint: str) -> None:
    raise UnsupportedModelError((Violation(model.path.name, "Graph", rule, actual, hint),))


def _visit(walk: Walk, node: OnnxNode) -> None:
    """Give the node's outputs their symbol."""
    try:
        made = _HANDLERS.get(node.op, _unknown)(walk, node)
    except ReadsRefusedError:
        made = Refused()
    except RefusalError as refusal:
        walk.violations.append(refusal.violation)
        made = Refused()
    for name in node.outputs:
        walk.symbols[name] = made


def _unknown(_walk: Walk, node: OnnxNode) -> Symbol:
    raise RefusalError(
        node,
        "the operator must be one that mcucc knows in a quantised network",
        f"operator {node.op}",
        f"Known: {', '.join(sorted(_HANDLERS))}.",
    )


def _quantize(walk: Walk, node: OnnxNode) -> Symbol:
    """QuantizeLinear: the end of an island, or an input port."""
    quant = activation_quant(walk, node)
    name, found = node.outputs[0], walk.symbol(node, 0)
    if isinstance(found, Pending):
        return walk.emit(finish(found, quant), name, quant)
    if isinstance(found, Activations) and found.real:
        return walk.requantize(node, found, name, quant, (node.name,))
    port = _port(walk, node, "float32")
    if port is None:
        raise RefusalError(
            node,
            "what is quantised must be a float32 activation",
            f"'{node.inputs[0]}' is {describe(found)}",
            "Fold constants before quantising, and export a float32 network.",
        )
    return walk.input_port(node, port, name, quant)


def _dequantize(walk: Walk, node: OnnxNode) -> Symbol:
    """DequantizeLinear: of weights, of activations, or of an int8 input."""
    found = walk.symbol(node, 0)
    if isinstance(found, Constant):
        return quantised_constant(walk, node, found)
    quant = activation_quant(walk, node)
    port = _port(walk, node, "int8")
    if port is not None:
        found = walk.input_port(node, port, port.name, quant)
    if not isinstance(found, Activations) or found.real or found.quant != quant:
        raise RefusalError(
            node,
            "DequantizeLinear must undo the QuantizeLinear before it",
            f"its input is {describe(found)}",
            "Use the same scale and zero point on both sides.",
        )
    return Activations(found.tensor, quant, found.shape, real=True, flattened=found.flattened)


def _port(walk: Walk, node: OnnxNode, dtype: str) -> OnnxPort | None:
    """The declared input of this element type that a node reads first, if it reads one."""
    ports = (p for p in walk.model.inputs if p.name == node.inputs[0] and p.dtype == dtype)
    return next(ports, None)


def _conv(walk: Walk, node: OnnxNode) -> Symbol:
    return lower_conv(node, walk.real(node), walk.weights(node, 1), walk.bias(node))


def _dense(walk: Walk, node: OnnxNode) -> Symbol:
    x = walk.real(node, flattened=True)
    return lower_dense(node, x, walk.weights(node, 1), walk.bias(node))


def _clip(walk: Walk, node: OnnxNode) -> Symbol:
    found = walk.symbol(node, 0)
    if not isinstance(found, Pending):
        raise RefusalError(
            node,
            "Relu and Clip must follow a float operator and precede its QuantizeLinear",
            f"its input is {describe(found)}",
            "Quantise after the activation, not before it.",
        )
    if node.op == "Relu":
        return lower_clip(node, found, 0.0, math.inf)
    low, high = walk.numbers(node, 1, "min") or (-math.inf,), walk.numbers(node, 2, "max")
    return lower_clip(node, found, low[0], high[0] if high else math.inf)


def _reshape(walk: Walk, node: OnnxNode) -> Symbol:
    x = walk.real(node, flattened=True)
    return lower_reshape(node, x, reshape_target(node, x, walk.integers(node, 1, "shape") or ()))


def _pad(walk: Walk, node: OnnxNode) -> Symbol:
    x, value = walk.real(node), walk.numbers(node, 2, "value") or (0.0,)
    pads, axes = walk.integers(node, 1, "pads") or (), walk.integers(node, 3, "axes")
    return lower_pad(node, x, pads, value[0], axes)


def _reduce_mean(walk: Walk, node: OnnxNode) -> Symbol:
    return lower_reduce_mean(node, walk.real(node), walk.integers(node, 1, "axes"))


_HANDLERS: dict[str, Callable[[Walk, OnnxNode], Symbol]] = {
    "Add": lambda walk, node: lower_add(node, walk.real(node, 0), walk.real(node, 1)),
    "AveragePool": lambda walk, node: lower_average_pool(node, walk.real(node)),
    "Clip": _clip,
    "Conv": _conv,
    "DequantizeLinear": _dequantize,
    "Flatten": _reshape,
    "Gemm": _dense,
    "GlobalAveragePool": lambda walk, node: lower_global_average_pool(node, walk.real(node)),
    "MatMul": _dense,
    "Pad": _pad,
    "QuantizeLinear": _quantize,
    "ReduceMean": _reduce_mean,
    "Relu": _clip,
    "Reshape": _reshape,
    "Softmax": lambda walk, node: lower_softmax(node, walk.real(node), walk.model.opset),
}
