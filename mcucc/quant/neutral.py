"""What a float graph becomes whatever its calibration: refusals that need no inputs."""

from collections.abc import Iterator

import numpy as np

from mcucc.errors import UnsupportedModelError, Violation
from mcucc.ops import FloatGraph, Int8Graph
from mcucc.quant.convert import convert
from mcucc.quant.observe import Histogram, Observations
from mcucc.quant.scheme import make_scheme


def neutral_form(graph: FloatGraph) -> Int8Graph:
    """The int8 graph if every value lay between -1 and 1.

    Its operators and shapes are those of every calibration; its scales mean nothing.

    Args:
        graph: after the float passes.

    Raises:
        UnsupportedModelError: with every node that has no int8 form, or whose constants are not
            finite after folding.
    """
    violations = tuple(_overflown(graph))
    if violations:
        raise UnsupportedModelError(violations)
    seen = Observations({name: Histogram(-1.0, 1.0, 2.0) for name in graph.tensors}, {}, {})
    scheme = make_scheme(graph, seen, "minmax")
    return convert(graph, scheme, seen, correct_bias=False, scales_matter=False)


def _overflown(graph: FloatGraph) -> Iterator[Violation]:
    """Layers whose constants are NaN or infinite: what a batch normalization divides by, say."""
    for node in graph.nodes:
        for name in node.inputs:
            if name in graph.consts and not np.isfinite(graph.const(name).data).all():
                yield Violation(
                    node.origin[-1] if node.origin else node.name,
                    type(node.op).__name__.removeprefix("Float"),
                    "weights and constants must be finite after the arithmetic on them is folded",
                    f"'{name}' holds infinities or NaN",
                    "Look for huge factors, tiny divisors, or a variance and epsilon below 0.",
                )
                break
