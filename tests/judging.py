"""Holds the numpy reference against TensorFlow Lite Micro, many small graphs per child process."""

import os
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.api.tflm_link import tflm_job
from mcucc.ops import Int8Graph
from mcucc.reference.interpreter import run
from mcucc.sim.tflm import run_tflm_jobs, tflm_available
from mcucc.twin import write_twin
from tests.graphs import random_inputs

# Where everything is required a missing wheel is no skip: the tests run and fail.
needs_tflm = pytest.mark.skipif(
    not tflm_available() and os.environ.get("MCUCC_REQUIRE_MODELS") != "1",
    reason="the tflite_micro wheel is not installed",
)


Inputs = Mapping[str, NDArray[np.int8]]


def assert_tflm_agrees(
    graphs: Sequence[Int8Graph], samples: int = 4, inputs: Sequence[Inputs] | None = None
) -> None:
    """Every tensor of every graph must have the same bits in numpy and in TFLM.

    Inputs that are not given are drawn, `samples` of them. What TFLM has no operator for is not
    judged, but what is made of it.
    """
    if inputs is None:
        inputs = [random_inputs(graph, samples, seed) for seed, graph in enumerate(graphs)]
    values = [run(graph, given) for graph, given in zip(graphs, inputs, strict=True)]
    jobs = [
        tflm_job(graph, write_twin(graph), expected)
        for graph, expected in zip(graphs, values, strict=True)
    ]
    results = run_tflm_jobs(jobs, timeout=120)
    for graph, expected, judged in zip(graphs, values, results, strict=True):
        for name, value in expected.items():
            wrong = int(np.count_nonzero(value != judged[name]))
            assert wrong == 0, f"{graph.name}: '{name}' differs in {wrong} of {value.size} elements"
