"""What an ONNX value can stand for while a quantised network is lowered."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import Violation
from mcucc.importer.reader import OnnxNode
from mcucc.ir import QParams, Shape
from mcucc.ops import Int8Op


@dataclass(frozen=True)
class Activations:
    """An int8 activation, or its real values after a DequantizeLinear.

    Attributes:
        tensor: name of the value in the int8 graph.
        quant: its quantisation.
        shape: its shape in the ONNX file (channels first), batch 1.
        real: whether the ONNX value is the float behind a DequantizeLinear.
        flattened: if the inner bytes are in another order than the ONNX value's, because a map
            was flattened: the (C, H, W) of that map. Only a dense layer can absorb it.
    """

    tensor: str
    quant: QParams
    shape: Shape
    real: bool
    flattened: tuple[int, int, int] | None = None


@dataclass(frozen=True, eq=False)
class Weights:
    """A constant behind a DequantizeLinear: int8 weights or an int32 bias.

    Attributes:
        data: in ONNX layout.
        scales: float32, one or one per index of `axis`.
        axis: in ONNX layout; None for one scale.
    """

    data: NDArray[np.generic]
    scales: NDArray[np.float32]
    axis: int | None


@dataclass(frozen=True, eq=False)
class Constant:
    """A plain constant."""

    data: NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class Pending:
    """A float result that waits for its QuantizeLinear; only then is its int8 operator whole.

    Attributes:
        op: the int8 operator.
        node: the ONNX node that computes it.
        inputs: int8 activations it reads.
        shape: ONNX shape of the result.
        weights: (weights, bias) of convolutions and dense layers, in inner layout.
        origin: names of the ONNX nodes so far.
        fixed: the only output quantisation the operator has; anything else is requantised after.
        clip: real bounds of a Relu or Clip that follows it.
        flattened: see `Activations`.
    """

    op: Int8Op
    node: OnnxNode
    inputs: tuple[Activations, ...]
    shape: Shape
    weights: tuple["Parameter", ...] = ()
    origin: tuple[str, ...] = ()
    fixed: QParams | None = None
    flattened: tuple[int, int, int] | None = None
    clip: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Parameter:
    """Weights or bias in inner layout, ready to become a constant of the graph."""

    data: NDArray[np.generic]
    quant: QParams


@dataclass(frozen=True)
class Refused:
    """The result of a node that was refused; whatever reads it is passed over in silence."""


Symbol = Activations | Weights | Constant | Pending | Refused


class RefusalError(Exception):
    """Raised by a lowering rule; carries what the user is told."""

    def __init__(self, node: OnnxNode, rule: str, actual: str, hint: str) -> None:
        super().__init__(rule)
        self.violation = Violation(node.name, node.op, rule, actual, hint)


class ReadsRefusedError(Exception):
    """A node reads the result of a refused one; it is not reported a second time."""


def describe(symbol: Symbol | None) -> str:
    """What a value is, for a message."""
    match symbol:
        case None:
            return "a plain input of the model, or missing"
        case Activations():
            view = "dequantised" if symbol.real else "int8"
            turned = ", a flattened map" if symbol.flattened else ""
            return f"{view} activations {list(symbol.shape)}{turned}"
        case Weights():
            return "quantised weights"
        case Constant():
            return f"a constant {symbol.data.dtype}{list(symbol.data.shape)}"
        case Pending():
            return f"the float result of {symbol.node.op} '{symbol.node.name}'"
        case Refused():
            return "the result of a refused operator"
