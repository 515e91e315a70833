"""Lowering rules for functions of one element."""

import math
from collections.abc import Mapping

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.view import View
from mcucc.importer.rules.rule import Rule
from mcucc.importer.values import RefusalError
from mcucc.importer.walk import Walk
from mcucc.ops.unary import FloatUnary, UnaryKind

_PLAIN: Mapping[str, UnaryKind] = {
    "Abs": "abs",
    "Ceil": "ceil",
    "Cos": "cos",
    "Erf": "erf",
    "Exp": "exp",
    "Floor": "floor",
    "HardSwish": "hard_swish",
    "Log": "log",
    "Mish": "mish",
    "Neg": "neg",
    "Reciprocal": "reciprocal",
    "Round": "round",
    "Sigmoid": "sigmoid",
    "Sign": "sign",
    "Sin": "sin",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Sqrt": "sqrt",
    "Tanh": "tanh",
}
WITH_ATTRIBUTES: Mapping[str, tuple[UnaryKind, Mapping[str, float]]] = {
    "Celu": ("celu", {"alpha": 1.0}),
    "Elu": ("elu", {"alpha": 1.0}),
    "HardSigmoid": ("hard_sigmoid", {"alpha": 0.2, "beta": 0.5}),
    "LeakyRelu": ("leaky_relu", {"alpha": 0.01}),
    "Selu": ("selu", {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875}),
    "ThresholdedRelu": ("thresholded_relu", {"alpha": 1.0}),
}
"""Functions with their attributes (the first is alpha of a FloatUnary, the second beta)."""

_RSQRT = -0.5
"""The exponent of TensorFlow Lite's RSQRT, for which ONNX has no operator."""


def lower_plain(walk: Walk, node: OnnxNode) -> View:
    """A function without attributes."""
    return walk.apply(node, FloatUnary(_PLAIN[node.op]))


def lower_with_attributes(walk: Walk, node: OnnxNode) -> View:
    """A function with one or two numbers as attributes."""
    kind, defaults = WITH_ATTRIBUTES[node.op]
    numbers = [node.float(name, default) for name, default in defaults.items()]
    if kind == "celu" and numbers[0] == 0:
        raise RefusalError(
            node, "alpha must not be 0", f"{numbers[0]:g}", "Use another activation."
        )
    return walk.apply(node, FloatUnary(kind, *numbers))


def lower_gelu(walk: Walk, node: OnnxNode) -> View:
    """Gelu, exact or with a tanh."""
    exact = node.string("approximate", "none") == "none"
    return walk.apply(node, FloatUnary("gelu" if exact else "gelu_tanh"))


def lower_pow(walk: Walk, node: OnnxNode) -> View:
    """Pow with one constant exponent."""
    exponents = set(walk.numbers(node, 1, "exponent") or ())
    if len(exponents) != 1 or not all(math.isfinite(exponent) for exponent in exponents):
        raise RefusalError(
            node,
            "the exponent of a Pow must be one number",
            f"{sorted(exponents)[:4]}",
            "Use one exponent for all elements.",
        )
    exponent = exponents.pop()
    if exponent == _RSQRT and walk.model.format == "tflite":
        return walk.apply(node, FloatUnary("rsqrt"))  # in its own fixed point
    return walk.apply(node, FloatUnary("pow", exponent))


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(_PLAIN, Rule(lower_plain, wish="any")),
    **dict.fromkeys(WITH_ATTRIBUTES, Rule(lower_with_attributes, wish="any")),
    "Gelu": Rule(lower_gelu, wish="any"),
    "Pow": Rule(lower_pow, wish="any"),
}
