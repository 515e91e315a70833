"""Random small networks through the whole path: passes, planner, code, sanitized run."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcucc.ops import Int8Graph
from mcucc.passes import INT8, run_passes
from mcucc.reference.interpreter import run
from tests.graphs import GraphBuilder, every_operator_graph, random_inputs
from tests.kernels.compiled import assert_c_agrees, generate

pytestmark = pytest.mark.cc

Step = Callable[[GraphBuilder, str, int], str]


def _width(b: GraphBuilder, x: str) -> tuple[int, int, int]:
    return b.tensors[x].hwc


def _residual(b: GraphBuilder, x: str, k: int) -> str:
    return b.add(x, b.conv(x, _width(b, x)[2], (1 + k % 3, 3)))


def _twins(b: GraphBuilder, x: str, k: int) -> str:
    return b.add(b.depthwise(x, (3, 3)), b.requantize(x), activation="relu")


def _pool(b: GraphBuilder, x: str, k: int) -> str:
    h, w, _ = _width(b, x)
    return b.average_pool(x, (min(h, 2), min(w, 1 + k % 3)), stride=(1 + k % 2, 1))


def _swap(b: GraphBuilder, x: str, k: int) -> str:
    h, w, c = _width(b, x)
    return b.reshape(x, (1, w, h, c))


STEPS: tuple[Step, ...] = (
    lambda b, x, k: b.conv(x, 1 + k % 9, (3, 3), stride=(1 + k % 2, 1)),
    lambda b, x, k: b.conv(x, 1 + k % 7, (1, 1), activation="relu6"),
    lambda b, x, k: b.depthwise(x, (3, 2), multiplier=1 + k % 2, stride=(1, 1 + k % 2)),
    lambda b, x, k: b.conv(b.pad(x, (k % 2, 1, 2, k % 3)), 4, (2, 2), pads="valid"),
    lambda b, x, k: b.pad(x, (0, k % 2, 1, 0)),
    lambda b, x, k: b.requantize(x),
    lambda b, x, k: b.add(x, x),
    _residual,
    _twins,
    _pool,
    _swap,
)


@st.composite
def networks(draw: st.DrawFn) -> Int8Graph:
    """One or two inputs, up to eight operators on any value so far, and perhaps a classifier."""
    b = GraphBuilder("drawn", seed=draw(st.integers(0, 2**20)))
    sizes = st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 6))
    values = [b.input((1, *size)) for size in draw(st.lists(sizes, min_size=1, max_size=2))]
    inputs = len(values)
    for _ in range(draw(st.integers(2, 8))):
        x = values[draw(st.integers(0, len(values) - 1))]
        step = draw(st.sampled_from(STEPS))
        values.append(step(b, x, draw(st.integers(0, 11))))
    outputs = [values[-1], *values[inputs:-1:3]]
    if draw(st.booleans()):
        outputs.append(b.softmax(b.dense(b.mean(values[-1]), 5)))
    return b.build(*dict.fromkeys(outputs))


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(networks())
def test_networks(graph: Int8Graph) -> None:
    passed, _ = run_passes(graph, INT8)
    inputs = random_inputs(graph, 4)
    before, after = run(graph, inputs), run(passed, inputs)
    for port in graph.outputs:
        np.testing.assert_array_equal(after[port.tensor], before[port.tensor])
    with tempfile.TemporaryDirectory() as folder:
        assert_c_agrees(generate(passed, Path(folder) / "c"), Path(folder))


def test_every_operator(tmp_path: Path) -> None:
    assert_c_agrees(generate(every_operator_graph(), tmp_path / "c"), tmp_path)
