"""Minimum; `test_maximum.py` holds both against their judges."""

import pytest

from mcucc.ops.elementwise import FloatMinimum, Minimum
from tests.graphs import GraphBuilder, quant, random_inputs
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.operators.example import Example
from tests.operators.test_maximum import extreme
from tests.ops.breaking import int8, with_output

EXAMPLE = Example(
    Minimum,
    lambda b, x: extreme(b, Minimum(), x, x),
    ((with_output(int8(1, 6, 6, 2, q=quant(0.11))), "the same scale and zero point"),),
    lambda b, x: b.add(FloatMinimum(), x, b.const(1, 1, 1, b.tensors[x].shape[-1])),
)


@needs_tflm
@pytest.mark.parametrize("zero_point", [-128, 0, 127])
def test_the_least_of_several(zero_point: int) -> None:
    """Of the smallest and the largest numbers, too."""
    b, q = GraphBuilder("least", seed=2), quant(0.05, zero_point)
    first = b.input((1, 5, 6, 4), q)
    made = extreme(b, Minimum(), first, b.input((1, 5, 6, 4), q))
    made = extreme(b, Minimum(), made, b.input((1, 5, 6, 4), q))
    graph = b.build(made)
    inputs = random_inputs(graph, 4)
    for name, end in zip(inputs, (-128, 127, 127), strict=True):
        inputs[name][0] = end
    assert_tflm_agrees([graph], inputs=[inputs])
