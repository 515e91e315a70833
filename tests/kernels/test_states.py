"""State in C: the bits of a sequence, with all else overwritten between runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mcucc.codegen import Io
from mcucc.ops import Int8Graph
from mcucc.passes import run_passes
from mcucc.passes.int8_.copy_states import CopyStates
from mcucc.schedule import PlanOptions
from tests.graphs import GraphBuilder, quant
from tests.kernels.compiled import assert_c_agrees, generate

pytestmark = pytest.mark.cc

Q = quant(0.05, -7)


def window() -> Int8Graph:
    b = GraphBuilder("window")
    x, old = b.input((1, 1, 4, 2), Q), b.state((1, 3, 4, 2), Q)
    rows = b.concat(b.flatten(old), b.flatten(x))
    rows = b.reshape(rows, (1, 4, 4, 2))
    b.hand_on(old, b.slice(rows, (0, 1, 0, 0), (1, 3, 4, 2)), b.constant((1, 3, 4, 2), Q))
    return b.build(b.conv(rows, 5, (4, 1), pads="valid"))


def accumulator() -> Int8Graph:
    """In place, element by element, and an output that has its own bytes."""
    b = GraphBuilder("accumulator")
    x, old = b.input((1, 5, 3, 4), Q), b.state((1, 5, 3, 4), Q)
    new = b.add(old, b.conv(x, 4), q=Q)
    b.hand_on(old, new)
    return b.build(b.max_pool(new, (2, 2)), new)


def late_reader() -> Int8Graph:
    b = GraphBuilder("late")
    x, old = b.input((1, 5, 3, 4), Q), b.state((1, 5, 3, 4), Q)
    new = b.conv(b.add(old, x), 4, (1, 1), q=Q)
    b.hand_on(old, new)
    return b.build(b.add(new, old))


def two_states() -> Int8Graph:
    """A delay of two runs, and an odd size between the two."""
    b = GraphBuilder("delay")
    x = b.input((1, 3), Q)
    newer, older = b.state((1, 3), Q), b.state((1, 3), Q)
    whole = ((0, 0), (1, 3))
    y = b.dense(b.concat(x, newer, older), 4)
    b.hand_on(older, b.slice(newer, *whole))
    b.hand_on(newer, b.slice(x, *whole))
    return b.build(y)


@pytest.mark.parametrize(
    "options",
    [
        PlanOptions(objective="memory"),
        PlanOptions(mode="layer", keep_input=True),
        PlanOptions(mode="stream", alignment=16),
        PlanOptions(stream_input=True),
    ],
    ids=["memory", "layers", "rows", "streamed"],
)
@pytest.mark.parametrize("make", [window, accumulator, late_reader, two_states])
def test_sequences(tmp_path: Path, make: Callable[[], Int8Graph], options: PlanOptions) -> None:
    graph, _ = run_passes(make(), (CopyStates(),))
    generated = generate(graph, tmp_path / "c", options=options)
    assert generated.program.state_bytes >= sum(
        graph.tensors[state.source].nbytes for state in graph.states
    )
    assert_c_agrees(generated, tmp_path / "work", samples=7)


@pytest.mark.parametrize("io", ["uint8", "float"])
def test_interfaces(tmp_path: Path, io: Io) -> None:
    """What is left is int8 whatever the caller sees: an output that it is gets bytes of its own."""
    graph, _ = run_passes(accumulator(), (CopyStates(),))
    generated = generate(graph, tmp_path / "c", io=io, options=PlanOptions())
    assert_c_agrees(generated, tmp_path / "work")
