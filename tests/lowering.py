"""Quantized files as the compiler lowers them, before the int8 passes."""

from collections.abc import Mapping

from mcucc.importer import OnnxModel, lower_network
from mcucc.ir.limits import DEFAULT_LIMIT, Limit
from mcucc.ops import Int8Graph
from mcucc.passes import FLOAT, run_passes
from mcucc.quant.ptq import from_file
from mcucc.quant.scheme import demand_scales


def lower_quantized(
    model: OnnxModel,
    name: str,
    *,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Int8Graph:
    """The int8 graph of a file that gives all scales."""
    lowered = lower_network(model, name, input_shapes=input_shapes, limit=limit)
    graph, _ = run_passes(lowered, FLOAT)
    demand_scales(graph)
    return from_file(graph)
