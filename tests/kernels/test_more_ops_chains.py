"""Random small networks of all operators: planner, code, sanitized run."""

import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcucc.ops import Int8Graph
from tests.graphs import GraphBuilder, every_operator_graph
from tests.kernels.compiled import assert_c_agrees, generate

pytestmark = pytest.mark.cc

Step = Callable[[GraphBuilder, str, int], str]
MOST_ELEMENTS = 3000


def _size(b: GraphBuilder, x: str) -> tuple[int, int, int]:
    return b.tensors[x].hwc


def _alike(b: GraphBuilder, x: str, k: int) -> str:
    """Some value of the same shape, perhaps x itself."""
    found = [name for name, kind in b.tensors.items() if kind.shape == b.tensors[x].shape]
    return found[k % len(found)]


def _gated(b: GraphBuilder, x: str, k: int) -> str:
    """Squeeze and excite."""
    squeezed = b.conv(b.mean(x, keep_dims=True), _size(b, x)[2], (1, 1))
    return b.mul(x, b.logistic(squeezed) if k % 2 else b.clamp(squeezed, -20, 50))


def _swish(b: GraphBuilder, x: str, k: int) -> str:
    return b.mul(x, b.logistic(x))


def _pool(b: GraphBuilder, x: str, k: int) -> str:
    h, w, _ = _size(b, x)
    window = (min(h, 2 + k % 2), min(w, 2))
    return b.max_pool(x, window, stride=(1 + k % 2, 2), pads="same")


def _grown(b: GraphBuilder, x: str, k: int) -> str:
    factor = (1 + k % 3, 1 + k % 2)
    return b.resize_nearest(x, factor) if 6 * b.tensors[x].size <= MOST_ELEMENTS else b.table(x)


def _dense_block(b: GraphBuilder, x: str, k: int) -> str:
    """Concatenations of all that was made so far, one after the other."""
    parts = [x]
    for _ in range(1 + k % 3):
        parts.append(b.conv(b.concat(*parts), 2 + k % 4, q=b.tensors[x].q))
    return b.concat(*parts)


def _cropped(b: GraphBuilder, x: str, k: int) -> str:
    """A block that begins within the first half of each axis."""
    starts = [k % (1 + n // 2) for n in _size(b, x)]
    sizes = [max(1, n - start - k % 2) for n, start in zip(_size(b, x), starts, strict=True)]
    return b.slice(x, (0, *starts), (1, *sizes))


def _grouped(b: GraphBuilder, x: str, k: int) -> str:
    """As many groups as divide the channels."""
    groups = math.gcd(12, _size(b, x)[2])
    return b.conv(x, groups * (1 + k % 5), (1 + k % 3, 3), groups=groups, stride=(1, 1 + k % 2))


STEPS: tuple[Step, ...] = (
    lambda b, x, k: b.conv(x, 1 + k % 7, (1, 1), activation="relu6"),
    lambda b, x, k: b.depthwise(x, (3, 2), stride=(1, 1 + k % 2)),
    lambda b, x, k: b.add(x, _alike(b, x, k)),
    lambda b, x, k: b.sub(_alike(b, x, k), x, activation="relu"),
    lambda b, x, k: b.mul(x, _alike(b, x, k)),
    lambda b, x, k: b.mul(x, b.constant((1, 1, 1, _size(b, x)[2]))),
    lambda b, x, k: b.hard_swish(x),
    lambda b, x, k: b.tanh(b.leaky_relu(x, 0.1)),
    lambda b, x, k: b.transpose(x, ((0, 2, 1, 3), (0, 1, 3, 2), (0, 3, 1, 2))[k % 3]),
    _cropped,
    _gated,
    _swish,
    _pool,
    _grown,
    _dense_block,
    _grouped,
)


@st.composite
def networks(draw: st.DrawFn) -> Int8Graph:
    """One or two inputs, up to eight steps on any value so far, and one to three outputs."""
    b = GraphBuilder("drawn", seed=draw(st.integers(0, 2**20)))
    sizes = st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 6))
    values = [b.input((1, *size)) for size in draw(st.lists(sizes, min_size=1, max_size=2))]
    inputs = len(values)
    for _ in range(draw(st.integers(2, 8))):
        x = values[draw(st.integers(0, len(values) - 1))]
        step = draw(st.sampled_from(STEPS))
        values.append(step(b, x, draw(st.integers(0, 11))))
    return b.build(*dict.fromkeys([values[-1], *values[inputs:-1:3]]))


@settings(
    max_examples=14,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(networks())
def test_networks(graph: Int8Graph) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert_c_agrees(generate(graph, Path(folder) / "c"), Path(folder), samples=4)


def test_every_operator(tmp_path: Path) -> None:
    assert_c_agrees(generate(every_operator_graph(), tmp_path / "c"), tmp_path)
