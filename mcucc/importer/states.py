"""What runs hand on to each other, lowered: the value that is found, and the one that is left."""

import numpy as np

from mcucc.importer.file.reader import OnnxNode, OnnxState
from mcucc.importer.layout.layout import Perm, identity
from mcucc.importer.layout.view import View
from mcucc.importer.values import Quantized, RefusalError, Refused, describe
from mcucc.importer.walk import Walk
from mcucc.ir import Port, State
from mcucc.ops.movement import FloatSlice


def lower_state(walk: Walk, state: OnnxState, port: Port) -> State | None:
    """The state of a graph; None, and a violation, where it cannot be one.

    Args:
        walk: after all nodes.
        state: of the file.
        port: where the graph reads it.
    """
    cause = OnnxNode("State", state.source, (), (state.update,), {})
    try:
        return _lower(walk, state, port, cause)
    except RefusalError as refusal:
        walk.violations.append(refusal.violation)
        return None


def _lower(walk: Walk, state: OnnxState, port: Port, cause: OnnxNode) -> State | None:
    found = walk.symbols.get(state.update)
    if isinstance(found, Refused):
        return None
    if isinstance(found, Quantized):
        found = found.view
    if not isinstance(found, View):
        raise RefusalError(
            cause,
            "what a run leaves for the next must be computed by it",
            f"'{state.update}' is {describe(found)}",
            "Leave the state out, and make its input a constant.",
        )
    if found.shape != port.shape:
        raise RefusalError(
            cause,
            "what a run leaves must have the shape of what it finds",
            f"'{state.update}' is {list(found.shape)}, '{state.source}' {list(port.shape)}",
            "Name the input and the output that belong together.",
        )
    perm = port.perm or identity(len(port.shape))
    tensor = walk.read(walk.in_onnx_order(found, cause), perm, cause)
    made = {node.output for node in walk.nodes}
    if tensor not in made and tensor != port.tensor:
        shape = walk.tensors[tensor].shape  # an input as it is, which has a place of its own
        tensor = walk.emit(cause, FloatSlice((0,) * len(shape), shape), (tensor,))
    initial = _initial(walk, state, perm)
    if state.variable:
        return State(state.variable, port.tensor, tensor, initial)
    return State(state.source, port.tensor, tensor, initial, state.update)


def _initial(walk: Walk, state: OnnxState, perm: Perm) -> str | None:
    """The constant that the first run finds; None for zero."""
    if state.initial is None or not np.any(state.initial):
        return None
    inner = np.ascontiguousarray(state.initial.astype(np.float32).transpose(perm))
    return walk.add_const(f"{state.source}.initial", inner)
