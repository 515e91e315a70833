"""Where to cut a model so that an operator at its end or at its start is left to the program."""

from mcucc.importer.file.reader import OnnxModel, OnnxNode

_NEAR = 6
"""Nodes between an operator and an end of the network for which cutting it off is an advice."""


def cut_advice(model: OnnxModel, node: OnnxNode) -> str:
    """The command that cuts a model before a node near its end, or behind one near its start.

    Args:
        model: has the node.
        node: that is to be left out.

    Returns:
        A sentence, "" where the node is in the middle, or nothing is left.
    """
    inputs = [port.name for port in model.inputs]
    outputs = [port.name for port in model.outputs]
    made = {name for other in model.nodes for name in other.outputs}
    sources = [name for name in node.inputs if name in made]
    if sources and _count(model, node, forward=True) <= _NEAR:
        return _command(model, inputs, sources, "before")
    read = {name for other in model.nodes for name in other.inputs}
    results = [name for name in node.outputs if name in read]
    if results and _count(model, node, forward=False) <= _NEAR:
        return _behind(model, node, results, outputs)
    return ""


def _behind(model: OnnxModel, node: OnnxNode, results: list[str], outputs: list[str]) -> str:
    if "." in node.op:
        # Nothing says what such an operator gives, and the command would not know either.
        return f"Cut the model behind it, so that '{results[0]}' is its input."
    return _command(model, results[:1], outputs, "behind")


def _command(model: OnnxModel, inputs: list[str], outputs: list[str], side: str) -> str:
    file, stem = model.path.name, model.path.stem
    return (
        f'Cut the model {side} it: `python -c "import onnx.utils; onnx.utils.extract_model('
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
