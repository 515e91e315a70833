"""What a node's scales may ask of the fixed point."""

import numpy as np
import pytest

from mcucc.ops import Int8Graph
from mcucc.reference.arithmetic import arithmetic_faults
from mcucc.reference.interpreter import run
from tests.graphs import GraphBuilder, quant


def mean_of_four(exponent: int) -> Int8Graph:
    """Whose factor to the output is 2^exponent."""
    b = GraphBuilder()
    x = b.input((1, 2, 2, 1), quant(2.0**exponent, -128))
    return b.build(b.mean(x, q=quant(1.0)))


def faults(graph: Int8Graph) -> list[str]:
    return list(arithmetic_faults(graph, graph.nodes[0]))


def largest(graph: Int8Graph) -> int:
    """What the largest inputs give."""
    (port,) = graph.inputs
    return int(run(graph, {port.tensor: np.full((1, 2, 2, 1), 127, np.int8)})["mean0_out"].item())


@pytest.mark.parametrize("exponent", [0, 10, 22])
def test_a_mean_whose_shifted_sum_is_an_int32(exponent: int) -> None:
    """A sum of up to 1020, shifted by exponent + 1 bits less the 2 that the division takes."""
    graph = mean_of_four(exponent)
    assert faults(graph) == []
    assert largest(graph) == 127


def test_a_mean_whose_shifted_sum_leaves_an_int32() -> None:
    graph = mean_of_four(23)
    (fault,) = faults(graph)
    assert fault.startswith("its sum times the factor from its scale to the output's must stay")
    assert largest(graph) != 127
