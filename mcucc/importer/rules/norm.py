"""Lowering rules for normalizations."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.view import View
from mcucc.importer.rules.elementwise import channels_inside
from mcucc.importer.rules.rule import Rule
from mcucc.importer.values import RefusalError
from mcucc.importer.walk import FloatArray, Walk
from mcucc.ops.conv import FloatBandScale
from mcucc.ops.elementwise import FloatBatchNorm


def lower_batch_norm(walk: Walk, node: OnnxNode) -> View:
    """BatchNormalization at inference, along the channels, or those of bands of rows."""
    x = walk.view(node)
    names = ("scale", "bias", "mean", "variance")
    parameters = [walk.constant(node, 1 + i, f"the {name}") for i, name in enumerate(names)]
    channels = x.shape[1] if len(x.shape) > 1 else 0
    fits = all(p.shape == (channels,) for p in parameters) and channels
    if node.int("training_mode", 0) or not node.int("spatial", 1) or not fits:
        raise RefusalError(
            node,
            "BatchNormalization must be in inference mode, one parameter per channel",
            f"input {list(x.shape)}, parameters {[list(p.shape) for p in parameters]}, "
            f"training_mode {node.int('training_mode', 0)}",
            "Export the network in evaluation mode.",
        )
    if parameters[3].min() < 0:
        raise RefusalError(
            node, "the variance must not be negative", f"{parameters[3].min():g}", "Train it again."
        )
    banded = _in_bands(walk, node, x, parameters)
    if banded is not None:
        return banded
    x = channels_inside(walk, node, x)
    consts = [
        walk.add_const(f"{node.name}.{name}", data)
        for name, data in zip(names, parameters, strict=True)
    ]
    made = walk.emit(node, FloatBatchNorm(node.float("epsilon", 1e-5)), (x.tensor, *consts))
    return replace(x, tensor=made, name=node.outputs[0])


def _in_bands(walk: Walk, node: OnnxNode, x: View, parameters: Sequence[FloatArray]) -> View | None:
    """A map seen as if it had a channel for each one of bands of rows: a sub-spectral norm.

    It is turned neither before nor behind. None if the channels of the view lie otherwise.
    """
    inner = walk.tensors[x.tensor].shape
    if (
        not x.scrambled
        or len(inner) != 4
        or x.shape[1] % inner[3]
        or inner[1] * inner[3] % x.shape[1]
    ):
        return None
    along = np.arange(x.shape[1]).reshape(1, -1, *(1,) * (len(x.shape) - 2))
    index = np.broadcast_to(along, x.shape).reshape(x.base).transpose(x.perm).reshape(inner)
    bands = x.shape[1] // inner[3]
    channels = index[0, :: inner[1] // bands, 0]
    if (index != np.repeat(channels, inner[1] // bands, axis=0)[:, None]).any():
        return None
    scale, bias, mean, variance = (each[channels.ravel()].astype(np.float64) for each in parameters)
    factor = scale / np.sqrt(variance + node.float("epsilon", 1e-5))
    offset = (bias - mean * factor).astype(np.float32)
    weights = walk.add_const(f"{node.name}.scale", factor.astype(np.float32)[None, None, None])
    inputs = (x.tensor, weights, walk.add_const(f"{node.name}.bias", offset))
    return replace(x, tensor=walk.emit(node, FloatBandScale(), inputs), name=node.outputs[0])


RULES: Mapping[str, Rule] = {"BatchNormalization": Rule(lower_batch_norm)}
