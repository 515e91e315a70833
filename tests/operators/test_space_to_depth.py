"""SpaceToDepth: numpy against TFLM, C against numpy, rows within segments."""

from pathlib import Path

import numpy as np
import pytest

from mcucc.importer import ModelBytes, lower_network, read_network
from mcucc.ops import Int8Graph
from mcucc.ops.movement import FloatSlice, FloatSpaceToDepth, SpaceToDepth
from mcucc.ops.resize import FloatResizeNearest
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
from tests.operators.test_depth_to_space import BLOCKS, Q
from tests.ops.breaking import int8, with_type


def gathered(b: GraphBuilder, x: str, block: tuple[int, int]) -> str:
    return b.node(SpaceToDepth(block), (x,), b.tensors[x].q)


def _example(b: GraphBuilder, x: str) -> str:
    """A map that is enlarged, folded, and of which some channels stay."""
    shape = b.tensors[x].shape
    return b.slice(gathered(b, b.resize_nearest(x, (2, 3)), (2, 3)), (0, 0, 0, 0), shape)


EXAMPLE = Example(
    SpaceToDepth,
    _example,
    (
        (with_type("resizenearest0_out", int8(1, 13, 18, 2)), "made of whole blocks"),
        (with_type("resizenearest0_out", int8(1, 12, 19, 2)), "made of whole blocks"),
        (with_type("spacetodepth1_out", int8(1, 6, 6, 12, q=quant(0.2))), "same scale"),
    ),
    lambda b, x: b.add(
        FloatSlice((0, 0, 0, 0), b.tensors[x].shape),
        b.add(FloatSpaceToDepth((2, 3)), b.add(FloatResizeNearest((2, 3)), x)),
    ),
)


@needs_tflm
def test_tflm_agrees() -> None:
    """Squares are its SPACE_TO_DEPTH; other blocks are made of what else it has."""
    graphs: list[Int8Graph] = []
    for block in BLOCKS:
        for h, w, c in ((3, 4, 1), (1, 1, 5), (5, 1, 3), (1, 7, 2)):
            b = GraphBuilder(f"{block} of {h, w, c}", seed=len(graphs))
            gathered(b, b.input((1, h * block[0], w * block[1], c), Q), block)
            graphs.append(b.build())
    assert_tflm_agrees(graphs)


@pytest.mark.cc
@pytest.mark.parametrize("core", KERNEL_CORES, ids=core_name)
def test_c_agrees(tmp_path: Path, core: Core | None) -> None:
    b, made = GraphBuilder("gather", seed=5), list[str]()
    for case in latin({"map": MAPS, "c": CHANNELS, "block": BLOCKS}, 36, seed=5):
        h, w = (n * size for n, size in zip(case["map"], case["block"], strict=True))
        made.append(gathered(b, b.input((1, h, w, case["c"]), Q), case["block"]))
    generated = generate(b.build(*made), tmp_path / "c", planned=False, core=core)
    assert {k.family.name for k in generated.kernels.values() if k is not None} == {"gather"}
    assert_c_agrees(generated, tmp_path)


@pytest.mark.cc
@pytest.mark.parametrize("streamed", [False, True])
def test_it_stands_in_a_segment(tmp_path: Path, streamed: bool) -> None:
    """As many rows of the image are held as a block has, then as many as a window has."""
    b = GraphBuilder("segment", seed=6)
    x = b.conv(b.input((1, 12, 8, 2), Q), 3, (1, 1), q=Q)
    folded = gathered(b, x, (2, 2))
    b.conv(folded, 5)
    options = PlanOptions(mode="stream", stream_input=streamed)
    generated = generate(b.build(), tmp_path / "c", options=options)
    (step,) = generated.plan.schedule.steps
    assert isinstance(step, Segment)
    assert (step.rows[x], step.rows[folded]) == (2, 3)
    assert_c_agrees(generated, tmp_path, samples=4)


def test_tflite_files() -> None:
    """Back from the file of TensorFlow Lite: the same operator, the same numbers."""
    b = GraphBuilder("net", seed=8)
    gathered(b, b.input((1, 6, 4, 3), Q), (2, 2))
    graph = b.build()
    read = from_file(lower_network(read_network(ModelBytes(write_twin(graph))), "net"))
    assert [node.op for node in read.nodes] == [SpaceToDepth((2, 2))]
    inputs = random_inputs(graph, 3)
    found = run(read, {read.inputs[0].tensor: inputs[graph.inputs[0].tensor]})
    wanted = run(graph, inputs)[graph.outputs[0].tensor]
    assert np.array_equal(found[read.outputs[0].tensor], wanted)
