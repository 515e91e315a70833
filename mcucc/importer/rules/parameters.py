"""Weights and biases of layers: float, or with the scales of the file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.symmetric import centred
from mcucc.importer.values import RefusalError, Weights
from mcucc.importer.walk import Walk
from mcucc.ir import QParams


@dataclass(frozen=True, eq=False)
class Parameter:
    """Weights or a bias, float or with the scales of the file.

    Attributes:
        data: float32, or int8 (a bias: int32).
        scales: None if it is float.
        axis: along which there are several scales; None for one.
    """

    data: NDArray[np.generic]
    scales: NDArray[np.float32] | None = None
    axis: int | None = None

    def transposed(self, order: Sequence[int]) -> "Parameter":
        """Axis i is the old axis order[i]."""
        axis = None if self.axis is None else list(order).index(self.axis)
        return replace(self, data=self.data.transpose(order), axis=axis)

    @property
    def quant(self) -> QParams | None:
        """The scales as the graph has them."""
        if self.scales is None:
            return None
        return QParams(tuple(float(scale) for scale in self.scales), 0, self.axis)


def read_weights(walk: Walk, node: OnnxNode, what: str, axis: int) -> Parameter:
    """The second input of a layer: float, or int8 with the scales of the file.

    Args:
        walk: the state; it hears of weights that become symmetric.
        node: the layer.
        what: its role, for messages.
        axis: of the output channels.
    """
    found = walk.symbol(node, 1)
    if not isinstance(found, Weights):
        return Parameter(walk.constant(node, 1, what))
    if found.data.dtype != np.int8:
        raise RefusalError(
            node, "weights must be int8", f"{found.data.dtype}", "Quantize weights to QInt8."
        )
    if found.zero_points is not None and axis < found.data.ndim:
        check_axis(node, Parameter(found.data, found.scales, found.axis), axis)
        found, moved = centred(found, axis)
        walk.centred.append(moved)
    return Parameter(found.data, found.scales, found.axis)


def check_axis(node: OnnxNode, weights: Parameter, axis: int) -> None:
    """Demand that several scales run along the axis of the output channels.

    Raises:
        RefusalError: they do not.
    """
    if weights.axis not in (None, axis):
        raise RefusalError(
            node,
            "weight scales must run along the output channels",
            f"axis {weights.axis}",
            "Quantize per output channel or per tensor.",
        )


def read_bias(walk: Walk, node: OnnxNode, channels: int) -> Parameter:
    """The third input as one number per channel; zeros if it is left out."""
    if not walk.has(node, 2):
        return Parameter(np.zeros(channels, dtype=np.float32))
    found = walk.symbol(node, 2)
    given = isinstance(found, Weights)
    data = found.data if given else walk.constant(node, 2, "the bias")
    if data.size not in (1, channels) or data.shape[-1:] not in ((), (1,), (channels,)):
        raise RefusalError(
            node,
            "the bias must be one number per output channel",
            f"{list(data.shape)} for {channels} channel(s)",
            "Check the exporter.",
        )
    if not given:
        return Parameter(np.broadcast_to(data.ravel(), (channels,)))
    if data.dtype != np.int32 or found.zero_points is not None:
        reals = found.reals().astype(np.float32)
        return Parameter(np.broadcast_to(reals.ravel(), (channels,)))
    axis = None if found.scales.size == 1 else 0
    return Parameter(np.broadcast_to(data.ravel(), (channels,)), found.scales, axis)


def add_parameters(
    walk: Walk, node: OnnxNode, weights: Parameter, bias: Parameter
) -> tuple[str, str]:
    """Add weights and bias of a layer, in inner layout, to the network; their names."""
    return (
        walk.add_given(f"{node.name}.weights", np.ascontiguousarray(weights.data), weights.quant),
        walk.add_given(f"{node.name}.bias", np.ascontiguousarray(bias.data), bias.quant),
    )
