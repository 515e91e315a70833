"""Variables: what a run finds in them, what it leaves, and what the first run finds.

A variable has no place of its own here. What is read of it before anything is assigned is a value
that the run finds; what is assigned last is the one that it leaves.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.file.reader import OnnxPort, OnnxState
from mcucc.importer.layout.layout_walk import fresh
from mcucc.importer.tflite.draft import Draft, RefusedOperatorError, described, quantization
from mcucc.importer.tflite.flatbuffer import DamagedError
from mcucc.importer.tflite.model import Operator, Tensor, TfliteModel

_SHARED_NAME = 1
"""The field of a VAR_HANDLE that says which variable it is."""
_INITIALIZER = 0
"""The field of a CALL_ONCE that says which subgraph it runs."""

_ELEMENTS: Mapping[str, str] = {"FLOAT32": "float32", "INT8": "int8"}


def found_ports(draft: Draft) -> tuple[OnnxPort, ...]:
    """Where a run finds variables: inputs of the network that are not the caller's."""
    return tuple(
        OnnxPort(draft.names[tensor.index], _ELEMENTS[tensor.dtype], tensor.shape)
        for tensor in draft.variables.found.values()
    )


def left_ports(draft: Draft) -> tuple[OnnxPort, ...]:
    """Where it leaves them: outputs that are not the caller's."""
    return tuple(
        OnnxPort(value, _ELEMENTS[tensor.dtype], tensor.shape)
        for variable, (tensor, value) in draft.variables.left.items()
        if variable in draft.variables.found
    )


def states_of(draft: Draft) -> tuple[OnnxState, ...]:
    """What runs hand on; a variable that nothing is assigned to stays as it is."""
    names, known = draft.names, draft.variables
    return tuple(
        OnnxState(
            names[tensor.index],
            known.left[variable][1] if variable in known.left else names[tensor.index],
            _reals(known.initial.get(variable), tensor),
            variable,
        )
        for variable, tensor in known.found.items()
    )


def _reals(initial: Tensor | None, found: Tensor) -> NDArray[np.generic] | None:
    """The reals that the first run finds; None for zeros."""
    if initial is None or initial.data is None:
        return None
    if found.quant is None:
        return initial.data
    scale, zero_point = quantization(found)
    return ((initial.data.astype(np.int64) - zero_point) * np.float32(scale)).astype(np.float32)


def handles(file: TfliteModel) -> Mapping[int, str]:
    """The variable behind each handle, by index of its tensor."""
    return {
        operator.outputs[0]: "" if operator.options is None else operator.options.text(_SHARED_NAME)
        for operator in file.operators
        if operator.code == "VAR_HANDLE" and operator.outputs
    }


def variable_of(file: TfliteModel, operator: Operator) -> str:
    """The variable that an operator reads or assigns to.

    Raises:
        DamagedError: its first input is no handle.
    """
    known = handles(file)
    if not operator.inputs or operator.inputs[0] not in known:
        raise DamagedError(f"operator {operator.index} ({operator.code}) has no handle")
    return known[operator.inputs[0]]


def _handle(draft: Draft) -> None:
    """VAR_HANDLE of a variable, by its shared name."""
    del draft


def _call_once(draft: Draft) -> None:
    """CALL_ONCE: its subgraph says what the first run finds."""
    options = draft.operator.options
    number = 0 if options is None else options.integer(_INITIALIZER)
    if not 0 < number <= len(draft.file.others):
        raise DamagedError(f"operator {draft.operator.index} calls the missing subgraph {number}")
    called = draft.file.others[number - 1]
    for operator in called.operators:
        if operator.code == "VAR_HANDLE":
            continue
        value = called.tensors[operator.inputs[-1]] if operator.inputs else None
        if operator.code != "ASSIGN_VARIABLE" or value is None or value.data is None:
            raise RefusedOperatorError(
                "what the first run finds in a variable must be constant",
                f"subgraph {number} has a {operator.code}, operator {operator.index}",
                "Begin with constants in your variables, or leave the streaming to your program.",
            )
        draft.variables.initial[variable_of(called, operator)] = value


def _read(draft: Draft) -> None:
    """READ_VARIABLE: what a run finds, or what was assigned before."""
    variable, tensor = variable_of(draft.file, draft.operator), draft.output
    if tensor.dtype not in _ELEMENTS:
        raise RefusedOperatorError(
            "a variable must be int8 or float32", described(tensor), "Convert the network again."
        )
    known = draft.variables
    if variable in known.left:
        _copy(draft, *known.left[variable], tensor)
    elif variable in known.found:
        found = known.found[variable]
        _copy(draft, found, draft.names[found.index], tensor)
    else:
        known.found[variable] = tensor


def _copy(draft: Draft, source: Tensor, value: str, tensor: Tensor) -> None:
    _demand_alike(source, tensor)
    name = draft.names[tensor.index]
    draft.append("Identity", draft.label, (value,), name, {})


def _assign(draft: Draft) -> None:
    """ASSIGN_VARIABLE: what a run leaves."""
    variable, tensor = variable_of(draft.file, draft.operator), draft.input(1)
    found = draft.variables.found.get(variable)
    if found is not None:
        _demand_alike(tensor, found)
    name = fresh(f"{variable or draft.label}.next", draft.taken)
    draft.append("Identity", draft.label, (draft.value(tensor),), name, {})
    draft.variables.left[variable] = (tensor, name)


def _demand_alike(tensor: Tensor, other: Tensor) -> None:
    """A variable holds bytes: where scales differ, TFLM reads other numbers than were assigned."""
    scales = [None if each.quant is None else quantization(each) for each in (tensor, other)]
    if (tensor.shape, tensor.dtype, scales[0]) != (other.shape, other.dtype, scales[1]):
        raise RefusedOperatorError(
            "what is assigned to a variable and what is read of it must have one type and scale",
            f"{described(tensor)} and {described(other)}",
            "Convert the network again.",
        )


STATE_RULES: Mapping[str, Callable[[Draft], None]] = MappingProxyType(
    {
        "ASSIGN_VARIABLE": _assign,
        "CALL_ONCE": _call_once,
        "READ_VARIABLE": _read,
        "VAR_HANDLE": _handle,
    }
)
"""What translates the operators of variables, which need not have inputs and outputs."""
