"""Which quantizations a network brings along: those of its file, and those that follow from them.

A FloatFakeQuant gives its result a quantization. It is also the one in which its input is best
made, if nobody else reads that; and operators that only copy values pass quantizations on, forward
and backward. Softmax, sigmoid and tanh have one of their own where their readers do not want
another.
"""

from collections.abc import Mapping

from mcucc.ir import QParams
from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.elementwise import FloatClip, FloatFakeQuant
from mcucc.ops.softmax import FloatSoftmax
from mcucc.ops.unary import FloatUnary

Given = Mapping[str, QParams]
"""Quantizations by name of the value."""


def given_quants(graph: FloatGraph) -> Given:
    """The quantization of every value that needs no calibration.

    Args:
        graph: after the float passes.
    """
    wanted = _wanted(graph)
    found = _passed_on(graph, wanted, {})
    # What a run finds has the quantization of what the run before left, be it given to one or both.
    tied: dict[str, QParams] = {}
    for state in graph.states:
        quant = found.get(state.source, found.get(state.update))
        if quant is not None:
            tied |= {state.source: quant, state.update: quant}
    return _passed_on(graph, wanted, tied) if tied.keys() - found.keys() else found


def _passed_on(graph: FloatGraph, wanted: Given, tied: Given) -> dict[str, QParams]:
    """The quantizations that are known from the sources to the outputs."""
    found = {name: wanted[name] for name in graph.source_tensors if name in wanted}
    found |= {name: tied[name] for name in graph.source_tensors if name in tied}
    for node in graph.nodes:
        quant = _given(graph, node, found, wanted) or tied.get(node.output)
        if quant is not None:
            found[node.output] = quant
    return found


def fixed_quant(graph: FloatGraph, name: str) -> QParams | None:
    """The only output quantization of the operator that makes a value, None if it has a choice."""
    node = graph.producers.get(name)
    return None if node is None else node.op.only_quant


def absorbs_clip(graph: FloatGraph, node: FloatNode) -> bool:
    """Whether a Clip can vanish: it alone reads its input, which some operator computes."""
    if not isinstance(node.op, FloatClip):
        return False
    source = node.inputs[0]
    producer = graph.producers.get(source)
    return (
        producer is not None
        and len(graph.readers[source]) == 1
        and source not in graph.output_tensors
        and not producer.op.copies
        and not isinstance(producer.op, FloatFakeQuant)
        and fixed_quant(graph, source) is None
    )


def _wanted(graph: FloatGraph) -> dict[str, QParams]:
    """The quantization that all readers of a value would like it to have, if they agree."""
    wanted: dict[str, QParams] = {}
    names = (*(node.output for node in reversed(graph.nodes)), *graph.source_tensors)
    for name in names:
        readers = graph.readers[name]
        if name in graph.output_tensors or not readers:
            continue
        wishes = [_wish(reader, wanted) for reader in readers]
        first = wishes[0]
        if first is not None and all(wish == first for wish in wishes):
            wanted[name] = first
    return wanted


def _wish(reader: FloatNode, wanted: Given) -> QParams | None:
    if isinstance(reader.op, FloatFakeQuant):
        return reader.op.quant
    if reader.op.copies or isinstance(reader.op, FloatClip):
        return wanted.get(reader.output)
    return None


def _given(graph: FloatGraph, node: FloatNode, found: Given, wanted: Given) -> QParams | None:
    """The quantization of what a node makes, None if calibration must say it."""
    name = node.output
    match node.op:
        case FloatFakeQuant(quant):
            return quant
        case _ if node.op.rescales:
            parts = [found.get(x) for x in graph.variable_inputs(node)]
            alike = parts[0] if all(part == parts[0] for part in parts) else None
            return wanted.get(name, alike)
        case FloatClip():
            return wanted.get(name, found.get(node.inputs[0]))
        case _ if node.op.copies:
            return found.get(node.inputs[0])
        case FloatUnary() | FloatSoftmax():  # there are forms for any, which round once
            return wanted.get(name) or fixed_quant(graph, name)
        case _:
            return fixed_quant(graph, name) or wanted.get(name)
