"""Int8 forms of convolutions, and what dense layers share with them."""

from collections.abc import Mapping

import numpy as np

from mcucc.ops import FloatNode, Int8Op
from mcucc.ops.conv import (
    BandScale,
    Conv2D,
    DepthwiseConv2D,
    FloatBandScale,
    FloatConv2D,
    FloatDepthwiseConv2D,
)
from mcucc.ops.dense import FloatDense, FullyConnected
from mcucc.quant.conversion import CannotQuantizeError, Conversion, Form
from mcucc.quant.means import Correction
from mcucc.quant.weights import QuantizedWeights, given_weights, quantize_weights

_SMALLEST_SCALE, _LARGEST_SCALE = 2.0**-149, 2.0**127
"""Bounds of a bias scale, inside the range of float32."""

_LARGEST_PRODUCT = 2.0**126
"""Products of two scales must be float32 numbers."""


_Layer = FloatConv2D | FloatDepthwiseConv2D | FloatBandScale | FloatDense


def weighted(to: Conversion, node: FloatNode, op: _Layer) -> None:
    """Convolutions and dense layers, and factors of bands."""
    x = node.inputs[0]
    reals = to.graph.const(node.inputs[1]).reals()
    largest = float(np.abs(reals).max(initial=0.0)) * to.scheme.of[x].scale
    if largest > _LARGEST_PRODUCT:
        rule = "the largest weight times the scale of the input must be at most"
        raise CannotQuantizeError(
            f"{rule} {_LARGEST_PRODUCT:.3g}",
            f"{largest:.3g}",
            "Look for weights or constants that are far too large.",
        )
    _check_products(to, node)
    if node.inputs not in to.parameters:  # a layer that is repeated has them once
        quantized = _quantized_weights(to, node, op)
        to.parameters[node.inputs] = (
            to.const(f"{node.name}.weights", quantized.weights, quantized.weight_quant),
            to.const(f"{node.name}.bias", quantized.bias, quantized.bias_quant),
        )
    names = to.parameters[node.inputs]
    made: Int8Op
    if isinstance(op, FloatDense):
        made = FullyConnected(op.activation)
    elif isinstance(op, FloatBandScale):
        made = BandScale()
    elif isinstance(op, FloatDepthwiseConv2D):
        made = DepthwiseConv2D(op.stride, op.dilation, op.pads, op.activation)
    else:
        made = Conv2D(op.stride, op.dilation, op.pads, op.activation)
    to.emit(node, made, [x, *names])


def _check_products(to: Conversion, node: FloatNode) -> None:
    """The scales of a bias are products, and must be float32 numbers."""
    quant = to.graph.const(node.inputs[1]).type.quant
    if quant is None:
        return
    scale = to.scheme.of[node.inputs[0]].scale
    least, most = scale * min(quant.scales), scale * max(quant.scales)
    if not _SMALLEST_SCALE <= least <= most < _LARGEST_SCALE:
        raise CannotQuantizeError(
            "s_input * s_weight must be a float32 number",
            f"{least:.3g} to {most:.3g}",
            "Calibrate the model again.",
        )


def _quantized_weights(to: Conversion, node: FloatNode, op: _Layer) -> QuantizedWeights:
    """The parameters of a layer: as they are in the file, or quantized here."""
    x, weights, bias = node.inputs[0], *(to.graph.const(name) for name in node.inputs[1:])
    scale = to.scheme.of[x].scale
    if weights.type.quant is not None:
        return given_weights(weights, bias, scale)
    if isinstance(op, FloatBandScale):  # each of whose weights is +-127 steps, without an error
        op, mends = FloatDepthwiseConv2D(), False
    else:
        mends = to.correct_bias
    seen = to.seen.sums.get(x) if mends else None
    correction = None if seen is None else Correction.of(seen, to.int8_type(node.output))
    reals = (weights.data.astype(np.float32), bias.reals().astype(np.float32))
    return quantize_weights(op, *reals, scale, correction)


FORMS: Mapping[type, Form] = dict.fromkeys(
    (FloatBandScale, FloatConv2D, FloatDepthwiseConv2D), weighted
)
