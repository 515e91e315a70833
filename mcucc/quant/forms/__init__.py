"""Int8 forms of the float operators: one file a family; here all of them by class."""

from collections.abc import Mapping
from types import MappingProxyType

from mcucc.quant.conversion import Form
from mcucc.quant.forms import (
    choice,
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

FORMS: Mapping[type, Form] = MappingProxyType(
    {
        **choice.FORMS,
        **conv.FORMS,
        **dense.FORMS,
        **elementwise.FORMS,
        **index.FORMS,
        **movement.FORMS,
        **pool.FORMS,
        **resize.FORMS,
        **softmax.FORMS,
        **unary.FORMS,
    }
)
"""What writes the int8 form of each float operator."""
