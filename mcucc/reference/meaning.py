"""What each family's file gives the interpreters: a table of meanings by operator."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcucc.ops import NodeView

Int8Meaning = Callable[[NodeView[Any], Sequence[NDArray[np.int8]]], NDArray[np.int8]]
"""Samples of the output of a node from those of its operands, (N, ...) each."""
FloatMeaning = Callable[[Any, Sequence[NDArray[np.float32]]], NDArray[np.float32]]
"""The same of a float operator, from all its inputs."""
