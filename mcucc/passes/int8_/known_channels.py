"""Channels whose values do not depend on the network's input, and what these values are.

A channel is an index of a value's last axis. It is known if each of its elements is the same for
every input of the network; elements at different pixels may differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import DType
from mcucc.ops import Int8Graph, Int8Node, Int8Op, clamp_range
from mcucc.ops.conv import Conv2D, DepthwiseConv2D
from mcucc.ops.dense import FullyConnected
from mcucc.ops.movement import (
    Concat,
    DepthToSpace,
    Reshape,
    Slice,
    SpaceToDepth,
    Transpose,
)
from mcucc.reference import interpreter
from mcucc.reference.fixed_point import requantize
from mcucc.reference.parameters import accumulator_range, conv_multipliers

Mask = NDArray[np.bool_]
"""One truth per channel."""

Layer = Conv2D | DepthwiseConv2D | FullyConnected
"""What has weights, and a bias that can take a known channel up."""


@dataclass(frozen=True)
class Known:
    """What is known of the channels of every value that is computed with.

    Attributes:
        masks: by name of a value, or of a constant that stands where a value may: which channels
            are known.
        uniform: which of these have one number in all pixels.
        numbers: that number, int64 [channels]; the zero point where a channel is not uniform.
    """

    masks: Mapping[str, Mask]
    uniform: Mapping[str, Mask]
    numbers: Mapping[str, NDArray[np.int64]]


def known_channels(graph: Int8Graph) -> Known:
    """Find the known channels of a graph.

    The numbers come from the reference interpreter, which runs once, on any input; it does not run
    at all where no channel is known.
    """
    masks = {name: _none(graph.tensors[name].shape[-1]) for name in graph.source_tensors}
    masks |= {name: np.ones(graph.consts[name].type.shape[-1], bool) for name in operands(graph)}
    for node in graph.nodes:
        masks[node.output] = _known_output(graph, node, masks)
    made: Mapping[str, NDArray[np.int8]] = {}
    if any(masks[node.output].any() for node in graph.nodes):
        zeros = {
            port.tensor: np.zeros(graph.tensors[port.tensor].shape, np.int8)
            for port in graph.inputs
        }
        made = interpreter.run(graph, zeros)
    uniform, numbers = dict(masks), dict[str, NDArray[np.int64]]()
    for name, mask in masks.items():
        values = graph.consts[name].data if name in graph.consts else made.get(name)
        zero_point = np.full(len(mask), graph.type_of(name).q.zero_point, np.int64)
        if values is None or not mask.any():
            numbers[name] = zero_point
            continue
        pixels = values.reshape(-1, len(mask)).astype(np.int64)
        uniform[name] = mask & (pixels == pixels[0]).all(axis=0)
        numbers[name] = np.where(uniform[name], pixels[0], zero_point)
    return Known(masks, uniform, numbers)


def activations(node: Int8Node) -> tuple[str, ...]:
    """The inputs of a node that hold values, be they constant; weights and tables are left out."""
    return node.inputs if node.op.joins else node.inputs[:1]


def operands(graph: Int8Graph) -> tuple[str, ...]:
    """The constants that stand where a value may."""
    names = (name for node in graph.nodes for name in activations(node) if name in graph.consts)
    return tuple(dict.fromkeys(names))


def multiplied(graph: Int8Graph, node: Int8Node) -> Mask:
    """Which outputs of a convolution or dense layer multiply which inputs: [out, in of a group]."""
    data = graph.const(node.inputs[1]).data != 0
    return data.reshape(data.shape[0], -1, data.shape[-1]).any(axis=1)


def _known_output(graph: Int8Graph, node: Int8Node, masks: Mapping[str, Mask]) -> Mask:
    if graph.tensors[node.output].dtype != DType.INT8:
        return _none(graph.tensors[node.output].shape[-1])  # indices are never dropped
    mine = [masks[name] for name in activations(node)]
    match node.op:
        case Conv2D() | DepthwiseConv2D() | FullyConnected():
            return _known_sums(graph, node, node.op, mine[0]) | _stuck(graph, node, node.op)
        case Concat():
            return np.concatenate(mine)
        case Slice() | Reshape() | Transpose() | SpaceToDepth() | DepthToSpace(mode="DCR"):
            return _moved(graph, node, node.op, mine[0])
        case op if op.channelwise:
            return reduce(np.logical_and, mine)
        case _:  # over all channels
            channels = graph.tensors[node.output].shape[-1]
            return np.full(channels, all(mask.all() for mask in mine))


def _known_sums(graph: Int8Graph, node: Int8Node, op: Layer, x: Mask) -> Mask:
    """Outputs all of whose inputs are known, those with weights of zero aside."""
    if isinstance(op, DepthwiseConv2D):
        weights = graph.const(node.inputs[1]).data
        return np.repeat(x, weights.shape[-1] // len(x)) | ~weights.any(axis=(0, 1, 2))
    reads = multiplied(graph, node)
    groups = len(x) // reads.shape[1]
    unknown = np.repeat(~x.reshape(groups, -1), len(reads) // groups, axis=0)
    return np.logical_not((reads & unknown).any(axis=1))


def _stuck(graph: Int8Graph, node: Int8Node, op: Layer) -> Mask:
    """Outputs whose smallest and largest accumulators requantize to the same number.

    Float networks have such channels: weights of 1e-20 get a scale of their own and are no zeros.
    Requantization is monotonic as long as no shift to the left leaves the int32.
    """
    bounds = np.stack(accumulator_range(graph, node))
    multipliers, output = conv_multipliers(graph, node), graph.tensors[node.output].q
    left = np.array([each.left for each in multipliers])
    ends = requantize(bounds, multipliers, output.zero_point, clamp_range(op.activation, output))
    return (ends[0] == ends[1]) & (abs(bounds).max(axis=0) < np.int64(1) << (31 - left))


def _moved(graph: Int8Graph, node: Int8Node, op: Int8Op, x: Mask) -> Mask:
    """Outputs that are made of known elements alone, by moving the marks as the elements are."""
    marks = np.broadcast_to(x, graph.type_of(node.inputs[0]).shape)
    match op:
        case Slice():
            ends = zip(op.starts, op.sizes, strict=True)
            marks = marks[tuple(slice(start, start + size) for start, size in ends)]
        case Transpose():
            marks = marks.transpose(op.perm)
        case _:
            marks = marks.reshape(graph.tensors[node.output].shape)
    return np.asarray(marks.reshape(-1, marks.shape[-1]).all(axis=0))


def _none(channels: int) -> Mask:
    return np.zeros(channels, bool)
