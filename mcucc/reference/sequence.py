"""Runs of a network that hands state on: a batch of samples is one sequence, its steps in order."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import DType, Graph
from mcucc.ir.graph import OpT

Arrays = Mapping[str, NDArray[np.generic]]
"""Samples (N, ...) of values by name."""


def initial_states(graph: Graph[OpT]) -> Arrays:
    """What the first run of a sequence finds, (1, ...) for the source of each state.

    Zero is the zero point of an int8 value.
    """
    found: dict[str, NDArray[np.generic]] = {}
    for state in graph.states:
        kind = graph.tensors[state.source]
        if state.initial is not None:
            found[state.source] = graph.const(state.initial).data
        else:
            zero = kind.q.zero_point if kind.dtype == DType.INT8 else 0
            found[state.source] = np.full(kind.shape, zero, kind.dtype.value)
    return found


def in_sequence(
    graph: Graph[OpT], inputs: Arrays, run: Callable[[Arrays], Arrays]
) -> dict[str, NDArray[np.generic]]:
    """Run a network step by step, each step with the states that the one before it left.

    Args:
        graph: with states.
        inputs: N samples of each input, at least one.
        run: one step: values by name, of the inputs and the sources of all states; must give the
            updates of all states.

    Returns:
        N samples of what `run` gives.
    """
    count = len(next(iter(inputs.values())))
    states: Arrays = initial_states(graph)
    steps: list[Arrays] = []
    for step in range(count):
        made = run({name: x[step : step + 1] for name, x in inputs.items()} | dict(states))
        states = {state.source: made[state.update] for state in graph.states}
        steps.append(made)
    return {name: np.concatenate([made[name] for made in steps]) for name in steps[0]}
