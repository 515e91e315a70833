"""MirrorPad: numpy against TFLM, C against numpy, ONNX against ONNX Runtime, rows in segments."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from mcucc.errors import UnsupportedModelError
from mcucc.importer import ModelBytes, lower_network, read_network, read_onnx
from mcucc.ops import Int8Graph
from mcucc.ops.movement import FloatSlice
from mcucc.ops.padding import MIRRORS, Border, FloatMirrorPad, MirrorPad
from mcucc.quant.ptq import from_file
from mcucc.reference.interpreter import run
from mcucc.schedule import PlanOptions, Segment
from mcucc.schedule.proof.replay import replay
from mcucc.targets.core import Core
from mcucc.twin import write_twin
from tests.graphs import GraphBuilder, quant, random_inputs
from tests.importer.float_cases import Model, check, kinds
from tests.importer.tflite.drawn_file import File
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.kernels.compiled import KERNEL_CORES, assert_c_agrees, core_name, generate
from tests.kernels.grid import CHANNELS, latin
from tests.operators.example import Example
from tests.ops.breaking import int8, with_op, with_type

Q = quant(0.05, -7)
MAPS = ((1, 1), (1, 9), (6, 1), (5, 7), (8, 8), (3, 2))
WANTED = ((0, 0, 0, 0), (1, 1, 1, 1), (2, 0, 0, 1), (0, 3, 2, 0), (4, 2, 1, 5), (9, 9, 9, 9))


def padded(b: GraphBuilder, x: str, pads: tuple[int, int, int, int], border: Border) -> str:
    """With as much of a border as the map is large enough for."""
    step, back = MIRRORS[border]
    most = [n - 1 + back if step else 9 for n in b.tensors[x].hwc[:2] for _ in (0, 1)]
    top, bottom, left, right = (min(pair) for pair in zip(pads, most, strict=True))
    return b.node(MirrorPad((top, bottom, left, right), border), (x,), b.tensors[x].q)


def _example(b: GraphBuilder, x: str) -> str:
    shape = b.tensors[x].shape
    y = b.node(MirrorPad((1, 1, 0, 1), "symmetric"), (x,), b.tensors[x].q)
    return b.slice(y, (0, 2, 1, 0), shape)


def drawn(f: File) -> bytes:
    shape, mode = f.shape(4), f.pick(0, 1)
    quant = f.value(shape)
    most = [min(n - 1 + mode, 3) for n in shape[1:3]]
    ends = [(f.draw(st.integers(0, n)), f.draw(st.integers(0, n))) for n in most]
    whole = [(0, 0), *ends, (0, 0)]
    f.int32(whole)
    out = tuple(n + a + b for n, (a, b) in zip(shape, whole, strict=True))
    return f.bytes("MIRROR_PAD", out, quant, "MirrorPadOptions", Mode=mode)


EXAMPLE = Example(
    MirrorPad,
    _example,
    (
        (with_op(MirrorPad((6, 0, 0, 0), "reflect")), "must not be larger"),
        (with_op(MirrorPad((0, 0, 0, 7), "symmetric")), "must not be larger"),
        (with_op(MirrorPad((0, 0, -1, 7), "edge")), "must not be negative"),
        (with_type("mirrorpad0_out", int8(1, 8, 7, 2, q=quant(0.2))), "same scale"),
    ),
    lambda b, x: b.add(
        FloatSlice((0, 2, 1, 0), b.tensors[x].shape),
        b.add(FloatMirrorPad((1, 1, 0, 1), "symmetric"), x),
    ),
    files={"MIRROR_PAD": drawn},
)


@needs_tflm
@pytest.mark.parametrize("border", MIRRORS)
def test_tflm_agrees(border: Border) -> None:
    """Its MIRROR_PAD; what repeats the outermost pixels is GATHERs."""
    graphs: list[Int8Graph] = []
    for size in MAPS:
        for pads in WANTED:
            b = GraphBuilder(f"{pads} around {size}", seed=len(graphs))
            padded(b, b.input((1, *size, 1 + len(graphs) % 4), Q), pads, border)
            graphs.append(b.build())
    assert_tflm_agrees(graphs)


@pytest.mark.cc
@pytest.mark.parametrize("core", KERNEL_CORES, ids=core_name)
def test_c_agrees(tmp_path: Path, core: Core | None) -> None:
    b, made = GraphBuilder("mirror", seed=5), list[str]()
    factors = {"map": MAPS, "c": CHANNELS, "pads": WANTED, "border": tuple(MIRRORS)}
    for case in latin(factors, 36, seed=5):
        x = b.input((1, *case["map"], case["c"]), Q)
        made.append(padded(b, x, case["pads"], case["border"]))
    generated = generate(b.build(*made), tmp_path / "c", planned=False, core=core)
    assert {k.family.name for k in generated.kernels.values() if k is not None} == {"mirror"}
    assert_c_agrees(generated, tmp_path)


@pytest.mark.cc
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("border", "held"), [("reflect", 4), ("symmetric", 3), ("edge", 1)])
def test_it_stands_in_a_segment(tmp_path: Path, border: Border, held: int, streamed: bool) -> None:
    """As many rows are held as are mirrored at either end, and the one that is read."""
    b = GraphBuilder("segment", seed=6)
    x = b.conv(b.input((1, 12, 8, 2), Q), 3, (1, 1), q=Q)
    y = padded(b, x, (2, 3, 1, 2), border)
    b.conv(y, 4, (3, 3), pads="valid")
    options = PlanOptions(mode="stream", stream_input=streamed)
    generated = generate(b.build(), tmp_path / "c", options=options)
    (step,) = generated.plan.schedule.steps
    assert isinstance(step, Segment)
    assert (step.rows[x], step.rows[y]) == (held, 3)
    assert_c_agrees(generated, tmp_path, samples=4)


@pytest.mark.cc
def test_it_lies_over_a_map_that_dies(tmp_path: Path) -> None:
    """The smallest plan of a chain of them takes less than two of its maps."""
    b = GraphBuilder("chain", seed=7)
    x = b.conv(b.input((1, 9, 9, 1), Q), 8, (1, 1), q=Q)
    for border in ("reflect", "symmetric", "edge"):
        x = padded(b, x, (1, 1, 1, 1), border)
    options = PlanOptions(objective="memory")
    generated = generate(b.build(), tmp_path / "c", options=options)
    assert generated.network.arena_bytes < 2 * 13 * 13 * 8
    assert_c_agrees(generated, tmp_path)


@pytest.mark.cc
def test_its_pixels_come_a_few_at_a_time(tmp_path: Path) -> None:
    """Those that the border on the right reads again are not written over before."""
    b = GraphBuilder("panel", seed=9)
    b.table(padded(b, b.input((1, 1, 9, 4), Q), (0, 0, 0, 3), "reflect"))
    generated = generate(b.build(), tmp_path / "c", options=PlanOptions(mode="stream"))
    (step,) = generated.plan.schedule.steps
    assert isinstance(step, Segment)
    assert step.panels
    assert not replay(generated.plan, keep_input=False).faults
    assert_c_agrees(generated, tmp_path)


@pytest.mark.parametrize("mode", ["reflect", "edge"])
@pytest.mark.parametrize(
    ("shape", "pads"),
    [
        ((1, 3, 6, 5), (0, 0, 1, 2, 0, 0, 3, 1)),
        ((1, 3, 6, 5), (0, 0, 5, 4, 0, 0, 5, 4)),
        ((1, 3, 9), (0, 0, 4, 0, 0, 1)),
        ((1, 3, 9), (0, 1, 4, 0, 2, 1)),
    ],
)
def test_float_files(
    tmp_path: Path, shape: tuple[int, ...], pads: tuple[int, ...], mode: str
) -> None:
    m = Model(shape)
    graph = check(m, tmp_path, m.op("Pad", "x0", m.ints(*pads), mode=mode))
    assert "MirrorPad" in kinds(graph)


def test_between_convolutions_nothing_moves(tmp_path: Path) -> None:
    m = Model((1, 3, 9, 8))
    y = m.op("Conv", "x0", m.weights(4, 3, 3, 3))
    y = m.op("Pad", y, m.ints(0, 0, 1, 1, 0, 0, 1, 1), mode="reflect")
    graph = check(m, tmp_path, m.op("Conv", y, m.weights(2, 4, 3, 3)))
    assert kinds(graph) == ["Conv2D", "MirrorPad", "Conv2D"]


@pytest.mark.parametrize(
    ("mode", "pads", "words"),
    [
        ("reflect", (0, 0, 6, 0, 0, 0, 0, 0), "must not be larger"),
        ("wrap", (0, 0, 1, 1, 0, 0, 1, 1), "mode wrap"),
        ("edge", (1, 0, 0, 0, 0, 0, 0, 0), "no pads of batch"),
        ("reflect", (0, 0, -1, 1, 0, 0, 1, 1), "no negative"),
    ],
)
def test_others_are_refused(tmp_path: Path, mode: str, pads: tuple[int, ...], words: str) -> None:
    m = Model((1, 3, 6, 5), opset=19)
    path = m.save(tmp_path, m.op("Pad", "x0", m.ints(*pads), mode=mode))
    with pytest.raises(UnsupportedModelError, match=words):
        lower_network(read_onnx(path), "net")


@pytest.mark.parametrize("border", ["reflect", "symmetric"])
def test_tflite_files(border: Border) -> None:
    """Back from the file of TensorFlow Lite: the same operator, the same numbers."""
    b = GraphBuilder("net", seed=8)
    padded(b, b.input((1, 6, 4, 3), Q), (2, 1, 0, 3), border)
    graph = b.build()
    read = from_file(lower_network(read_network(ModelBytes(write_twin(graph))), "net"))
    assert [node.op for node in read.nodes] == [graph.nodes[0].op]
    inputs = random_inputs(graph, 3)
    found = run(read, {read.inputs[0].tensor: inputs[graph.inputs[0].tensor]})
    wanted = run(graph, inputs)[graph.outputs[0].tensor]
    assert np.array_equal(found[read.outputs[0].tensor], wanted)
