"""Dense layers in TensorFlow Lite."""

from collections.abc import Mapping

from mcucc.ops import Int8Node
from mcucc.ops.dense import FullyConnected
from mcucc.twin.draft import Draft
from mcucc.twin.model import Code
from mcucc.twin.operators.twin import Twin
from mcucc.twin.options import ACTIVATIONS, options

FULLY_CONNECTED = Code(9, 4)


def _dense(draft: Draft, node: Int8Node, op: FullyConnected) -> None:
    inputs = (draft.value(node.inputs[0]), draft.weights(node), draft.bias(node))
    opts = options("FullyConnectedOptions", FusedActivationFunction=ACTIVATIONS[op.activation])
    draft.operator(FULLY_CONNECTED, inputs, draft.value(node.output), opts)


TWINS: Mapping[type, Twin] = {FullyConnected: Twin(_dense)}
