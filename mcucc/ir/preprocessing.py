"""Arithmetic on an input before the network quantizes it, which becomes a property of the port."""

from dataclasses import dataclass
from typing import Literal

PreprocessingKind = Literal["add", "sub", "mul", "div"]


@dataclass(frozen=True)
class PreprocessingStep:
    """One operator with a constant, computed in float32 and rounded to it, as the file says.

    Attributes:
        kind: what is computed of the input x so far and the values: x + v, x - v, x * v, x / v.
        values: float32 numbers: one, or as many as the axis is long.
        axis: along which they lie, an axis of the port's ONNX shape; None for a single one.
        origin: name of the ONNX node.
        values_first: v - x in place of x - v.
    """

    kind: PreprocessingKind
    values: tuple[float, ...]
    axis: int | None
    origin: str
    values_first: bool = False


Preprocessing = tuple[PreprocessingStep, ...]
"""Steps in the order in which they are computed; none for most inputs."""
