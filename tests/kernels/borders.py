"""Layers at borders that ordinary layers do not reach."""

import numpy as np

from mcucc.ir import Const
from tests.graphs import GraphBuilder, quant

LARGEST = (1 << 31) - 1
IN_SCALE, WEIGHT_SCALE = 1 + 2.0**-13, 1 - 2.0**-13
"""Their product is 1 - 2^-26."""


def saturating_layers(b: GraphBuilder) -> list[str]:
    """Layers whose sums are +-(2^31 - 1) for the largest input.

    They are scaled by 1 - 2^-26 and not shifted: with the zero point, 127 or -128, they leave 32
    bits.
    """
    x = b.input((1, 2, 3, 4), quant(IN_SCALE, -128))
    made: list[str] = []
    for sign, zero_point in ((1, 127), (-1, -128)):
        q, scales = quant(1.0, zero_point), [WEIGHT_SCALE] * 4
        made.append(b.conv(x, 4, (1, 1), q=q, weight_scales=scales))
        made.append(b.conv(x, 4, (2, 1), q=q, weight_scales=scales))
        made.append(b.depthwise(x, (1, 2), q=q, weight_scales=scales))
        made.append(b.dense(b.flatten(x), 4, q=q, weight_scales=scales))
        for name in made[-4:]:
            _meet_the_end(b, name, sign)
    return made


def _meet_the_end(b: GraphBuilder, output: str, sign: int) -> None:
    """All weights 1 or all -1, and biases that make the largest sum 2^31 - 1."""
    (node,) = (node for node in b.nodes if node.output == output)
    weights, bias = (b.consts[name] for name in node.inputs[1:])
    taps = weights.type.size // bias.type.size
    ones = np.full(weights.type.shape, sign, np.int8)
    ends = np.full(bias.type.shape, sign * (LARGEST - 255 * taps), np.int32)
    b.consts[weights.name] = Const(weights.name, weights.type, ones)
    b.consts[bias.name] = Const(bias.name, bias.type, ends)


def small_sums(b: GraphBuilder) -> list[str]:
    """Layers whose outputs have a single input each, with factors from 1/4 to 1: they lie within
    the range of int8, and how a half is rounded shows."""
    x = b.input((1, 9, 9, 4), quant(1.0, 1))
    pixel = b.reshape(b.slice(x, (0, 4, 4, 0), (1, 1, 1, 4)), (1, 4))
    q, bias = quant(1.0, -3), [1, -2, 0, 3]
    made: list[str] = []
    for scales in ([0.26, 0.31, 0.41, 0.49], [0.5, 0.51, 0.75, 0.97]):
        made.append(b.conv(x, 4, (1, 1), q=q, weight_scales=scales, bias=bias))
        made.append(b.depthwise(x, (1, 1), q=q, weight_scales=scales, bias=bias))
        made.append(b.dense(pixel, 4, q=q, weight_scales=scales, bias=bias))
        for name in made[-3:]:
            (node,) = (node for node in b.nodes if node.output == name)
            weights = b.consts[node.inputs[1]]
            data = np.ones(4, np.int8) if weights.type.size == 4 else np.eye(4, dtype=np.int8)
            shaped = data.reshape(weights.type.shape)
            b.consts[weights.name] = Const(weights.name, weights.type, shaped)
    return made


def one_pixel_wide(b: GraphBuilder) -> list[str]:
    """Depthwise layers all of whose windows reach padding, which is no longer than a pixel.

    No two share a zero point, and with it their padding.
    """
    inputs = [b.input((1, 4, 1, c), quant(0.05, 11 * c)) for c in (4, 5, 6, 7, 9)]
    return [b.depthwise(x, (3, 3), activation="relu") for x in inputs]
