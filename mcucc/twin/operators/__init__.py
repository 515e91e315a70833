"""The operators of TensorFlow Lite that twins are made of: one file a family, here all of them."""

from collections.abc import Mapping
from types import MappingProxyType

from mcucc.twin.operators import (
    conv,
    dense,
    elementwise,
    index,
    movement,
    pool,
    resize,
    softmax,
    unary,
)
from mcucc.twin.operators.twin import Twin

TWINS: Mapping[type, Twin] = MappingProxyType(
    {
        **conv.TWINS,
        **dense.TWINS,
        **elementwise.TWINS,
        **index.TWINS,
        **movement.TWINS,
        **pool.TWINS,
        **resize.TWINS,
        **softmax.TWINS,
        **unary.TWINS,
    }
)
"""How each int8 operator is written."""
