"""Segments give the bits that layers give: each row producer over rings, resident and streamed."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcucc.codegen import Io
from mcucc.kernels import select_kernels
from mcucc.ops import Int8Graph
from mcucc.passes import INT8, run_passes
from mcucc.schedule import Mode, PlanOptions, Segment, plan_network
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import Generated, assert_c_agrees, generate
from tests.kernels.test_kernels_chains import networks
from tests.kernels.test_more_ops_chains import networks as more_networks

pytestmark = pytest.mark.cc

Tail = Callable[[GraphBuilder, str], str]
RESIDENT = PlanOptions(mode="stream")
STREAMED = PlanOptions(mode="stream", stream_input=True)
KEPT = PlanOptions(mode="stream", keep_input=True)
Q = quant(0.06, -11)


def small_kernels(b: GraphBuilder, x: str) -> str:
    """1 to 4 rows of taps, strides 1 and 2 in either direction."""
    x = b.conv(x, 5, (1, 1), activation="relu")
    x = b.conv(x, 6, (2, 3), stride=(1, 2))
    x = b.depthwise(x, (3, 2), stride=(2, 1), multiplier=2)
    return b.conv(x, 4, (4, 1), pads=(3, 0, 0, 0))


def large_kernels(b: GraphBuilder, x: str) -> str:
    """5 to 7 rows of taps, a stride of 3, and windows that lie in the padding for the most part."""
    x = b.depthwise(x, (5, 5), pads=(4, 1, 0, 3))
    x = b.conv(x, 4, (6, 2), stride=(2, 1), pads=(1, 5, 1, 0))
    return b.depthwise(x, (7, 7), stride=(3, 2), pads=(6, 6, 3, 3))


def skipped_rows(b: GraphBuilder, x: str) -> str:
    """Strides that are larger than the window: rows that nobody reads are made all the same."""
    x = b.conv(x, 4, (1, 1), stride=(3, 2), pads="valid")
    return b.max_pool(x, (1, 2), stride=(2, 1))


def unread_tails(b: GraphBuilder, x: str) -> str:
    """The last rows of the image and of each map lie under no window."""
    x = b.conv(x, 4, (2, 2), stride=(2, 2), pads="valid")
    h = b.tensors[x].hwc[0]
    x = b.conv(b.reshape(b.depthwise(x, (3, 3)), (1, h, 1, 16)), 4, (1, 1), stride=(4, 1))
    return b.conv(b.requantize(x), 3, (1, 1), stride=(3, 1))


def dilated(b: GraphBuilder, x: str) -> str:
    x = b.conv(x, 4, (3, 3), dilation=(2, 1))
    x = b.depthwise(x, (2, 3), dilation=(3, 2), pads=(2, 1, 0, 4))
    return b.conv(x, 6, (3, 1), dilation=(4, 1), stride=(2, 1), groups=2, pads=(5, 3, 0, 0))


def pools(b: GraphBuilder, x: str) -> str:
    x = b.max_pool(x, (3, 3), stride=(2, 2), pads=(1, 0, 0, 1))
    x = b.average_pool(x, (2, 3), pads=(1, 1, 2, 0))
    return b.max_pool(b.requantize(x), (2, 2), stride=(1, 1), pads="same")


def borders_and_resizing(b: GraphBuilder, x: str) -> str:
    x = b.pad(b.conv(x, 3), (2, 1, 0, 3))
    x = b.resize_nearest(x, (2, 1))
    x = b.conv(x, 2, (3, 3), stride=(3, 1), pads=(0, 2, 1, 1))
    return b.pad(b.resize_nearest(x, (3, 2)), (0, 4, 0, 0))


def residual(b: GraphBuilder, x: str) -> str:
    """The short way is held until the long one is through."""
    first = b.conv(x, 4)
    long = b.depthwise(b.conv(first, 4, (5, 3)), (3, 3), activation="relu6")
    return b.sub(b.add(first, long), b.constant(b.tensors[first].shape))


def dense_block(b: GraphBuilder, x: str) -> str:
    first = b.conv(x, 3, q=Q)
    second = b.conv(first, 5, (5, 1), q=Q)
    third = b.depthwise(b.concat(first, second), (3, 3), q=Q)
    return b.concat(third, first, b.clamp(second, -90, 80))


def gated(b: GraphBuilder, x: str) -> str:
    """A gate is a row that is made before and read again and again."""
    y = b.conv(x, 6)
    gate = b.logistic(b.conv(b.mean(y, keep_dims=True), 6, (1, 1)))
    y = b.mul(y, gate)
    return b.mul(b.depthwise(y, (3, 3)), b.hard_swish(y))


def gate_of_another_map(b: GraphBuilder, x: str) -> str:
    """The mean and what it gates come from one ring or image, by two paths."""
    small = b.average_pool(x, (2, 2), stride=(2, 2))
    gate = b.logistic(b.mean(b.conv(small, 3, (1, 1)), keep_dims=True))
    return b.depthwise(b.mul(b.conv(x, 3), gate), (3, 3))


def two_means(b: GraphBuilder, x: str) -> str:
    """Two reductions of a map that is read row by row as well."""
    y = b.conv(x, 8, (3, 3), stride=(2, 2))
    h, w, c = b.tensors[y].hwc
    mean = b.flatten(b.mean(y, keep_dims=True))
    average = b.flatten(b.average_pool(y, (h, w), stride=(h, w)))
    rest = b.flatten(b.mean(b.depthwise(y, (3, 3))))
    return b.dense(b.concat(b.reshape(mean, (1, c)), b.requantize(average, b.tensors[mean].q),
                            b.requantize(rest, b.tensors[mean].q)), 5)  # fmt: skip


def flattened(b: GraphBuilder, x: str) -> str:
    """A map that is made by rows and read as a vector."""
    y = b.conv(b.conv(x, 4), 3, (3, 3), stride=(2, 2))
    return b.softmax(b.dense(b.flatten(y), 7))


def reshaped_between(b: GraphBuilder, x: str) -> str:
    """Reshapes that keep the rows, of the image too, and one that changes them."""
    h, w, c = b.tensors[x].hwc
    y = b.requantize(b.reshape(x, (1, h, w * c)))
    y = b.depthwise(b.reshape(y, (1, h, w, c)), (3, 3))
    return b.conv(b.reshape(y, (1, w, h, c)), 4, (3, 3))


NETWORKS: dict[str, Tail] = {
    tail.__name__: tail
    for tail in (
        small_kernels,
        large_kernels,
        skipped_rows,
        unread_tails,
        dilated,
        pools,
        borders_and_resizing,
        residual,
        dense_block,
        gated,
        gate_of_another_map,
        two_means,
        flattened,
        reshaped_between,
    )
}


def network(name: str, height: int = 13) -> Int8Graph:
    b = GraphBuilder(name, seed=len(name))
    x = b.input((1, height, 9, 3), Q)
    return b.build(NETWORKS[name](b, x))


def segments(generated: Generated) -> list[Segment]:
    return [step for step in generated.plan.schedule.steps if isinstance(step, Segment)]


@pytest.mark.parametrize("options", [RESIDENT, STREAMED], ids=["resident", "streamed"])
@pytest.mark.parametrize("name", NETWORKS)
def test_segments_give_the_bits_of_layers(tmp_path: Path, name: str, options: PlanOptions) -> None:
    graph = network(name)
    generated = generate(graph, tmp_path / "c", options=options)
    found = segments(generated)
    assert any(len(segment.stages) > 1 for segment in found)
    rings = {value: held for s in found for value, held in s.rows.items()}
    assert name == "skipped_rows" or any(
        held < graph.tensors[value].hwc[0] for value, held in rings.items()
    )
    for tensor in generated.program.tensors:
        home = generated.plan.schedule.home[tensor.name]
        height, width, channels = graph.tensors[home].hwc
        assert tensor.rows * tensor.row_bytes == rings.get(home, height) * width * channels
    assert_c_agrees(generated, tmp_path)


def test_kept_inputs_stay(tmp_path: Path) -> None:
    generated = generate(network("residual"), tmp_path / "c", options=KEPT)
    assert segments(generated)
    assert_c_agrees(generated, tmp_path)


@pytest.mark.parametrize("io", ["uint8", "float"])
def test_interfaces(tmp_path: Path, io: Io) -> None:
    generated = generate(network("dense_block"), tmp_path / "c", io=io, options=RESIDENT)
    assert_c_agrees(generated, tmp_path)


def test_rows_of_uint8_pixels(tmp_path: Path) -> None:
    """Each row is turned to int8 as it comes; outputs are turned back."""
    generated = generate(network("reshaped_between"), tmp_path / "c", io="uint8", options=STREAMED)
    assert_c_agrees(generated, tmp_path)


def test_an_image_that_is_an_output_too(tmp_path: Path) -> None:
    b = GraphBuilder("echo")
    x = b.input((1, 6, 5, 2), Q)
    graph = b.build(b.conv(x, 3), x)
    assert_c_agrees(generate(graph, tmp_path / "c", options=STREAMED), tmp_path)


def planned_segments(graph: Int8Graph) -> list[tuple[str, ...]]:
    """What the stages of each segment make."""
    plan = plan_network(graph, select_kernels(graph), RESIDENT)
    steps = [step for step in plan.schedule.steps if isinstance(step, Segment)]
    return [tuple(stage.value for stage in step.stages) for step in steps]


@pytest.mark.parametrize("rows", [65534, 65536])
def test_more_rows_than_counters_hold_are_made_by_layers(rows: int) -> None:
    b = GraphBuilder("tall")
    x = b.requantize(b.input((1, rows, 1, 1), Q))
    half = b.conv(x, 1, (2, 1), stride=(2, 1))
    last = b.conv(half, 1, (3, 1))
    counted = (x,) if rows < 65536 else ()
    assert planned_segments(b.build()) == [(*counted, half, last)]


@pytest.mark.parametrize("rows", [65535, 65536])
def test_more_rows_than_counters_hold_are_not_reduced(rows: int) -> None:
    b = GraphBuilder("tall_mean")
    x = b.requantize(b.input((1, rows, 1, 1), Q))
    mean = b.mean(x)
    assert planned_segments(b.build()) == ([(x, mean)] if rows < 65536 else [])


RANDOM = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
MODES = st.tuples(st.sampled_from(("stream", "auto")), st.booleans(), st.booleans())


def check_drawn(graph: Int8Graph, mode: tuple[Mode, bool, bool]) -> None:
    """Rows in the way of `mode`: what to do, whether inputs are kept, or else streamed."""
    name, keep, stream = mode
    options = PlanOptions(
        objective="memory",
        mode=name,
        keep_input=keep,
        stream_input=stream and not keep and len(graph.inputs) == 1,
    )
    passed, _ = run_passes(graph, INT8)
    with tempfile.TemporaryDirectory() as folder:
        generated = generate(passed, Path(folder) / "c", options=options)
        assert_c_agrees(generated, Path(folder), samples=4)


@RANDOM
@given(networks(), MODES)
def test_drawn_networks(graph: Int8Graph, mode: tuple[Mode, bool, bool]) -> None:
    check_drawn(graph, mode)


@RANDOM
@given(more_networks(), MODES)
def test_more_drawn_networks(graph: Int8Graph, mode: tuple[Mode, bool, bool]) -> None:
    check_drawn(graph, mode)
