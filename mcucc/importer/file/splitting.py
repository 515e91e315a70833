"""Outputs that join values: given out in their parts, so that each may have a scale of its own."""

from collections.abc import Iterator
from dataclasses import replace

from mcucc.errors import UsageError
from mcucc.importer.file.cutting import cut_at
from mcucc.importer.file.reader import OnnxModel, OnnxNode

_MOVES = frozenset(("Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"))
"""Operators that may stand between a Concat and the output, or another Concat."""


def split_outputs(model: OnnxModel) -> OnnxModel:
    """The model with, in place of each output that a Concat makes, what that joins, in its order.

    A Concat of Concats is split to its ends. Reshapes and transpositions behind the Concat are left
    out.

    Args:
        model: its outputs are those that are wanted.

    Raises:
        UsageError: no output joins values, or one joins something that no operator makes.
    """
    left = {state.update for state in model.states}
    makers = {name: node for node in model.nodes for name in node.outputs}
    wanted = [port.name for port in model.outputs if port.name not in left]
    parts = list(dict.fromkeys(part for name in wanted for part in _parts(makers, name)))
    if parts == wanted:
        raise UsageError(
            f"--split-output: no output of {model.path.name} joins values; `mcucc inspect` lists "
            "its operators"
        )
    loose = next((name for name in parts if name not in makers), None)
    if loose is not None:
        raise UsageError(
            f"--split-output: '{loose}' of {model.path.name} is joined to an output, and no "
            "operator makes it: name the parts with --cut-at"
        )
    states = model.states
    split = cut_at(replace(model, states=()), [*parts, *left])
    return replace(split, states=states)


def _parts(makers: dict[str, OnnxNode], name: str) -> Iterator[str]:
    source = makers.get(name)
    behind = name
    while source is not None and source.op in _MOVES:
        behind = source.inputs[0]
        source = makers.get(behind)
    if source is None or source.op != "Concat":
        yield name
        return
    for part in source.inputs:
        yield from _parts(makers, part)
