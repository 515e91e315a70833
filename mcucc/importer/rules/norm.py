"""Lowering rules for normalizations."""

from collections.abc import Mapping
from dataclasses import replace

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.layout.view import View
from mcucc.importer.rules.elementwise import channels_inside
from mcucc.importer.rules.rule import Rule
from mcucc.importer.values import RefusalError
from mcucc.importer.walk import Walk
from mcucc.ops.elementwise import FloatBatchNorm


def lower_batch_norm(walk: Walk, node: OnnxNode) -> View:
    """BatchNormalization at inference, along the channels."""
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
    x = channels_inside(walk, node, x)
    consts = [
        walk.add_const(f"{node.name}.{name}", data)
        for name, data in zip(names, parameters, strict=True)
    ]
    made = walk.emit(node, FloatBatchNorm(node.float("epsilon", 1e-5)), (x.tensor, *consts))
    return replace(x, tensor=made, name=node.outputs[0])


RULES: Mapping[str, Rule] = {"BatchNormalization": Rule(lower_batch_norm)}
