"""Outputs that join values of one scale: how much of each part is left."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.elementwise import FloatFakeQuant
from mcucc.ops.movement import FloatConcat, FloatReshape, FloatTranspose
from mcucc.quant.ptq import Noise, decibels

_MOVES = (FloatFakeQuant, FloatReshape, FloatTranspose)
"""What may stand between a concatenation and the output."""


@dataclass(frozen=True)
class Part:
    """A value that is joined to an output.

    Attributes:
        name: of the value in the float network.
        sqnr_db: of its int8 form at the scale of the whole.
    """

    name: str
    sqnr_db: float


def joins_values(graph: FloatGraph) -> bool:
    """Whether an output is made by a concatenation."""
    return any(_joined(graph, port.tensor) is not None for port in graph.outputs)


def part_ratios(graph: FloatGraph, noise: Mapping[str, Noise]) -> Mapping[str, tuple[Part, ...]]:
    """The parts of each output that joins values and was measured, by the name of the output.

    Args:
        graph: the float network.
        noise: of int8 values, by name.
    """
    found: dict[str, tuple[Part, ...]] = {}
    for port in graph.outputs:
        joined = _joined(graph, port.tensor)
        if joined is not None and joined.output in noise:
            parts = tuple(_parts(graph, joined, noise[joined.output]))
            if len(parts) > 1:
                found[port.name] = parts
    return found


def _joined(graph: FloatGraph, name: str) -> FloatNode | None:
    """The concatenation that makes an output, moves left out."""
    node = graph.producers.get(name)
    while node is not None and isinstance(node.op, _MOVES):
        node = graph.producers.get(node.inputs[0])
    return (
        node if node is not None and isinstance(node.op, FloatConcat) and not node.op.rows else None
    )


def _parts(graph: FloatGraph, joined: FloatNode, noise: Noise) -> Iterator[Part]:
    start = 0
    for name in joined.inputs:
        end = start + graph.type_of(name).shape[-1]
        if name in graph.consts:
            start = end
            continue
        if noise.by_channel is not None:
            signal, error = noise.by_channel[:, start:end].sum(axis=1)
            if signal > 0:
                yield Part(name, round(decibels(float(signal), float(error)), 2))
        start = end
