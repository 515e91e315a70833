"""Writes the int8 graph of a float graph whose values have their quantization."""

from mcucc.errors import UnsupportedModelError, Violation
from mcucc.ops import FloatGraph, FloatNode, Int8Graph
from mcucc.quant.conversion import CannotQuantizeError, Conversion
from mcucc.quant.faults import violations
from mcucc.quant.forms import FORMS
from mcucc.quant.observe import Observations
from mcucc.quant.scheme import Scheme


def convert(
    graph: FloatGraph,
    scheme: Scheme,
    seen: Observations,
    *,
    correct_bias: bool,
    scales_matter: bool = True,
    given: bool = False,
) -> Int8Graph:
    """The int8 graph.

    Args:
        graph: after the float passes.
        scheme: quantization of every value.
        seen: means of the inputs of each layer, for bias correction.
        correct_bias: whether the mean error of rounded weights is taken out of the biases.
        scales_matter: whether the scales must fit the fixed-point arithmetic.
        given: whether the file gives all scales.

    Raises:
        UnsupportedModelError: with every node that has no int8 form.
    """
    conversion = Conversion(graph, scheme, seen, correct_bias)
    for node in graph.nodes:
        _visit(conversion, node)
    if not conversion.violations:
        quantized = conversion.result()
        conversion.violations += violations(quantized, scales_matter=scales_matter, given=given)
        if not conversion.violations:
            return quantized
    raise UnsupportedModelError(tuple(conversion.violations))


def _visit(conversion: Conversion, node: FloatNode) -> None:
    """Write the int8 form of one node."""
    if node.output in conversion.values.vanished:
        return
    try:
        FORMS[type(node.op)](conversion, node, node.op)
    except CannotQuantizeError as refusal:
        rule, actual, hint = (str(part) for part in refusal.args)
        kind = type(node.op).__name__.removeprefix("Float")
        conversion.violations.append(Violation(node.name, kind, rule, actual, hint))
