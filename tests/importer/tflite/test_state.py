"""Variables of `.tflite` files: what TFLM finds in them, from the first run on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.errors import InputFileError, UnsupportedModelError
from mcucc.importer import ModelBytes, lower_network, read_network
from mcucc.importer.tflite.reader import read_tflite_file
from mcucc.ops import Int8Graph
from mcucc.passes import FLOAT, run_passes
from mcucc.quant.ptq import from_file
from mcucc.reference.interpreter import run
from mcucc.sim.tflm import run_tflm_file
from tests.importer.tflite.state_files import SHAPE, ZERO_POINT, Op, Part, accumulator, write
from tests.judging import needs_tflm

STEPS = 12


def imported(raw: bytes) -> Int8Graph:
    model = read_network(ModelBytes(raw))
    return from_file(run_passes(lower_network(model, "net"), FLOAT)[0])


def outputs(raw: bytes, x: NDArray[np.int8]) -> tuple[NDArray[np.int8], NDArray[np.generic]]:
    """Of a sequence: numpy's and TFLM's."""
    graph = imported(raw)
    ours = run(graph, {graph.inputs[0].tensor: x})[graph.outputs[0].tensor]
    place = read_tflite_file(Path("net.tflite"), raw).outputs[0]
    theirs = run_tflm_file(raw, [x], [place], timeout=60.0, keep=False)[place]
    return ours, theirs.reshape(ours.shape)


@needs_tflm
@pytest.mark.parametrize("initial", [None, (3, 3, 3, 3), (-128, 127, 40, -9)])
@pytest.mark.parametrize("assigned", ["sum", "x"])
def test_a_sequence_has_the_bits_of_tflm(initial: tuple[int, ...] | None, assigned: str) -> None:
    x = np.random.default_rng(0).integers(-10, 14, (STEPS, *SHAPE[1:])).astype(np.int8)
    ours, theirs = outputs(accumulator(initial, assigned=assigned), x)
    np.testing.assert_array_equal(ours, theirs)


def test_a_variable_is_a_state() -> None:
    graph = imported(accumulator((9, 3, 3, 3)))
    (state,) = graph.states
    assert (state.name, state.output) == ("memory", "")
    assert [port.name for port in graph.inputs] == ["x"]
    assert [port.name for port in graph.outputs] == ["y"]
    assert state.initial is not None
    np.testing.assert_array_equal(graph.const(state.initial).data.ravel(), [9, 3, 3, 3])


def test_without_an_initializer_it_begins_with_its_zero_point() -> None:
    graph = imported(accumulator())
    values = run(graph, {graph.inputs[0].tensor: np.zeros(SHAPE, np.int8)})
    assert np.all(values[graph.states[0].source] == ZERO_POINT)


HANDLE = Op("VAR_HANDLE", (), ("handle",), "memory")
READ = Op("READ_VARIABLE", ("handle",), ("old",))
ADD = Op("ADD", ("old", "x"), ("sum",))
ASSIGN = Op("ASSIGN_VARIABLE", ("handle", "sum"))


def test_what_is_read_after_an_assignment_was_assigned_in_this_run() -> None:
    again = Op("READ_VARIABLE", ("handle",), ("new",))
    twice = Op("ADD", ("new", "sum"), ("y",))
    graph = imported(write(Part((HANDLE, READ, ADD, ASSIGN, again, twice), ("x",), ("y",))))
    assert len(graph.states) == 1
    adds = [node for node in graph.nodes if type(node.op).__name__ == "Add"]
    assert len(adds) == 2
    assert adds[1].inputs[0] == adds[1].inputs[1] == adds[0].output


def test_a_variable_that_nobody_reads_is_left_out() -> None:
    forward = Op("ADD", ("x", "x"), ("sum",))
    graph = imported(write(Part((HANDLE, forward, ASSIGN), ("x",), ("sum",))))
    assert graph.states == ()


def test_other_scales_are_refused() -> None:
    part = Part((HANDLE, READ, ADD, ASSIGN), ("x",), ("sum",), scales=(("sum", 0.75),))
    with pytest.raises(UnsupportedModelError, match="must have one type and scale"):
        imported(write(part))


def test_computed_beginnings_are_refused() -> None:
    main = Part((Op("CALL_ONCE", subgraph=1), HANDLE, READ, ADD, ASSIGN), ("x",), ("sum",))
    begin = Part((HANDLE, Op("ADD", ("a", "a"), ("sum",)), ASSIGN), ("a",))
    with pytest.raises(UnsupportedModelError, match="must be constant"):
        imported(write(main, begin))


def test_a_missing_subgraph_or_handle_is_damage() -> None:
    main = Part((Op("CALL_ONCE", subgraph=7), HANDLE, READ, ADD, ASSIGN), ("x",), ("sum",))
    with pytest.raises(InputFileError, match="calls the missing subgraph 7"):
        imported(write(main))
    stray = replace(READ, inputs=("x",))
    with pytest.raises(InputFileError, match="has no handle"):
        imported(write(Part((HANDLE, stray, ADD), ("x",), ("sum",))))
