"""DepthToSpace: numpy against TFLM, C against numpy, rows within segments."""

from pathlib import Path

import numpy as np
import pytest

from mcucc.importer import ModelBytes, lower_network, read_network
from mcucc.ops import Int8Graph
from mcucc.ops.movement import DepthToSpace, FloatConcat, FloatDepthToSpace, Mode
from mcucc.ops.pool import FloatMaxPool2D
from mcucc.quant.ptq import from_file
from mcucc.reference.interpreter import run
from mcucc.schedule import PlanOptions, Segment
from mcucc.targets.core import Core
from mcucc.twin import write_twin
from tests.graphs import GraphBuilder, quant, random_inputs
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.kernels.compiled import KERNEL_CORES, assert_c_agrees, core_name, generate
from tests.kernels.grid import CHANNELS, MAPS, latin
from tests.operators.example import Example
from tests.ops.breaking import int8, with_type

Q = quant(0.05, -7)
BLOCKS = ((1, 1), (2, 2), (3, 3), (4, 4), (1, 2), (2, 1), (3, 1), (2, 3))
MODES: tuple[Mode, ...] = ("DCR", "CRD")


def blocks(b: GraphBuilder, x: str, block: tuple[int, int], mode: Mode = "DCR") -> str:
    return b.node(DepthToSpace(block, mode), (x,), b.tensors[x].q)


def _example(b: GraphBuilder, x: str) -> str:
    """Four times the channels become two rows and columns, one of which stays."""
    return b.max_pool(blocks(b, b.concat(x, x, x, x), (2, 2)), (2, 2), stride=(2, 2))


EXAMPLE = Example(
    DepthToSpace,
    _example,
    (
        (with_type("concat0_out", int8(1, 6, 6, 7)), "must make up whole blocks"),
        (with_type("depthtospace1_out", int8(1, 12, 12, 2, q=quant(0.2))), "same scale"),
    ),
    lambda b, x: b.add(
        FloatMaxPool2D((2, 2), (2, 2)),
        b.add(FloatDepthToSpace((2, 2)), b.add(FloatConcat(), x, x, x, x)),
    ),
)


@needs_tflm
@pytest.mark.parametrize("mode", MODES)
def test_tflm_agrees(mode: Mode) -> None:
    """Squares are its DEPTH_TO_SPACE; other blocks are made of what else it has."""
    graphs: list[Int8Graph] = []
    for block in BLOCKS:
        for shape in ((3, 4, 1), (1, 1, 5), (5, 1, 3), (1, 7, 2)):
            b = GraphBuilder(f"{block} of {shape}", seed=len(graphs))
            channels = shape[2] * block[0] * block[1]
            blocks(b, b.input((1, *shape[:2], channels), Q), block, mode)
            graphs.append(b.build())
    assert_tflm_agrees(graphs)


@pytest.mark.cc
@pytest.mark.parametrize("core", KERNEL_CORES, ids=core_name)
def test_c_agrees(tmp_path: Path, core: Core | None) -> None:
    b, made = GraphBuilder("blocks", seed=5), list[str]()
    factors = {"map": MAPS, "c": CHANNELS, "block": BLOCKS, "mode": MODES}
    for case in latin(factors, 36, seed=5):
        rows, columns = case["block"]
        x = b.input((1, *case["map"], case["c"] * rows * columns), Q)
        made.append(blocks(b, x, case["block"], case["mode"]))
    generated = generate(b.build(*made), tmp_path / "c", planned=False, core=core)
    assert {k.family.name for k in generated.kernels.values() if k is not None} == {"blocks"}
    assert_c_agrees(generated, tmp_path)


@pytest.mark.cc
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_it_stands_in_a_segment(tmp_path: Path, mode: Mode, streamed: bool) -> None:
    """One row of the wide map is held, of which several are made."""
    b = GraphBuilder("segment", seed=6)
    wide = b.conv(b.input((1, 9, 8, 2), Q), 27, q=Q)
    b.conv(blocks(b, wide, (3, 3), mode), 1, q=Q)
    options = PlanOptions(mode="stream", stream_input=streamed)
    generated = generate(b.build(), tmp_path / "c", options=options)
    (step,) = generated.plan.schedule.steps
    assert isinstance(step, Segment)
    assert step.rows[wide] == 1
    assert_c_agrees(generated, tmp_path, samples=4)


@pytest.mark.parametrize("block", [(2, 2), (3, 3)])
def test_tflite_files(block: tuple[int, int]) -> None:
    """Back from the file of TensorFlow Lite: the same operator, the same numbers."""
    b = GraphBuilder("net", seed=8)
    blocks(b, b.input((1, 3, 4, 2 * block[0] * block[1]), Q), block)
    graph = b.build()
    read = from_file(lower_network(read_network(ModelBytes(write_twin(graph))), "net"))
    assert [node.op for node in read.nodes] == [DepthToSpace(block)]
    inputs = random_inputs(graph, 3)
    found = run(read, {read.inputs[0].tensor: inputs[graph.inputs[0].tensor]})
    wanted = run(graph, inputs)[graph.outputs[0].tensor]
    assert np.array_equal(found[read.outputs[0].tensor], wanted)
