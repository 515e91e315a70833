"""Functions of one element, executed as tables of 256 bytes.

Each names a TensorFlow Lite operator whose fixed-point arithmetic defines the table, or is a
`Table` of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mcucc.ir import DType, QParams, Shape, TensorType
from mcucc.ops.base import FloatBase
from mcucc.ops.elementwise import Elementwise

LOGISTIC_QUANT = QParams((1 / 256,), -128)
"""The only output quantization of Logistic."""
TANH_QUANT = QParams((1 / 128,), 0)
"""The only output quantization of Tanh."""
_CURVE_SCALES = (2.0**-28, 2.0**30)
"""Between them TensorFlow Lite's fixed point of sigmoid and tanh does not overflow."""


@dataclass(frozen=True)
class Logistic(Elementwise):
    """Sigmoid, 1 / (1 + exp(-x))."""

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """The output's quantization is fixed; the input's scale fits the fixed point."""
        if output.quant != LOGISTIC_QUANT:
            yield "the output must have scale 1/256 and zero point -128"
        yield from _curve_scale(inputs[0])


@dataclass(frozen=True)
class Tanh(Elementwise):
    """Hyperbolic tangent."""

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """The output's quantization is fixed; the input's scale fits the fixed point."""
        if output.quant != TANH_QUANT:
            yield "the output must have scale 1/128 and zero point 0"
        yield from _curve_scale(inputs[0])


@dataclass(frozen=True)
class LeakyRelu(Elementwise):
    """x where x >= 0, alpha * x elsewhere.

    Attributes:
        alpha: a float32 value, held as a Python float.
    """

    alpha: float = 0.01

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:  # noqa: ARG002
        """Alpha is a plain positive factor."""
        if not 0 < self.alpha < 1:
            yield "alpha must lie between 0 and 1"


@dataclass(frozen=True)
class HardSwish(Elementwise):
    """x * min(max(x + 3, 0), 6) / 6, in TensorFlow Lite's 16-bit arithmetic."""

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:
        """Quantized per tensor, and scales that the 16-bit arithmetic can hold.

        TensorFlow Lite refuses ratios of 128 and more; scales from 2^24 on overflow a shift.
        """
        if inputs[0].q.axis is not None or output.q.axis is not None:
            yield "activations must be quantized per tensor"
        elif inputs[0].q.scale >= 128 * output.q.scale:
            yield "s_in / s_out must be below 128"
        elif inputs[0].q.scale >= 2**24:
            yield "the input's scale must be below 2^24"


@dataclass(frozen=True)
class Table(Elementwise):
    """Any function of one int8 element; inputs are (x, table), table int8 [256] by q + 128."""

    def rules(self, inputs: Sequence[TensorType], output: TensorType) -> Iterator[str]:  # noqa: ARG002
        """The table has 256 int8 entries."""
        if inputs[1].dtype != DType.INT8 or inputs[1].shape != (256,):
            yield "the table must be int8 [256]"


def _curve_scale(x: TensorType) -> Iterator[str]:
    """The rule of sigmoid and tanh for the scale of their input."""
    low, high = _CURVE_SCALES
    if not low <= x.q.scale <= high:
        yield "the input's scale must lie between 2^-28 and 2^30"


UnaryKind = Literal[
    "abs",
    "ceil",
    "celu",
    "cos",
    "elu",
    "erf",
    "exp",
    "floor",
    "gelu",
    "gelu_tanh",
    "hard_sigmoid",
    "hard_swish",
    "leaky_relu",
    "log",
    "mish",
    "neg",
    "pow",
    "reciprocal",
    "round",
    "rsqrt",
    "selu",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "softplus",
    "softsign",
    "sqrt",
    "tanh",
    "thresholded_relu",
]


@dataclass(frozen=True)
class FloatUnary(FloatBase):
    """A function of one element.

    Attributes:
        kind: which; their definitions are in `mcucc/reference/unary.py`.
        alpha: slope of leaky_relu and hard_sigmoid, factor of celu, elu and selu below 0, threshold
            of thresholded_relu, exponent of pow.
        beta: offset of hard_sigmoid, factor of selu.
    """

    kind: UnaryKind
    alpha: float = 0.0
    beta: float = 0.0

    def infer(self, inputs: Sequence[TensorType]) -> Shape:
        """The shape of x."""
        return inputs[0].shape

    @property
    def elementwise(self) -> bool:
        """Each element by itself."""
        return True

    @property
    def tabulated(self) -> bool:
        """Whether its int8 form is a `Table`, not a function of TensorFlow Lite's own."""
        if self.kind == "leaky_relu":
            return not 0 < self.alpha < 1
        return self.kind not in ("sigmoid", "tanh", "hard_swish")

    @property
    def only_quant(self) -> QParams | None:
        """Those of TensorFlow Lite's functions."""
        return {"sigmoid": LOGISTIC_QUANT, "tanh": TANH_QUANT}.get(self.kind)


Int8 = Logistic | Tanh | LeakyRelu | HardSwish | Table
Float = FloatUnary
