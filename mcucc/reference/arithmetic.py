"""What a node's scales may ask of the fixed-point arithmetic.

An accumulator is shifted to the left before it is multiplied where the factor to the output's scale
is 1 or more. The shifted number must still be an int32: beyond, TensorFlow Lite and the C wrap, and
the results are garbage, the same everywhere.
"""

from collections.abc import Iterator

import numpy as np

from mcucc.ops import Int8Graph, Int8Node
from mcucc.ops.conv import channel_scales
from mcucc.ops.elementwise import Requantize
from mcucc.ops.pool import Mean
from mcucc.ops.unary import LeakyRelu
from mcucc.reference.fixed_point import effective_scale, quantize_multiplier
from mcucc.reference.parameters import max_abs_accumulator

_LARGEST_INT32 = 1 << 31
_LARGEST_FACTOR = 2.0**30
_LARGEST_DIFFERENCE = 255
"""Of an int8 value and a zero point."""


def arithmetic_faults(graph: Int8Graph, node: Int8Node) -> Iterator[str]:
    """The rules of the fixed point that a node's scales break, each with the numbers.

    The rules of the operators themselves (`Op.rules`) bound those of sums and products.

    Args:
        graph: knows the types of the node's inputs and output, and its weights.
        node: need not be part of the graph.
    """
    inputs, output = graph.input_types(node), graph.tensors[node.output]
    match node.op:
        case op if op.channel_axis is not None:
            yield from _layer_fault(graph, node)
        case Mean():
            count, factor = node.op.count(inputs), inputs[0].q.scale / output.q.scale
            # The division by the count takes as many bits of the shift as it can.
            taken = 0 if node.op.sums else count.bit_length() - 1
            yield from _fault(count * _LARGEST_DIFFERENCE, factor, "its sum", taken)
        case Requantize() | LeakyRelu():
            factor = inputs[0].q.scale / output.q.scale
            yield from _fault(_LARGEST_DIFFERENCE, factor, "its input less the zero point")
        case _:
            pass


def _layer_fault(graph: Int8Graph, node: Int8Node) -> Iterator[str]:
    """Of the channels the one that breaks the rule by most."""
    x, weights = graph.input_types(node)[:2]
    output = graph.tensors[node.output]
    bounds = max_abs_accumulator(graph, node)
    scales = channel_scales(weights.q, len(bounds))
    factors = [effective_scale(x.q.scale, s, output.q.scale) for s in scales]
    reach = [bound * max(factor, 1.0) for bound, factor in zip(bounds, factors, strict=True)]
    worst = int(np.argmax(reach))
    yield from _fault(bounds[worst], factors[worst], f"the accumulator of channel {worst}")


def _fault(largest: int, factor: float, what: str, taken: int = 0) -> Iterator[str]:
    """The rule for a number of at most `largest`, whose factor to the output loses some bits."""
    fits = factor < _LARGEST_FACTOR
    left = max(0, quantize_multiplier(factor).shift - taken) if fits else 0
    if not fits or largest << left >= _LARGEST_INT32:
        yield (
            f"{what} times the factor from its scale to the output's must stay below 2^31, "
            f"here up to {largest:.3g} times {factor:.3g}"
        )
