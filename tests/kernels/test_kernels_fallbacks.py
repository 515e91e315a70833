"""Each condition under which a unit declines a layer, in a network of its own beside a layer that
the unit takes, built for the core and run there."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mcucc.ir import Const
from mcucc.kernels import Kernel, Unit, select_kernels
from mcucc.ops import Int8Graph
from mcucc.schedule import plan_memory, schedule_layers
from mcucc.targets.board import Core, load_board
from tests.graphs import GraphBuilder, every_operator_graph, quant
from tests.kernels.compiled import generate, generate_plan
from tests.kernels.on_core import assert_core_agrees

M0, M4, M55 = "rpi-pico", "mps2-an386", "mps3-an547"
Layer = Callable[[GraphBuilder, str], str]


def conv(b: GraphBuilder, x: str) -> str:
    return b.conv(x, 8, (3, 3))


def odd_conv(b: GraphBuilder, x: str) -> str:
    return b.conv(b.slice(x, (0, 0, 0, 0), (1, 6, 5, 3)), 8, (3, 3))


def large_odd_conv(b: GraphBuilder, x: str) -> str:
    return b.conv(b.slice(x, (0, 0, 0, 0), (1, 6, 5, 7)), 8, (5, 5))


def vectors(b: GraphBuilder, x: str) -> str:
    return b.conv(b.conv(x, 16, (1, 1)), 8, (3, 3))


def pointwise(b: GraphBuilder, x: str) -> str:
    return b.conv(x, 8, (1, 1), activation="relu6")


def dense(b: GraphBuilder, x: str) -> str:
    return b.dense(b.flatten(x), 8)


def depthwise(b: GraphBuilder, x: str) -> str:
    return b.depthwise(x, (3, 3))


def sixty_four_taps(b: GraphBuilder, x: str) -> str:
    return b.depthwise(x, (8, 8))


def sixty_five_taps(b: GraphBuilder, x: str) -> str:
    return b.depthwise(x, (5, 13))


def three_channels(b: GraphBuilder, x: str) -> str:
    return b.depthwise(b.slice(x, (0, 0, 0, 0), (1, 6, 5, 3)))


def general(layer: Layer) -> Layer:
    """The layer with a bias beyond what the faster classes take."""

    def made(b: GraphBuilder, x: str) -> str:
        output = layer(b, x)
        node = b.nodes[-1]
        bias = b.consts[node.inputs[2]]
        data = bias.data.copy()
        data[1] = 1 << 30
        b.consts[node.inputs[2]] = Const(bias.name, bias.type, data)
        return output

    return made


def smallest(layer: Layer) -> Layer:
    """The layer with a weight of -128."""

    def made(b: GraphBuilder, x: str) -> str:
        output = layer(b, x)
        weights = b.consts[b.nodes[-1].inputs[1]]
        data = weights.data.copy()
        data[0].flat[0] = -128
        b.consts[weights.name] = Const(weights.name, weights.type, data)
        return output

    return made


def large_odd_sum(b: GraphBuilder, x: str) -> str:
    return b.conv(x, 8, (1, 1), bias=[0, 1 << 23, 0, 0, 0, 0, 0, 0])


@dataclass(frozen=True)
class Edge:
    """A layer at the edge of what a unit takes.

    Attributes:
        name: for the name of the test.
        board: whose core has the unit.
        layer: the layer.
        unit: that computes it.
        lean: whether there is no scratch.
    """

    name: str
    board: str
    layer: Layer
    unit: Unit
    lean: bool = False


EDGES = (
    Edge("dsp conv of -128", M4, smallest(conv), Unit.PORTABLE),
    Edge("dsp pointwise of -128", M4, smallest(pointwise), Unit.PORTABLE),
    Edge("dsp dense of -128", M4, smallest(dense), Unit.PORTABLE),
    Edge("dsp depthwise of -128", M4, smallest(depthwise), Unit.DSP),
    Edge("dsp large odd sum", M4, large_odd_sum, Unit.PORTABLE),
    Edge("dsp general conv", M4, general(conv), Unit.PORTABLE),
    Edge("dsp general depthwise", M4, general(depthwise), Unit.PORTABLE),
    Edge("dsp three channels", M4, three_channels, Unit.PORTABLE),
    Edge("dsp odd conv without scratch", M4, odd_conv, Unit.DSP, lean=True),
    Edge("dsp large odd conv without scratch", M4, large_odd_conv, Unit.PORTABLE, lean=True),
    Edge("dsp conv without scratch", M4, conv, Unit.DSP, lean=True),
    Edge("mve depthwise of -128", M55, smallest(depthwise), Unit.DSP),
    Edge("mve general depthwise of -128", M55, general(smallest(depthwise)), Unit.PORTABLE),
    Edge("mve 64 taps", M55, sixty_four_taps, Unit.MVE),
    Edge("mve 65 taps", M55, sixty_five_taps, Unit.DSP),
    Edge("mve 65 taps of general", M55, general(sixty_five_taps), Unit.PORTABLE),
    Edge("mve three channels of -128", M55, smallest(three_channels), Unit.PORTABLE),
    Edge("mve conv without scratch", M55, conv, Unit.DSP, lean=True),
    Edge("mve odd conv without scratch", M55, odd_conv, Unit.MVE, lean=True),
    Edge("mve large odd conv without scratch", M55, large_odd_conv, Unit.PORTABLE, lean=True),
    Edge("mve conv of vectors without scratch", M55, vectors, Unit.MVE, lean=True),
    Edge("mve general conv without scratch", M55, general(conv), Unit.PORTABLE, lean=True),
    Edge("mve pointwise without scratch", M55, pointwise, Unit.MVE, lean=True),
    Edge("thumb1 depthwise without scratch", M0, depthwise, Unit.THUMB1, lean=True),
    Edge("thumb1 general depthwise", M0, general(depthwise), Unit.PORTABLE),
    Edge("thumb1 conv of -128", M0, smallest(conv), Unit.THUMB1),
    Edge("thumb1 general pointwise", M0, general(pointwise), Unit.THUMB1),
)
OWN = {M0: Unit.THUMB1, M4: Unit.DSP, M55: Unit.MVE}


def network(edge: Edge) -> tuple[Int8Graph, str]:
    """The layer's network, and the name of the layer's node."""
    b = GraphBuilder("edge", seed=5)
    x = b.input((1, 6, 5, 12), quant(0.05, -37))
    made = edge.layer(b, x)
    node = b.nodes[-1].name
    return b.build(made, b.conv(x, 6, (1, 1), q=quant(0.1, 4))), node


def kernels_of(graph: Int8Graph, core: Core, *, lean: bool) -> dict[str, Kernel | None]:
    chosen = select_kernels(graph, core)
    return {n: k.scratch_free if lean and k is not None else k for n, k in chosen.items()}


@pytest.mark.qemu
@pytest.mark.parametrize("edge", EDGES, ids=lambda edge: edge.name.replace(" ", "-"))
def test_what_a_unit_declines_builds_beside_it(tmp_path: Path, edge: Edge) -> None:
    board = load_board(edge.board)
    graph, node = network(edge)
    kernels = kernels_of(graph, board.core, lean=edge.lean)
    declined, taken = kernels[node], kernels[graph.nodes[-1].name]
    assert declined is not None
    assert taken is not None
    assert (declined.unit, taken.unit) == (edge.unit, OWN[edge.board])
    made = generate_plan(plan_memory(schedule_layers(graph, kernels)), tmp_path / "c")
    assert_core_agrees(made, board, tmp_path)


def nine_by_nine(b: GraphBuilder, x: str) -> str:
    return b.depthwise(x, (9, 9))


@pytest.mark.qemu
@pytest.mark.parametrize(
    "layer", [smallest(depthwise), nine_by_nine, sixty_five_taps, smallest(sixty_four_taps)]
)
def test_m55_collision(tmp_path: Path, layer: Layer) -> None:
    """A depthwise layer that Helium declines did not compile beside any layer that it takes."""
    b = GraphBuilder("collision", seed=6)
    x = layer(b, b.input((1, 8, 8, 8), quant(0.02)))
    pooled = b.max_pool(x, (2, 2), stride=(2, 2))
    graph = b.build(b.add(pooled, pooled), b.conv(x, 8, (1, 1)), b.average_pool(x, (2, 2)))
    board = load_board(M55)
    made = generate(graph, tmp_path / "c", core=board.core)
    units = [kernel.unit for kernel in made.kernels.values() if kernel is not None]
    assert units == [Unit.DSP, *[Unit.MVE] * 4]
    assert_core_agrees(made, board, tmp_path)


@pytest.mark.qemu
@pytest.mark.parametrize("board_id", OWN)
def test_families_that_no_unit_has(tmp_path: Path, board_id: str) -> None:
    """Every operator: those without a kernel of the unit stand beside those that have one."""
    board = load_board(board_id)
    made = generate(every_operator_graph(), tmp_path / "c", core=board.core)
    units = {kernel.unit for kernel in made.kernels.values() if kernel is not None}
    assert units >= {Unit.PORTABLE, OWN[board_id]}
    assert_core_agrees(made, board, tmp_path)
