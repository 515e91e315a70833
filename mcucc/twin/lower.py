"""The int8 graph as the plain values of a `.tflite` file.

One operator per int8 operator and one tensor per value, under the same names. What TensorFlow
Lite needs beyond that (explicit padding, shapes and axes as tensors, the steps of a look-up) gets
names that begin with `TWIN_PREFIX`.
"""

from typing import assert_never

from mcucc.errors import UnsupportedModelError
from mcucc.ir import DType, Shape
from mcucc.ops import Int8Graph, Int8Node
from mcucc.ops.conv import Conv2D, DepthwiseConv2D
from mcucc.ops.dense import FullyConnected
from mcucc.ops.elementwise import Add, Clamp, Mul, Requantize, Sub
from mcucc.ops.movement import Concat, Pad, Reshape, ResizeNearest, Slice, Transpose
from mcucc.ops.pool import AveragePool2D, MaxPool2D, Mean
from mcucc.ops.softmax import Softmax
from mcucc.ops.unary import HardSwish, LeakyRelu, Logistic, Table, Tanh
from mcucc.twin import options
from mcucc.twin.draft import Draft
from mcucc.twin.model import Code, Options, TwinModel
from mcucc.twin.windows import lower_conv, lower_pad, lower_pool, pool_fits, pool_violation

_PlainOp = Add | Sub | Mul | Requantize | Softmax | Logistic | Tanh | LeakyRelu | HardSwish
"""One operator of TensorFlow Lite each, on the same inputs."""
_VectorOp = Mean | Reshape | ResizeNearest | Transpose | Slice
"""One operator of TensorFlow Lite each, whose attributes are further inputs."""
_MOST_JOINED = 10
"""Inputs that TensorFlow Lite Micro's CONCATENATION takes."""


def lower(graph: Int8Graph) -> TwinModel:
    """Translate a verified graph.

    Raises:
        UnsupportedModelError: TensorFlow Lite cannot express a node.
    """
    demand_supported(graph)
    draft = Draft(graph)
    for port in graph.inputs:
        draft.value(port.tensor)
    for node in graph.nodes:
        _lower_node(draft, node)
    return draft.model()


def demand_supported(graph: Int8Graph) -> None:
    """Refuse what TensorFlow Lite cannot express; its scales do not matter.

    Raises:
        UnsupportedModelError: with every such node.
    """
    violations = tuple(
        pool_violation(graph, node, node.op)
        for node in graph.nodes
        if isinstance(node.op, AveragePool2D) and not pool_fits(graph, node, node.op)
    )
    if violations:
        raise UnsupportedModelError(violations)


def _lower_node(draft: Draft, node: Int8Node) -> None:
    """Append the operators of one node."""
    match node.op:
        case Conv2D() | DepthwiseConv2D():
            lower_conv(draft, node, node.op)
        case AveragePool2D() | MaxPool2D():
            lower_pool(draft, node, node.op)
        case FullyConnected():
            _lower_dense(draft, node, node.op)
        case Pad():
            lower_pad(draft, node, node.op.pads, draft.value(node.output))
        case Clamp():
            _lower_clamp(draft, node, node.op)
        case Concat():
            _lower_concat(draft, node)
        case Table():
            _lower_table(draft, node)
        case Mean() | Reshape() | ResizeNearest() | Transpose() | Slice():
            _lower_with_vectors(draft, node, node.op)
        case (
            Add()
            | Sub()
            | Mul()
            | Requantize()
            | Softmax()
            | Logistic()
            | Tanh()
            | LeakyRelu()
            | HardSwish()
        ):
            inputs = tuple(draft.value(name) for name in node.inputs)
            code, opts = _plain(node.op)
            draft.operator(code, inputs, draft.value(node.output), opts)
        case _:
            assert_never(node.op)


def _plain(op: _PlainOp) -> tuple[Code, Options]:  # noqa: PLR0911 -- one line an operator
    match op:
        case Add():
            return Code.ADD, options.add_options(op.activation)
        case Sub():
            return Code.SUB, options.sub_options(op.activation)
        case Mul():
            return Code.MUL, options.mul_options(op.activation)
        case Requantize():
            return Code.QUANTIZE, options.quantize_options()
        case Softmax():
            return Code.SOFTMAX, options.softmax_options()
        case Logistic():
            return Code.LOGISTIC, options.no_options()
        case Tanh():
            return Code.TANH, options.no_options()
        case LeakyRelu():
            return Code.LEAKY_RELU, options.leaky_relu_options(op.alpha)
        case HardSwish():
            return Code.HARD_SWISH, options.hard_swish_options()


def _lower_with_vectors(draft: Draft, node: Int8Node, op: _VectorOp) -> None:
    code, opts, vectors = _with_vectors(draft.graph.tensors[node.output].shape, op)
    further = (draft.int32(purpose, node, values) for purpose, values in vectors.items())
    inputs = (draft.value(node.inputs[0]), *further)
    draft.operator(code, inputs, draft.value(node.output), opts)


def _with_vectors(output: Shape, op: _VectorOp) -> tuple[Code, Options, dict[str, Shape]]:
    """The operator, its options, and its further inputs in order by what they say."""
    match op:
        case Mean():
            return Code.MEAN, options.mean_options(keep_dims=op.keep_dims), {"axes": op.axes}
        case Reshape():
            return Code.RESHAPE, options.reshape_options(op.shape), {"shape": op.shape}
        case ResizeNearest():
            opts = options.resize_nearest_options()
            return Code.RESIZE_NEAREST_NEIGHBOR, opts, {"size": output[1:3]}
        case Transpose():
            return Code.TRANSPOSE, options.transpose_options(), {"perm": op.perm}
        case Slice():
            return Code.SLICE, options.slice_options(), {"begin": op.starts, "size": op.sizes}


def _lower_dense(draft: Draft, node: Int8Node, op: FullyConnected) -> None:
    inputs = (draft.value(node.inputs[0]), draft.weights(node), draft.bias(node))
    opts = options.fully_connected_options(op.activation)
    draft.operator(Code.FULLY_CONNECTED, inputs, draft.value(node.output), opts)


def _lower_clamp(draft: Draft, node: Int8Node, op: Clamp) -> None:
    """MINIMUM and MAXIMUM, as far as they limit anything; MAXIMUM alone if neither does."""
    bounds = [(Code.MINIMUM, "high", op.high)] if op.high < 127 else []
    if op.low > -128 or not bounds:
        bounds.append((Code.MAXIMUM, "low", op.low))
    source, shape = draft.value(node.inputs[0]), draft.graph.tensors[node.output].shape
    for position, (code, purpose, bound) in enumerate(bounds, start=1):
        limit = draft.int8_scalar(purpose, node, bound)
        last = position == len(bounds)
        output = draft.value(node.output) if last else draft.int8("limited", node, shape)
        draft.operator(code, (source, limit), output, options.maximum_minimum_options())
        source = output


def _lower_concat(draft: Draft, node: Int8Node) -> None:
    """As many CONCATENATIONs as it takes, each of the next inputs to what is there already."""
    parts = [draft.value(name) for name in node.inputs]
    channels = [kind.shape[-1] for kind in draft.graph.input_types(node)]
    rows = draft.graph.tensors[node.output].shape[:-1]
    while len(parts) > _MOST_JOINED:
        first, parts = parts[:_MOST_JOINED], parts[_MOST_JOINED:]
        channels = [sum(channels[:_MOST_JOINED]), *channels[_MOST_JOINED:]]
        joined = draft.int8("joined", node, (*rows, channels[0]))
        draft.operator(Code.CONCATENATION, tuple(first), joined, options.concat_options())
        parts = [joined, *parts]
    output = draft.value(node.output)
    draft.operator(Code.CONCATENATION, tuple(parts), output, options.concat_options())


def _lower_table(draft: Draft, node: Int8Node) -> None:
    """The index q + 128 in int32, then a GATHER of it from the table."""
    shape = draft.graph.tensors[node.output].shape
    wide = draft.int32_value("wide", node, shape)
    opts = options.cast_options(DType.INT8, DType.INT32)
    draft.operator(Code.CAST, (draft.value(node.inputs[0]),), wide, opts)
    index = draft.int32_value("index", node, shape)
    offset = draft.int32("offset", node, (128,))
    draft.operator(Code.ADD, (wide, offset), index, options.add_options("none"))
    inputs = (draft.table(node), index)
    draft.operator(Code.GATHER, inputs, draft.value(node.output), options.gather_options())
