"""Arithmetic before the first QuantizeLinear, taken out of the graph and into its input port.

An image network may begin with the normalization of its pixels, in float, before a QuantizeLinear
with a scale of its own. As int8 layers these steps would need scales that only calibration can say,
and would round three times where the file rounds once. As part of the port they are computed in
float when an input is quantized: the int8 input is what the QuantizeLinear makes.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mcucc.ir import Port, Preprocessing, PreprocessingStep, QParams
from mcucc.ir.types import DType
from mcucc.ops import FloatGraph, FloatNode
from mcucc.ops.elementwise import FloatBinary, FloatClip, FloatFakeQuant
from mcucc.reference.fixed_point import dequantize, quantize
from mcucc.reference.preprocessing import preprocess, unprocess


def absorb_preprocessing(graph: FloatGraph) -> FloatGraph:
    """The network whose input ports do the arithmetic that comes before the first QuantizeLinear.

    An input is left alone unless everything that reads it goes through one chain of additions,
    subtractions, multiplications and divisions by constants (one number, or one along an axis) into
    one quantization, and each of the 256 int8 values stands for some float32 input. A Clip at
    the end goes too, if int8 saturates before it does anything.

    Args:
        graph: as lowered, before any pass.
    """
    ports: list[Port] = []
    absorbed: set[str] = set()
    for port in graph.inputs:
        chain = tuple(_chain(graph, port))
        clip = _clip(graph, chain[-1].output) if chain else None
        end = (clip or chain[-1]).output if chain else port.tensor
        quant = _quantization(graph, end)
        if clip is not None and (quant is None or not _saturates(clip, quant)):
            ports.append(port)
            continue
        steps = tuple(_step(graph, port, node) for node in chain)
        whole = tuple(step for step in steps if step is not None)
        if quant is None or not steps or whole != steps or not _is_exact(port, whole, quant):
            ports.append(port)
            continue
        ports.append(replace(port, tensor=end, preprocessing=whole))
        absorbed |= {node.name for node in (*chain, clip) if node is not None}
    nodes = tuple(node for node in graph.nodes if node.name not in absorbed)
    if not absorbed or all(isinstance(node.op, FloatFakeQuant) for node in nodes):
        return graph  # what is left must be a network
    return replace(graph, inputs=tuple(ports)).with_nodes(nodes)


def _chain(graph: FloatGraph, port: Port) -> Iterator[FloatNode]:
    """The operators with constants that follow an input, each the only reader of the one before."""
    name = port.tensor
    while port.dtype == DType.FLOAT32 and name not in graph.output_tensors:
        readers = graph.readers[name]
        if len(readers) != 1 or not isinstance(readers[0].op, FloatBinary):
            return
        if len(graph.variable_inputs(readers[0])) != 1:
            return
        yield readers[0]
        name = readers[0].output


def _clip(graph: FloatGraph, name: str) -> FloatNode | None:
    """The Clip that alone reads a value."""
    readers = graph.readers[name]
    alone = len(readers) == 1 and name not in graph.output_tensors
    return readers[0] if alone and isinstance(readers[0].op, FloatClip) else None


def _saturates(clip: FloatNode, quant: QParams) -> bool:
    """Whether int8 ends at the bounds of a Clip, or within them."""
    if not isinstance(clip.op, FloatClip):
        return False
    low = -np.inf if clip.op.low is None else clip.op.low
    high = np.inf if clip.op.high is None else clip.op.high
    ends = quantize(np.array([low, high], np.float32), quant)
    return (ends == (-128, 127)).all().item()


def _quantization(graph: FloatGraph, name: str) -> QParams | None:
    """That of the QuantizeLinear which alone reads a value."""
    readers = graph.readers[name]
    if len(readers) != 1 or name in graph.output_tensors:
        return None
    op = readers[0].op
    return op.quant if isinstance(op, FloatFakeQuant) else None


def _step(graph: FloatGraph, port: Port, node: FloatNode) -> PreprocessingStep | None:
    """A node as a step; None if it is none: 1 / x, or a number for each place of a map."""
    op = node.op
    if not isinstance(op, FloatBinary) or op.activation != "none":
        return None
    first = node.inputs[0] in graph.consts
    data = graph.const(node.inputs[0 if first else 1]).data
    shape = graph.tensors[port.tensor].shape
    if (op.kind == "div" and first) or graph.tensors[node.output].shape != shape:
        return None
    sizes = (1,) * (len(shape) - data.ndim) + data.shape
    along = [axis for axis, size in enumerate(sizes) if size != 1]
    if len(along) > 1:
        return None
    axis = along[0] if along else None
    if axis is not None and port.perm is not None:
        axis = port.perm[axis]
    values = tuple(float(value) for value in data.ravel())
    origin = node.origin[0] if node.origin else node.name
    return PreprocessingStep(op.kind, values, axis, origin, values_first=first)


def _is_exact(port: Port, steps: Preprocessing, quant: QParams) -> bool:
    """Whether there is an input for each int8 value: none is lost to the precision of float32."""
    if len({step.axis for step in steps} - {None}) > 1:
        return False
    q = np.arange(-128, 128).astype(np.int8).reshape(-1, *(1 for _ in port.shape[1:]))
    inputs = unprocess(steps, dequantize(q, quant))
    return bool(
        np.isfinite(inputs).all() and (quantize(preprocess(steps, inputs), quant) == q).all()
    )
