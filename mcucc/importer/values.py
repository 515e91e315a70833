"""What an ONNX value can stand for while a network is lowered."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.errors import Violation
from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.view import View
from mcucc.ir import DType, QParams
from mcucc.ops.choice import Comparison


@dataclass(frozen=True)
class Quantized:
    """The integers between a QuantizeLinear and a DequantizeLinear.

    Attributes:
        view: of the reals that they stand for.
        quant: their quantization; that of uint8 is shifted to int8.
        dtype: int8 or uint8, as in the file.
    """

    view: View
    quant: QParams
    dtype: DType


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

    def one_quant(self, reader: OnnxNode) -> QParams:
        """Its quantization as that of an int8 tensor.

        Raises:
            RefusalError: it is not int8, or has several scales; `reader` is refused.
        """
        if self.data.dtype != np.int8 or self.axis is not None:
            raise RefusalError(
                reader,
                "a constant operand must be int8 with one scale",
                describe(self),
                "Convert the network again.",
            )
        zero_point = 0 if self.zero_points is None else int(self.zero_points[0])
        return QParams((float(self.scales[0]),), zero_point)


@dataclass(frozen=True, eq=False)
class Constant:
    """A plain constant."""

    data: NDArray[np.generic]


@dataclass(frozen=True)
class Compared:
    """Whether each element of a value compares so with a number: the condition of a Where."""

    view: View
    comparison: Comparison
    bound: float


@dataclass(frozen=True, eq=False)
class Sampled:
    """Sums of pixels of a map, which constant indices pick; divided by a number.

    Attributes:
        view: the map, [1, C, H, W] in ONNX order.
        pixels: which ones each element sums, [..., S] with one element along the batch and the
            channels: row * W + column, -1 for none.
        divisors: of the sums, of as many axes.
        batch: axis of the batch.
        channels: axis of the channels.
    """

    view: View
    pixels: NDArray[np.int64]
    divisors: NDArray[np.float64]
    batch: int
    channels: int


@dataclass(frozen=True)
class Refused:
    """The result of a node that was refused; whatever reads it is passed over in silence."""


Symbol = View | Quantized | Weights | Constant | Compared | Sampled | Refused


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
        case View():
            return f"an activation {list(symbol.shape)}"
        case Quantized():
            return f"{symbol.dtype} activations {list(symbol.view.shape)}"
        case Weights():
            return f"a quantized constant {symbol.data.dtype}{list(symbol.data.shape)}"
        case Constant():
            return f"a constant {symbol.data.dtype}{list(symbol.data.shape)}"
        case Compared():
            return f"a comparison of activations {list(symbol.view.shape)}"
        case Sampled():
            return f"pixels picked from activations {list(symbol.view.shape)}"
        case Refused():
            return "the result of a refused operator"
