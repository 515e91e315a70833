"""Softmax in TensorFlow Lite."""

from collections.abc import Mapping

from mcucc.ops.softmax import Softmax
from mcucc.twin.model import Code
from mcucc.twin.operators.twin import Twin, plain
from mcucc.twin.options import options

SOFTMAX = Code(25, 2)

TWINS: Mapping[type, Twin] = {
    Softmax: plain(SOFTMAX, lambda _: options("SoftmaxOptions", Beta=1.0)),
}
