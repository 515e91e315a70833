"""One file a kernel family: which layers its kernels take, per unit, and what they read.

An operator is listed in exactly one of them; `OPERATORS` is their union.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mcucc.kernels.families import (
    conv,
    depthwise,
    elementwise,
    index,
    movement,
    pointwise,
    pool,
    resize,
    softmax,
)
from mcucc.kernels.kernel import Family
from mcucc.kernels.use import OperatorKernels
from mcucc.ops import Int8Op

_ROOMS = (conv, depthwise, elementwise, index, movement, pointwise, pool, resize, softmax)

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {family.name: family for room in _ROOMS for family in room.FAMILIES}
)
"""Every family, by the first part of its kernels' names."""

OPERATORS: Mapping[type[Int8Op], OperatorKernels[Any]] = MappingProxyType(
    {op: kernels for room in _ROOMS for op, kernels in room.OPERATORS.items()}
)
"""How each operator is executed."""
