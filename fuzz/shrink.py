"""Makes a case that failed smaller while it fails in the same way."""

from collections.abc import Callable, Iterator

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from fuzz.case import Case, Kind, Outcome
from fuzz.messages import fields_of, is_repeated

MOST_TRIES = 150
"""Of smaller cases, for each failure."""


def shrink(case: Case, said: str, kind: Kind, judge: Callable[[Case], Outcome]) -> Case:
    """The smallest case found that has the same outcome.

    Args:
        case: one that failed.
        said: its outcome.
        kind: of the case.
        judge: tries a case.
    """
    tries, progress = 0, True
    while progress and tries < MOST_TRIES:
        progress = False
        for smaller in kind.smaller(case):
            tries += 1
            if tries > MOST_TRIES:
                break
            if judge(smaller).said == said:
                case, progress = smaller, True
                break
    return case


def smaller_models(content: bytes) -> Iterator[bytes]:
    """Models with less in them: with the value of an early node as output, with parts left out."""
    try:
        proto = onnx.load_model_from_string(content)
    except DecodeError:
        return
    yield from _earlier_outputs(proto)
    pruned = _copy(proto)
    if _drop_unused(pruned.graph):
        yield pruned.SerializeToString()
    yield from _bypassed(proto)
    yield from _less(proto)


def _copy(proto: onnx.ModelProto) -> onnx.ModelProto:
    made = onnx.ModelProto()
    made.CopyFrom(proto)
    return made


def _earlier_outputs(proto: onnx.ModelProto) -> Iterator[bytes]:
    declared = [port.name for port in proto.graph.output]
    types = _types(proto)
    for node in proto.graph.node:
        if not node.output or list(node.output[:1]) == declared:
            continue
        made = _copy(proto)
        del made.graph.output[:]
        made.graph.output.add().CopyFrom(types.get(node.output[0], _unknown(node.output[0])))
        _drop_unused(made.graph)
        if len(made.graph.node) < len(proto.graph.node):
            yield made.SerializeToString()


def _types(proto: onnx.ModelProto) -> dict[str, onnx.ValueInfoProto]:
    """What ONNX infers of each value, if it can."""
    try:
        typed = onnx.shape_inference.infer_shapes(proto)
    except (RuntimeError, ValueError, onnx.shape_inference.InferenceError):
        return {}
    return {info.name: info for info in typed.graph.value_info}


def _unknown(name: str) -> onnx.ValueInfoProto:
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["a", "b", "c", "d"])


def _drop_unused(graph: onnx.GraphProto) -> bool:
    """Leave out nodes and constants that no output needs; whether there were any."""
    needed = {port.name for port in graph.output}
    before = len(graph.node) + len(graph.initializer)
    for index in reversed(range(len(graph.node))):
        node = graph.node[index]
        if needed & set(node.output):
            needed.update(node.input)
        else:
            del graph.node[index]
    for index in reversed(range(len(graph.initializer))):
        if graph.initializer[index].name not in needed:
            del graph.initializer[index]
    return len(graph.node) + len(graph.initializer) < before


def _bypassed(proto: onnx.ModelProto) -> Iterator[bytes]:
    """Models in which a node is left out, and its input read instead of its output."""
    for index, node in enumerate(proto.graph.node):
        if not node.input or not node.output:
            continue
        made = _copy(proto)
        del made.graph.node[index]
        for other in made.graph.node:
            for i, name in enumerate(other.input):
                if name == node.output[0]:
                    other.input[i] = node.input[0]
        _drop_unused(made.graph)
        yield made.SerializeToString()


def _less(proto: onnx.ModelProto) -> Iterator[bytes]:
    """Models without one of their fields, or with half of a list."""
    for position, (_, field) in enumerate(fields_of(proto)):
        made = _copy(proto)
        owner, _ = next(pair for i, pair in enumerate(fields_of(made)) if i == position)
        if _reduce(owner, field):
            yield made.SerializeToString()


def _reduce(owner: Message, field: FieldDescriptor) -> bool:
    value = getattr(owner, field.name)
    if is_repeated(value) and field.message_type is None and len(value) > 1:
        del value[len(value) // 2 :]
        return True
    if is_repeated(value) or field.name in ("ir_version", "op_type", "opset_import", "type"):
        return False
    owner.ClearField(field.name)
    return True
