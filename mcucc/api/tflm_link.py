"""The TFLM link of the ladder: the twin in TensorFlow Lite Micro, and what it is known to abort on.

It runs all operators that it has. Those that it lacks are custom operators in the twin: what they
make is given to it as numpy has it, so that whatever comes behind is judged by itself.

A crash is a failure, for it may be our fault. The exceptions are known by name and are held against
the numbers: only where the reference says that TFLM must abort may it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import SimulationError
from mcucc.ir import DType
from mcucc.ops import Int8Graph
from mcucc.ops.softmax import Softmax
from mcucc.reference.index import from_bytes
from mcucc.reference.softmax import softmax_table, tflm_aborts
from mcucc.sim.tflm import TflmCrashError, TflmJob, run_tflm
from mcucc.twin import (
    OperatorInfo,
    keep_operators,
    read_inputs,
    read_operators,
    read_tensors,
    unjudged,
    without_custom,
)

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


def hear_tflm(graph: Int8Graph, twin: bytes, expected: Values) -> Heard:
    """Run the twin, as far as TFLM can.

    Args:
        graph: of the twin.
        twin: the `.tflite` file.
        expected: every tensor of the graph, as the reference computes it.

    Returns:
        Every tensor but those that TFLM has no operator for.

    Raises:
        TflmAbsentError: it is not installed, or cannot be loaded.
        SimulationError: it crashed for no known reason, hung or refused the twin, or the twin lacks
            a tensor or an operator that TFLM has.
    """
    lacked = unjudged(graph)
    if len(lacked) == len(expected):
        return Heard({}, "TFLM has none of the operators of this network")
    job = tflm_job(graph, twin, expected)
    try:
        found = run_tflm(job.twin, job.inputs, timeout=TIMEOUT_S)
    except TflmCrashError as crash:
        limit = _known_limit(graph, expected, crash.operator)
        if not limit:
            raise SimulationError(f"{crash}, which is no known limit of TFLM") from crash
        values = _without(lacked, _before(graph, job, crash.operator))
        return Heard(values, f"TFLM cannot run operator {crash.operator}: {limit}")
    judged = _without(lacked, expected)
    absent = next((name for name in judged if name not in found), None)
    if absent is not None:
        raise SimulationError(f"the twin holds no tensor '{absent}'")
    # Without the tensors that only the twin has.
    return Heard({name: values for name, values in found.items() if name in judged})


def tflm_job(graph: Int8Graph, twin: bytes, expected: Values) -> TflmJob:
    """What TFLM is to run of a twin: all but the custom operators, which the reference stands for.

    Each step of a sequence is judged by itself, too: it is given what the step before left.

    Args:
        graph: of the twin.
        twin: the `.tflite` file.
        expected: every tensor of the graph, as the reference computes it.

    Raises:
        SimulationError: the twin takes something that the reference would have to judge itself.
    """
    part = without_custom(twin)
    tensors = read_tensors(part)
    names = [tensors[index].name for index in read_inputs(part)]
    strange = next((x for x in names if x not in {*graph.source_tensors, *unjudged(graph)}), None)
    if strange is not None:
        raise SimulationError(f"the twin wants to be given '{strange}', which TFLM must make")
    return TflmJob(part, tuple(_numbers(graph, name, expected[name]) for name in names))


def _numbers(graph: Int8Graph, name: str, held: NDArray[np.int8]) -> NDArray[np.generic]:
    """Samples (N, ...) of a value in its own element type."""
    kind = graph.tensors[name]
    if kind.dtype != DType.INT32:
        return held
    return from_bytes(held).reshape(len(held), *kind.shape[1:])


def _without(names: tuple[str, ...], values: Values) -> Values:
    return {name: array for name, array in values.items() if name not in names}


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


def _before(graph: Int8Graph, job: TflmJob, last: OperatorInfo) -> Values:
    """The values that are there before an operator runs."""
    if last.index == 0:
        return {}
    found = run_tflm(keep_operators(job.twin, last.index), job.inputs, timeout=TIMEOUT_S)
    made = {operator.output for operator in read_operators(job.twin)[: last.index]}
    wanted = made & graph.tensors.keys() | set(graph.source_tensors)
    return {name: values for name, values in found.items() if name in wanted}
