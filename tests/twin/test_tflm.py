"""The judge in its child process: what it returns and how it fails."""

import importlib
import sys

import numpy as np
import pytest

from mcucc.api.tflm_link import tflm_job
from mcucc.errors import SimulationError
from mcucc.reference.interpreter import run
from mcucc.sim.tflm import (
    TflmAbsentError,
    TflmJob,
    run_tflm,
    run_tflm_jobs,
    tflm_available,
)
from mcucc.twin import read_tensors, write_twin
from tests.graphs import GraphBuilder, every_operator_graph, quant, random_inputs
from tests.judging import needs_tflm


def crashing_twin() -> bytes:
    """TFLM aborts in a softmax over 512 and more equal logits."""
    b = GraphBuilder()
    x = b.requantize(b.input((1, 600)))
    b.requantize(b.softmax(x))
    return write_twin(b.build())


@needs_tflm
def test_every_value_of_every_sample():
    graph = every_operator_graph()
    inputs = random_inputs(graph, 3)
    expected = run(graph, inputs)
    job = tflm_job(graph, write_twin(graph), expected)
    result = run_tflm(job.twin, job.inputs, timeout=60)
    values = [t for t in read_tensors(job.twin) if not t.constant]
    indices = {t.name for t in values if t.int32 and t.name in graph.tensors}
    assert indices
    assert set(result) == {t.name for t in values if t.int8} | indices
    assert np.array_equal(result["x0"], inputs["x0"])
    for name, value in expected.items():
        assert np.array_equal(result[name], value)


@needs_tflm
def test_a_large_network_fits_the_arena():
    b = GraphBuilder()
    y = b.conv(b.input((1, 96, 96, 3)), 32)
    for _ in range(3):
        y = b.conv(b.depthwise(y), 32, (1, 1))
    graph = b.build()
    inputs = random_inputs(graph, 1)
    result = run_tflm(write_twin(graph), [inputs["x0"]], timeout=60)
    assert np.array_equal(result[y], run(graph, inputs)[y])


@needs_tflm
def test_a_crash_names_its_operator():
    with pytest.raises(SimulationError, match=r"operator 1, SOFTMAX that makes 'softmax1_out'"):
        run_tflm(crashing_twin(), [np.zeros((1, 600), np.int8)], timeout=60)


@needs_tflm
def test_a_crash_among_several_jobs_is_found():
    b = GraphBuilder()
    b.requantize(b.input((1, 4)))
    good = TflmJob(write_twin(b.build()), (np.zeros((2, 4), np.int8),))
    bad = TflmJob(crashing_twin(), (np.zeros((1, 600), np.int8),))
    with pytest.raises(SimulationError, match="SOFTMAX"):
        run_tflm_jobs([good, bad], timeout=60)


@needs_tflm
def test_an_input_of_the_wrong_shape_is_a_refusal_and_no_crash():
    b = GraphBuilder()
    b.requantize(b.input((1, 4)))
    with pytest.raises(SimulationError, match="refused"):
        run_tflm(write_twin(b.build()), [np.zeros((1, 5), np.int8)], timeout=60)


@needs_tflm
def test_a_hang_is_reported():
    b = GraphBuilder()
    b.requantize(b.input((1, 4), quant(0.1)))
    with pytest.raises(SimulationError, match=r"did not finish within 0\.001 seconds"):
        run_tflm(write_twin(b.build()), [np.zeros((1, 4), np.int8)], timeout=0.001)


def test_absence_is_an_error_of_its_own(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    monkeypatch.delitem(sys.modules, "tflite_micro", raising=False)
    importlib.invalidate_caches()
    assert not tflm_available()
    with pytest.raises(TflmAbsentError, match="not installed"):
        run_tflm(b"", [], timeout=1)
