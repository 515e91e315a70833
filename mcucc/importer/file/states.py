"""Pairs of an input and an output that are one value: what a run leaves, the next one finds."""

import difflib
from collections.abc import Sequence
from dataclasses import replace

from mcucc.errors import UsageError
from mcucc.importer.file.reader import OnnxModel, OnnxPort, OnnxState

_NEAREST = 3


def declare_states(model: OnnxModel, pairs: Sequence[tuple[str, str]]) -> OnnxModel:
    """The model with states, each an input and the output that the next run finds there.

    The first run of a sequence finds zeros.

    Args:
        model: as `read_onnx` gives it.
        pairs: names of an input and an output; none to leave the model as it is.

    Raises:
        UsageError: a name is unknown, or stands twice, or what the file says of the two differs.
    """
    inputs = {port.name: port for port in model.inputs}
    outputs = {port.name: port for port in model.outputs}
    states = list(model.states)
    for source, update in pairs:
        option = f"--state {source}={update}"
        _demand_known(option, source, inputs, f"{model.path.name} has no input")
        _demand_known(option, update, outputs, f"{model.path.name} has no output")
        if any(source == known.source or update == known.update for known in states):
            raise UsageError(f"{option}: one of the two belongs to another state already")
        _demand_alike(option, inputs[source], outputs[update])
        states.append(OnnxState(source, update))
    if pairs and len(states) == len(inputs):
        raise UsageError(f"--state: no input of {model.path.name} is left for the caller")
    return replace(model, states=tuple(states))


def _demand_known(option: str, name: str, known: dict[str, OnnxPort], what: str) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=_NEAREST, cutoff=0.0)
        raise UsageError(f"{option}: {what} '{name}'. The nearest are {', '.join(near)}")


def _demand_alike(option: str, source: OnnxPort, update: OnnxPort) -> None:
    """Demand that the file does not contradict itself; what it leaves open is inferred later."""
    sizes = zip(source.shape, update.shape, strict=False)
    same = source.dtype == update.dtype and (
        not update.shape
        or (
            len(source.shape) == len(update.shape)
            and all(a == b or a is None or b is None for a, b in sizes)
        )
    )
    if not same:
        raise UsageError(
            f"{option}: '{source.name}' is {source.dtype} {list(source.shape)}, "
            f"'{update.name}' is {update.dtype} {list(update.shape)}"
        )
