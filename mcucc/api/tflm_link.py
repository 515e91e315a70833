"""The TFLM link of the ladder: the twin in TensorFlow Lite Micro, and what it is known to abort on.

A crash is a failure, for it may be our fault. The exceptions are known by name and are held against
the numbers: only where the reference says that TFLM must abort may it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.compiled.samples import Samples
from mcucc.errors import SimulationError
from mcucc.ops import Int8Graph
from mcucc.ops.softmax import Softmax
from mcucc.reference.softmax import softmax_table, tflm_aborts
from mcucc.sim.tflm import TflmCrashError, run_tflm
from mcucc.twin import OperatorInfo, keep_operators, read_operators

TIMEOUT_S = 600.0

Values = Mapping[str, NDArray[np.int8]]
"""Tensors (N, ...) by name."""


@dataclass(frozen=True)
class Heard:
    """What a judge computed.

    Attributes:
        values: tensors of the graph.
        limit: why there are no more; empty if it ran to the end.
    """

    values: Values
    limit: str = ""


def hear_tflm(graph: Int8Graph, twin: bytes, samples: Samples, expected: Values) -> Heard:
    """Run the twin, as far as TFLM can.

    Args:
        graph: of the twin.
        twin: the `.tflite` file.
        samples: for each input.
        expected: every tensor of the graph, as the reference computes it.

    Raises:
        TflmAbsentError: it is not installed, or cannot be loaded.
        SimulationError: it crashed for no known reason, hung or refused the twin, or the twin lacks
            a tensor.
    """
    # Each step of a sequence is judged by itself: it is given what the step before left.
    samples = (*samples, *(expected[state.source] for state in graph.states))
    try:
        found = run_tflm(twin, samples, timeout=TIMEOUT_S)
    except TflmCrashError as crash:
        limit = _known_limit(graph, expected, crash.operator)
        if not limit:
            raise SimulationError(f"{crash}, which is no known limit of TFLM") from crash
        values = _before(graph, twin, samples, crash.operator)
        return Heard(values, f"TFLM cannot run operator {crash.operator}: {limit}")
    absent = next((name for name in expected if name not in found), None)
    if absent is not None:
        raise SimulationError(f"the twin holds no tensor '{absent}'")
    # Without the tensors that only the twin has.
    return Heard({name: values for name, values in found.items() if name in expected})


def _known_limit(graph: Int8Graph, expected: Values, operator: OperatorInfo) -> str:
    """Why TFLM must abort in an operator on these numbers, as far as it is known; else empty."""
    node = graph.producers.get(operator.output)
    if node is None or not isinstance(node.op, Softmax) or operator.name != "SOFTMAX":
        return ""
    source = node.inputs[0]
    if not tflm_aborts(expected[source], softmax_table(graph.tensors[source].q.scale)):
        return ""
    classes = graph.tensors[source].shape[-1]
    return (
        f"it aborts where exponentials add up to 512 or more, as those of these {classes} "
        "near-equal values do"
    )


def _before(graph: Int8Graph, twin: bytes, samples: Samples, last: OperatorInfo) -> Values:
    """The values that are there before an operator runs."""
    inputs = dict(zip(graph.source_tensors, samples, strict=True))
    if last.index == 0:
        return {}
    found = run_tflm(keep_operators(twin, last.index), samples, timeout=TIMEOUT_S)
    made = {operator.output for operator in read_operators(twin)[: last.index]}
    wanted = made & graph.tensors.keys() | inputs.keys()
    return {name: values for name, values in found.items() if name in wanted}
