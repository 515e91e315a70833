"""The meaning of what a file computes of an input before it quantizes it, and its inverse."""

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import Preprocessing, PreprocessingStep
from mcucc.reference.elementwise import float_binary

Reals = NDArray[np.float32]


def preprocess(steps: Preprocessing, x: Reals) -> Reals:
    """What the network quantizes, each step rounded to float32.

    Args:
        steps: of the port.
        x: samples (N, ...) in the port's ONNX layout; axes of 1 are broadcast.
    """
    with np.errstate(all="ignore"):
        for step in steps:
            operands = (x, _values(step, x.ndim).astype(np.float32))
            a, b = operands[::-1] if step.values_first else operands
            x = float_binary(step.kind, a, b)
    return x


def unprocess(steps: Preprocessing, y: Reals) -> Reals:
    """The inputs that preprocessing makes given reals of, to the precision of float32.

    Computed in float64 and rounded once, at the end.

    Args:
        steps: of the port.
        y: samples (N, ...) in the port's ONNX layout; axes of 1 are broadcast.
    """
    x = y.astype(np.float64)
    with np.errstate(all="ignore"):
        for step in reversed(steps):
            x = _undone(step, x, _values(step, x.ndim))
        return x.astype(np.float32)


def _values(step: PreprocessingStep, rank: int) -> NDArray[np.float64]:
    """The constants of a step, to be broadcast."""
    values = np.array(step.values, np.float64)
    if step.axis is None:
        return values.reshape(())
    return values.reshape([-1 if axis == step.axis else 1 for axis in range(rank)])


def _undone(
    step: PreprocessingStep, y: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    match step.kind:
        case "add":
            return y - values
        case "sub":
            return values - y if step.values_first else y + values
        case "mul":
            return y / values
        case "div":
            return y * values
