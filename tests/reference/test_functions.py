"""Functions of one element against their definitions in float64."""

import math
from collections.abc import Callable, Mapping
from typing import get_args

import numpy as np
import pytest

from mcucc.ops.unary import FloatUnary, UnaryKind
from mcucc.reference.unary import FUNCTIONS, float_unary


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _elu(x: float, factor: float, divisor: float = 1.0) -> float:
    return x if x >= 0 else factor * math.expm1(x / divisor)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _gelu_tanh(x: float) -> float:
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


Definition = Callable[[float, float, float], float]
DEFINITIONS: Mapping[UnaryKind, Definition] = {
    "abs": lambda x, a, b: abs(x),
    "ceil": lambda x, a, b: float(math.ceil(x)),
    "celu": lambda x, a, b: _elu(x, a, a),
    "cos": lambda x, a, b: math.cos(x),
    "elu": lambda x, a, b: _elu(x, a),
    "erf": lambda x, a, b: math.erf(x),
    "exp": lambda x, a, b: math.exp(x),
    "floor": lambda x, a, b: float(math.floor(x)),
    "gelu": lambda x, a, b: 0.5 * x * math.erfc(-x / math.sqrt(2)),
    "gelu_tanh": lambda x, a, b: _gelu_tanh(x),
    "hard_sigmoid": lambda x, a, b: min(max(a * x + b, 0), 1),
    "hard_swish": lambda x, a, b: x * min(max(x + 3, 0), 6) / 6,
    "leaky_relu": lambda x, a, b: x if x > 0 else a * x,
    "log": lambda x, a, b: math.log(x),
    "mish": lambda x, a, b: x * math.tanh(_softplus(x)),
    "neg": lambda x, a, b: -x,
    "pow": lambda x, a, b: x**a,
    "reciprocal": lambda x, a, b: 1 / x,
    "round": lambda x, a, b: float(round(x)),
    "rsqrt": lambda x, a, b: 1 / math.sqrt(x),
    "selu": lambda x, a, b: b * _elu(x, a),
    "sigmoid": lambda x, a, b: _sigmoid(x),
    "sign": lambda x, a, b: float((x > 0) - (x < 0)),
    "silu": lambda x, a, b: x * _sigmoid(x),
    "sin": lambda x, a, b: math.sin(x),
    "softplus": lambda x, a, b: _softplus(x),
    "softsign": lambda x, a, b: x / (1 + abs(x)),
    "sqrt": lambda x, a, b: math.sqrt(x),
    "tanh": lambda x, a, b: math.tanh(x),
    "thresholded_relu": lambda x, a, b: x if x > a else 0.0,
}
NUMBERS: Mapping[UnaryKind, tuple[float, float]] = {
    "celu": (0.7, 0),
    "elu": (1.3, 0),
    "hard_sigmoid": (0.2, 0.5),
    "leaky_relu": (0.1, 0),
    "pow": (3.0, 0),
    "selu": (1.67, 1.05),
    "thresholded_relu": (1.5, 0),
}
POSITIVE = ("log", "reciprocal", "rsqrt", "sqrt")


def test_every_function_has_a_definition() -> None:
    assert set(DEFINITIONS) == set(FUNCTIONS) == set(get_args(UnaryKind))


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_the_definition(kind: UnaryKind) -> None:
    x = np.linspace(-20, 20, 1603, dtype=np.float32)
    x = x[x > 0] if kind in POSITIVE else x
    numbers = NUMBERS.get(kind, (0.0, 0.0))
    y = float_unary(FloatUnary(kind, *numbers), x)
    assert y.dtype == np.float32
    expected = [DEFINITIONS[kind](float(v), *numbers) for v in x]
    assert np.allclose(y, expected, rtol=1e-5, atol=5e-7)


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 0.5, 1.0, 2.0, 2.5])
def test_powers(exponent: float) -> None:
    x = np.linspace(0.1, 9, 200, dtype=np.float32)
    y = float_unary(FloatUnary("pow", exponent), x)
    assert np.allclose(y, x.astype(np.float64) ** exponent)


def test_halves_are_rounded_to_even() -> None:
    x = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5], dtype=np.float32)
    assert float_unary(FloatUnary("round"), x).tolist() == [-2, -2, 0, 0, 2, 2]


def test_where_there_is_no_value_nothing_is_raised() -> None:
    x = np.array([-4.0, 0.0, np.inf, np.nan, 1e30], dtype=np.float32)
    for kind in FUNCTIONS:
        assert float_unary(FloatUnary(kind, *NUMBERS.get(kind, (0.5, 0))), x).shape == x.shape
    assert float_unary(FloatUnary("log"), x)[1] == -np.inf
    assert np.isnan(float_unary(FloatUnary("sqrt"), x)[0])
    assert np.isnan(float_unary(FloatUnary("erf"), x)[3])


def test_the_error_function_is_exact_to_float32() -> None:
    x = np.concatenate([np.linspace(-7, 7, 20011), [1e-8, 5.9999, 6, 100]]).astype(np.float32)
    expected = np.array([math.erf(float(v)) for v in x], dtype=np.float64)
    found = FUNCTIONS["erf"](FloatUnary("erf"), x)
    assert np.abs(found - expected).max() < 1e-11
