"""From a `.tflite` file to the form in which the importer takes every network.

Each operator becomes the operators of ONNX that mean the same, between a DequantizeLinear and a
QuantizeLinear where it computes on integers: the scales are those of the file. Maps stay NHWC;
what slides a window stands between two Transposes, which cost nothing in the end. No ONNX file is
made of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mcucc.errors import InputFileError, Violation
from mcucc.importer.file.cutting import cut_before
from mcucc.importer.file.reader import OnnxModel, OnnxNode, OnnxPort, Spelled
from mcucc.importer.tflite.draft import Draft, RefusedOperatorError
from mcucc.importer.tflite.flatbuffer import DamagedError
from mcucc.importer.tflite.model import ABSENT, Operator, Tensor, TfliteModel
from mcucc.importer.tflite.names import value_names
from mcucc.importer.tflite.operators import READ_FOR_VALUES, RULES, check_types, unknown_operator
from mcucc.importer.tflite.reader import read_tflite_file
from mcucc.importer.tflite.state import (
    STATE_RULES,
    found_ports,
    left_ports,
    states_of,
    variable_of,
)
from mcucc.importer.tflite.tail import without_tail

_OPSET = 21
"""Of ONNX: the meaning of the operators that stand for those of the file."""


def read_tflite(path: Path, raw: bytes) -> OnnxModel:
    """Read a `.tflite` file.

    Args:
        path: where it was read from, or what stands for it.
        raw: the bytes of the file.

    Returns:
        The network, its inputs and outputs in the layout of the file. Operators that are not taken
        stand in it as themselves, with the reason among the `refused`. Post-processing at the end
        is left out, with a note.

    Raises:
        InputFileError: the file is damaged.
    """
    file, notes = without_tail(read_tflite_file(path, raw))
    names, taken = value_names(file)
    draft = Draft(file, names, taken)
    refused: dict[str, Violation] = {}
    unknown: set[int] = set()
    spelled: dict[str, Spelled] = {}
    for operator in _read_operators(file):
        draft.operator = operator
        first = len(draft.nodes)
        try:
            _translate(draft)
        except RefusedOperatorError as refusal:
            del draft.nodes[first:]
            if unknown.isdisjoint(operator.inputs):
                refused[draft.label] = _refuse(draft, refusal)
            else:  # it reads what is refused already, and is not reported a second time
                _follow(draft, next(index for index in operator.inputs if index in unknown))
            unknown.update(operator.outputs)
        except DamagedError as damage:
            problem = f"is a damaged .tflite file (operator {operator.index}: {damage})"
            raise InputFileError(path, problem) from damage
        written = Spelled(operator.code, operator.index)
        spelled.update({node.name: written for node in draft.nodes[first:]})
    model = OnnxModel(
        path,
        file.sha256,
        _OPSET,
        (*_ports(file, names, file.inputs), *found_ports(draft)),
        (*_ports(file, names, file.outputs), *left_ports(draft)),
        tuple(draft.nodes),
        draft.constants,
        format="tflite",
        refused=refused,
        spelled=spelled,
        notes=notes,
        states=states_of(draft),
    )
    return replace(model, refused=_advised(model))


def _advised(model: OnnxModel) -> Mapping[str, Violation]:
    """The reasons; near the end of the network the command that cuts it before is among them."""
    nodes = {node.name: node for node in model.nodes}
    return {
        name: replace(v, hint=f"{v.hint} {cut_before(model, nodes[name])}".strip())
        for name, v in model.refused.items()
    }


def _translate(draft: Draft) -> None:
    code = draft.operator.code
    if code in STATE_RULES:
        STATE_RULES[code](draft)
        return
    rule = RULES.get(code)
    if rule is None:
        raise unknown_operator(code)
    if not draft.operator.outputs or not draft.operator.inputs:
        raise RefusedOperatorError(
            "it must have inputs and outputs", f"operator {code}", "Convert the network again."
        )
    check_types(draft)
    rule(draft)


def _refuse(draft: Draft, refusal: RefusedOperatorError) -> Violation:
    """The violation of an operator; a node without meaning takes its place."""
    rule, actual, hint = (str(part) for part in refusal.args)
    operator, known = draft.operator, draft.file.tensors
    inputs = tuple(
        draft.names[index]
        for index in operator.inputs
        if index != ABSENT and known[index].data is None
    )
    outputs = tuple(draft.names[index] for index in operator.outputs)
    draft.nodes.append(OnnxNode(operator.code, draft.label, inputs, outputs, {}))
    return Violation(draft.label, operator.code, rule, actual, hint)


def _follow(draft: Draft, index: int) -> None:
    """Give the outputs of an operator the fate of what it reads."""
    for made in draft.operator.outputs:
        name, source = draft.names[made], draft.names[index]
        draft.append("Identity", f"{draft.label}.{made}", (source,), name, {})


def _read_operators(file: TfliteModel) -> Sequence[Operator]:
    try:
        return _live(file)
    except DamagedError as damage:
        raise InputFileError(file.path, f"is a damaged .tflite file ({damage})") from damage


def _live(file: TfliteModel) -> Sequence[Operator]:
    """The operators whose values reach an output, in order.

    What is assigned to a variable does if something of it is read that does, in this run or the
    next.
    """
    variables: set[str] = set()
    while True:
        wanted, kept, read = set(file.outputs), list[Operator](), set[str]()
        for operator in reversed(file.operators):
            assigns = (
                operator.code == "ASSIGN_VARIABLE" and variable_of(file, operator) in variables
            )
            if assigns or operator.code == "CALL_ONCE" or wanted & set(operator.outputs):
                kept.append(operator)
                wanted |= set(operator.inputs[: READ_FOR_VALUES.get(operator.code)])
                read |= {variable_of(file, operator)} if operator.code == "READ_VARIABLE" else set()
        if read <= variables:
            return kept[::-1]
        variables |= read


_ELEMENTS: Mapping[str, str] = {"FLOAT32": "float32", "INT8": "int8", "UINT8": "uint8"}


def _ports(file: TfliteModel, names: Sequence[str], indices: Sequence[int]) -> tuple[OnnxPort, ...]:
    tensors: list[Tensor] = [file.tensors[index] for index in indices]
    return tuple(
        OnnxPort(names[t.index], _ELEMENTS.get(t.dtype, t.dtype.lower()), t.shape) for t in tensors
    )
