"""Files of one operator: numpy against the wheel on the very file, C against numpy."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mcucc.importer import TFLITE_RULES, ModelBytes, lower_network, read_network
from mcucc.importer.tflite.elementwise import FLOAT_ONLY
from mcucc.ir import Port
from mcucc.ops import Int8Graph
from mcucc.passes import FLOAT, run_passes
from mcucc.quant.ptq import from_file
from mcucc.reference.interpreter import run
from mcucc.sim.tflm import TflmJob, run_tflm_jobs
from tests.graphs import random_inputs
from tests.importer.tflite.drawn_file import File
from tests.importer.tflite.retyped import renamed
from tests.importer.tflite.single_operators import DRAWS
from tests.judging import needs_tflm
from tests.kernels.compiled import assert_c_agrees, generate

ELSEWHERE = {
    **dict.fromkeys(
        ("ASSIGN_VARIABLE", "CALL_ONCE", "READ_VARIABLE", "VAR_HANDLE"), "state: test_state.py"
    ),
    **dict.fromkeys(FLOAT_ONLY, "taken in float alone: test_float_operators.py"),
    "CAST": "is no operator: test_float_operators.py",
    **dict.fromkeys(("ARG_MAX", "ARG_MIN"), "outputs of int32: tests/operators"),
    "DEQUANTIZE": "makes floats",
    "RELU_N1_TO_1": "TFLM has it not: test_relu_n1_to_1",
    "TILE": "TFLM has it in float alone",
    "TRANSPOSE_CONV": "tests of its own",
    "TOPK_V2": "TFLM has it not: tests/operators",
}
"""Operators without a file here, and why."""
JUDGED_AS = {"SELECT": "SELECT_V2"}
"""What TFLM has not, and the same operator by the name that it knows."""
_SAMPLES = 4
_FILES = int(os.environ.get("MCUCC_DRAWN_FILES", "12"))
"""Of each operator."""


class Drawn(dict[str, bytes]):
    """A file of each operator; too long to be shown."""

    def __repr__(self) -> str:
        return "files"


@st.composite
def files(draw: st.DrawFn) -> Drawn:
    return Drawn((name, make(File(draw))) for name, make in DRAWS.items())


def test_every_operator_has_a_file() -> None:
    assert not ELSEWHERE.keys() & DRAWS.keys()
    assert set(TFLITE_RULES) == ELSEWHERE.keys() | DRAWS.keys()


def lowered(content: bytes) -> Int8Graph:
    model = read_network(ModelBytes(content))
    return from_file(run_passes(lower_network(model, "net"), FLOAT)[0])


Int8 = NDArray[np.int8]


def judged_file(name: str, content: bytes) -> bytes:
    """The file of an operator, under the name that TFLM has for it."""
    return renamed(content, name, JUDGED_AS[name]) if name in JUDGED_AS else content


def in_file_layout(values: Int8, port: Port) -> Int8:
    """Values of the graph as the file has them."""
    if port.perm is None or len(port.shape) < 3:
        return np.ascontiguousarray(values.reshape(len(values), *port.shape[1:]))
    inner = values.reshape(len(values), *(port.shape[axis] for axis in port.perm[1:]))
    return np.ascontiguousarray(inner.transpose(np.argsort(port.perm)))


@needs_tflm
@given(files())
@settings(max_examples=_FILES, deadline=None, derandomize=True, phases=[Phase.generate])
def test_tflm_agrees(drawn: Drawn) -> None:
    jobs: list[TflmJob] = []
    found: list[Mapping[str, Int8]] = []
    for name, content in drawn.items():
        graph = lowered(content)
        values = random_inputs(graph, _SAMPLES)
        made = run(graph, values)
        found.append({port.name: in_file_layout(made[port.tensor], port) for port in graph.outputs})
        samples = tuple(in_file_layout(values[source.tensor], source) for source in graph.inputs)
        jobs.append(TflmJob(judged_file(name, content), samples))
    judged = run_tflm_jobs(jobs, timeout=120)
    for name, outputs, results in zip(drawn, found, judged, strict=True):
        for output, value in outputs.items():
            wrong = np.count_nonzero(value.ravel() != results[output].ravel())
            assert wrong == 0, f"{name}, {output}: {wrong} of {value.size} elements differ"


def relu_n1_to_1(f: File) -> bytes:
    return f.bytes("RELU_N1_TO_1", (1, 256), f.value((1, 256)))


@given(st.composite(lambda draw: Drawn({"RELU_N1_TO_1": relu_n1_to_1(File(draw))}))())
@settings(max_examples=12, deadline=None, derandomize=True, phases=[Phase.generate])
def test_relu_n1_to_1(drawn: Drawn) -> None:
    graph = lowered(drawn["RELU_N1_TO_1"])
    (source,), (output,) = graph.inputs, graph.outputs
    quant = graph.tensors[source.tensor].q
    values = np.arange(-128, 128, dtype=np.int8)[None]
    found = run(graph, {source.tensor: values})[output.tensor]

    low, high = (quant.zero_point + round(real / quant.scale) for real in (-1, 1))
    # The file's QUANTIZE adds one to the zero point, or takes one off.
    moved = graph.tensors[output.tensor].q.zero_point - quant.zero_point
    expected = np.clip(values.astype(np.int32), low, high) + moved
    assert np.array_equal(found, np.clip(expected, -128, 127))


@pytest.mark.cc
@pytest.mark.parametrize("name", DRAWS)
def test_c_agrees(name: str) -> None:
    @given(st.composite(lambda draw: Drawn({name: DRAWS[name](File(draw))}))())
    @settings(max_examples=2, deadline=None, derandomize=True, phases=[Phase.generate])
    def check(drawn: Drawn) -> None:
        graph = lowered(drawn[name])
        with tempfile.TemporaryDirectory() as folder:
            assert_c_agrees(generate(graph, Path(folder) / "c"), Path(folder))

    check()
