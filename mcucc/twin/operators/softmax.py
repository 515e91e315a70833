"""Softmax, its logarithm, and L2 normalization in TensorFlow Lite."""

from collections.abc import Mapping

from mcucc.ops.softmax import L2Normalization, LogSoftmax, Softmax
from mcucc.twin.model import Code
from mcucc.twin.operators.twin import Twin, plain
from mcucc.twin.options import options

L2_NORMALIZATION = Code(11, 2)
SOFTMAX = Code(25, 2)
LOG_SOFTMAX = Code(50, 2)

TWINS: Mapping[type, Twin] = {
    L2Normalization: plain(L2_NORMALIZATION, lambda _: options("L2NormOptions")),
    LogSoftmax: plain(LOG_SOFTMAX, lambda _: options("LogSoftmaxOptions")),
    Softmax: plain(SOFTMAX, lambda _: options("SoftmaxOptions", Beta=1.0)),
}
