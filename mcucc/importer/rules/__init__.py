"""Lowering rules: from ONNX operators to float ones, a file a family; here all of them by name."""

from collections.abc import Mapping
from types import MappingProxyType

from mcucc.importer.rules import (
    blocks,
    conv,
    conv_transpose,
    dense,
    elementwise,
    index,
    movement,
    norm,
    pad,
    pool,
    quantize,
    resize,
    sampled,
    softmax,
    tile,
    unary,
    where,
)
from mcucc.importer.rules.rule import Rule

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        **blocks.RULES,
        **conv.RULES,
        **conv_transpose.RULES,
        **dense.RULES,
        **elementwise.RULES,
        **index.RULES,
        **movement.RULES,
        **norm.RULES,
        **pad.RULES,
        **pool.RULES,
        **quantize.RULES,
        **resize.RULES,
        **sampled.RULES,
        **softmax.RULES,
        **tile.RULES,
        **unary.RULES,
        **where.RULES,
    }
)
"""Every ONNX operator that is taken."""
