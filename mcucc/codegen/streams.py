"""Weights and channels of a layer in one array, as kernels for Helium read them."""

import numpy as np
from numpy.typing import NDArray

from mcucc.codegen.layer import Layer
from mcucc.codegen.literals import hex_rows
from mcucc.codegen.parts import ArrayDef
from mcucc.errors import InvariantError
from mcucc.kernels import Family
from mcucc.kernels.packing_mve import pack_depthwise, pack_streams
from mcucc.reference.parameters import conv_multipliers


def stream_array(layer: Layer, biases: NDArray[np.int64]) -> ArrayDef:
    """The array of a layer for Helium.

    Args:
        layer: a convolution or dense layer.
        biases: those of its channels, the input's zero point folded in.
    """
    requant = layer.executed.requant
    if requant is None:
        raise InvariantError(f"node '{layer.node.name}' has no requantization class")
    const = layer.graph.const(layer.node.inputs[1])
    weights = const.data.astype(np.int8)
    multipliers = conv_multipliers(layer.graph, layer.node)
    if layer.family is Family.DEPTHWISE:
        words = pack_depthwise(weights[0], biases, multipliers, requant)
    else:
        words = pack_streams(weights.reshape(len(weights), -1), biases, multipliers, requant)
    shape, lanes = "x".join(str(n) for n in const.type.shape), -(-len(biases) // len(words))
    comment = f"{const.name}: {shape}, [out_c / {lanes}] of biases, weights, multipliers, shifts"
    return ArrayDef(f"{layer.ident}_weights", "uint32_t", words.size, hex_rows(words, 8), comment)
