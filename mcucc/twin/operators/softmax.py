"""Softmax and its logarithm in TensorFlow Lite."""

from collections.abc import Mapping

from mcucc.ops.softmax import LogSoftmax, Softmax
from mcucc.twin.model import Code
from mcucc.twin.operators.twin import Twin, plain
from mcucc.twin.options import options

SOFTMAX = Code(25, 2)
LOG_SOFTMAX = Code(50, 2)

TWINS: Mapping[type, Twin] = {
    LogSoftmax: plain(LOG_SOFTMAX, lambda _: options("LogSoftmaxOptions")),
    Softmax: plain(SOFTMAX, lambda _: options("SoftmaxOptions", Beta=1.0)),
}
