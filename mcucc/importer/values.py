"""What an ONNX value can stand for while a quantized network is lowered."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import Violation
from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.view import View
from mcucc.ir import QParams, Shape
from mcucc.ops import Int8Op
from mcucc.ops.float_ops import FloatUnary


@dataclass(frozen=True)
class Activations:
    """An int8 activation, or its real values after a DequantizeLinear.

    Attributes:
        view: of a value in the int8 graph.
        quant: its quantization; uint8 is shifted to int8.
        real: whether the ONNX value is the float behind a DequantizeLinear.
    """

    view: View
    quant: QParams
    real: bool

    @property
    def shape(self) -> Shape:
        """The shape in the ONNX file."""
        return self.view.shape


@dataclass(frozen=True)
class Plain:
    """A float input of the network that is not quantized yet.

    Attributes:
        view: of the input, whose quantized value does not exist so far; `view.tensor` is the
            name of the port.
    """

    view: View


@dataclass(frozen=True, eq=False)
class Weights:
    """A constant behind a DequantizeLinear: weights, a bias or an operand.

    Attributes:
        data: in ONNX layout.
        scales: float32, one or one per index of `axis`.
        zero_points: likewise; None where all are 0.
        axis: in ONNX layout; None for one scale.
    """

    data: NDArray[np.generic]
    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64] | None
    axis: int | None

    def reals(self) -> NDArray[np.float64]:
        """The numbers that it stands for."""
        shape = [1] * self.data.ndim
        if self.axis is not None:
            shape[self.axis] = -1
        centred = self.data.astype(np.float64)
        if self.zero_points is not None:
            whole = self.zero_points.size == 1
            centred = centred - (self.zero_points[0] if whole else self.zero_points.reshape(shape))
        scales = self.scales.astype(np.float64)
        return centred * (scales[0] if self.axis is None else scales.reshape(shape))


@dataclass(frozen=True, eq=False)
class Constant:
    """A plain constant."""

    data: NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class Pending:
    """A float result that waits for its QuantizeLinear; only then is its int8 operator whole.

    Attributes:
        op: the int8 operator. A Requantize stands for its input as it is, a Concat for inputs
            that are brought to the output's scale, a Table for `function`.
        node: the ONNX node that computes it.
        inputs: names of the int8 values that it reads, in the operator's layout.
        view: of its result, which has no name so far.
        weights: (weights, bias) of convolutions and dense layers, in inner layout.
        origin: names of the ONNX nodes so far.
        fixed: the only output quantization the operator has; anything else is requantized after.
        keeps: the input's quantization, if the result has no values that it cannot hold: then it
            needs no QuantizeLinear.
        clip: real bounds of a Relu or Clip that follows it.
        function: of a Table.
        window: rows and columns of the map that a GlobalAveragePool averages.
    """

    op: Int8Op
    node: OnnxNode
    inputs: tuple[str, ...]
    view: View
    weights: tuple["Parameter", ...] = ()
    origin: tuple[str, ...] = ()
    fixed: QParams | None = None
    keeps: QParams | None = None
    clip: tuple[float, float] | None = None
    function: FloatUnary | None = None
    window: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Parameter:
    """Weights or bias in inner layout, ready to become a constant of the graph."""

    data: NDArray[np.generic]
    quant: QParams | None


@dataclass(frozen=True)
class Refused:
    """The result of a node that was refused; whatever reads it is passed over in silence."""


Symbol = Activations | Plain | Weights | Constant | Pending | Refused


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
            return "left out, or unknown"
        case Activations():
            return f"{'dequantized' if symbol.real else 'int8'} activations {list(symbol.shape)}"
        case Plain():
            return f"a plain input {list(symbol.view.shape)}"
        case Weights():
            return f"a quantized constant {symbol.data.dtype}{list(symbol.data.shape)}"
        case Constant():
            return f"a constant {symbol.data.dtype}{list(symbol.data.shape)}"
        case Pending():
            return f"the float result of {symbol.node.op} '{symbol.node.name}'"
        case Refused():
            return "the result of a refused operator"
