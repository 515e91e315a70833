"""Cuts a model at values, and says where an operator at its end is best left to the program."""

import difflib
import shlex
from collections.abc import Sequence
from dataclasses import replace

from mcucc.errors import UsageError
from mcucc.importer.file.fold import live_nodes
from mcucc.importer.file.reader import OnnxModel, OnnxNode, OnnxPort

_NEAREST = 3
_NEAR = 6
"""Nodes between an operator and an end of the network for which cutting it off is an advice."""


def cut_at(model: OnnxModel, names: Sequence[str]) -> OnnxModel:
    """The model with exactly these values as its outputs, in this order.

    What only other outputs need is left out; all inputs stay.

    Args:
        model: as `read_onnx` gives it.
        names: of outputs or inner values; none to leave the model as it is.

    Raises:
        UsageError: a value is unknown, or named twice; the nearest ones are named.
    """
    if not names:
        return model
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise UsageError(f"--cut-at {twice}: it is given twice")
    declared = {port.name: port for port in model.outputs}
    made = {name for node in model.nodes for name in node.outputs if name}
    for name in names:
        if name not in made:
            known = [*declared, *sorted(_varying(model) - declared.keys())]
            near = difflib.get_close_matches(name, known, n=_NEAREST, cutoff=0.0)
            raise UsageError(
                f"--cut-at {name}: no operator of {model.path.name} makes such a value. The "
                f"nearest are {', '.join(near)}"
            )
    outputs = [declared.get(name) or OnnxPort(name, "float32", ()) for name in names]
    outputs += [declared[s.update] for s in model.states if s.update not in names]
    live = live_nodes(model.nodes, {port.name for port in outputs})
    return replace(model, nodes=live, outputs=tuple(outputs))


def without_constant_outputs(model: OnnxModel) -> OnnxModel:
    """The model without outputs that depend on no input, and a note that says so.

    It is as it was where nothing else is left, or where operators are refused: what they depend on
    may be unknown.
    """
    varying = _varying(model) | {port.name for port in model.inputs}
    kept = tuple(port for port in model.outputs if port.name in varying)
    if len(kept) == len(model.outputs) or not kept or model.refused:
        return model
    names = ", ".join(f"'{port.name}'" for port in model.outputs if port not in kept)
    note = (
        f"output {names} depends on no input: it is constant, and left out; your program may hold "
        "what the model gives there"
    )
    return replace(model, outputs=kept, notes=(*model.notes, note))


def _varying(model: OnnxModel) -> set[str]:
    """The inner values that depend on an input, which alone may be outputs."""
    found = {port.name for port in model.inputs}
    made: set[str] = set()
    for node in model.nodes:
        if found & set(node.inputs):
            made |= set(node.outputs) - {""}
            found |= made
    return made


def cut_before(model: OnnxModel, node: OnnxNode) -> str:
    """The options that cut a model before a node near its end, as a sentence; "" elsewhere."""
    made = {name for other in model.nodes for name in other.outputs}
    sources = [name for name in node.inputs if name in made]
    if not sources or _count(model, node, forward=True) > _NEAR:
        return ""
    cut = " ".join(f"--cut-at {shlex.quote(name)}" for name in dict.fromkeys(sources))
    return f"Cut the model before it: `{cut}`."


def cut_advice(model: OnnxModel, node: OnnxNode) -> str:
    """The command that cuts a model before a node near its end, or behind one near its start.

    Args:
        model: has the node.
        node: that is to be left out.

    Returns:
        A sentence, "" where the node is in the middle, or nothing is left.
    """
    before = cut_before(model, node)
    if before:
        return before
    read = {name for other in model.nodes for name in other.inputs}
    results = [name for name in node.outputs if name in read]
    if results and _count(model, node, forward=False) <= _NEAR:
        return _behind(model, node, results)
    return ""


def _behind(model: OnnxModel, node: OnnxNode, results: list[str]) -> str:
    outputs = [port.name for port in model.outputs]
    if "." in node.op:
        # Nothing says what such an operator gives, and the command would not know either.
        return f"Cut the model behind it, so that '{results[0]}' is its input."
    return _command(model, results[:1], outputs)


def _command(model: OnnxModel, inputs: list[str], outputs: list[str]) -> str:
    file, stem = model.path.name, model.path.stem
    return (
        f'Cut the model behind it: `python -c "import onnx.utils; onnx.utils.extract_model('
        f"'{file}', '{stem}_cut.onnx', {inputs}, {outputs})\"`."
    )


def _count(model: OnnxModel, node: OnnxNode, *, forward: bool) -> int:
    """How many nodes depend on a node, or how many it depends on."""
    seen, count = {*(node.outputs if forward else node.inputs)} - {""}, 0
    for other in model.nodes if forward else reversed(model.nodes):
        if other is node:
            continue
        reads, makes = (other.inputs, other.outputs) if forward else (other.outputs, other.inputs)
        if seen & set(reads):
            seen |= set(makes) - {""}
            count += 1
    return count
