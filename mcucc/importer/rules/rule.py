"""What the importer knows of an ONNX operator."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.values import Symbol
from mcucc.importer.walk import Walk

Wish = Literal["channels last", "onnx", "any", "same axes", "renames", "transposes", "none"]
"""The layout in which an operator would like to find a graph input.

any, same axes: the one that the readers of its result want, where shape or rank are the same.
renames, transposes: likewise, seen through the reshape or the permutation.
none: it does not care, nor does it pass on what its readers want.
"""


Made = Symbol | tuple[Symbol, ...]
"""What an operator makes: its first output, or the first few in order."""


@dataclass(frozen=True)
class Rule:
    """How an operator is lowered, in float and in quantized files.

    Attributes:
        lower: reads views and constants, emits float operators and returns a view of the result, or
            of each of them; raises RefusalError.
        wish: the layout in which it would like to find a graph input.
        copies: whether it makes no number that it does not read, a bound or a zero aside. It may
            then stand on integers, between a QuantizeLinear and a DequantizeLinear.
        splits: whether it makes a symbol for each output; else only the first has a meaning.
        turns: whether it may stand behind the DequantizeLinear of weights.
        numbers: inputs that are in the unit of its first input: bounds, a border.
        indexes: whether it makes indices: of integers the same as of the reals they stand for.
    """

    lower: Callable[[Walk, OnnxNode], Made]
    wish: Wish = "channels last"
    copies: bool = False
    turns: bool = False
    splits: bool = False
    numbers: tuple[int, ...] = ()
    indexes: bool = False
