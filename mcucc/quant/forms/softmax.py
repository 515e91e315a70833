"""Int8 forms of Softmax, its logarithm, and L2 normalization."""

from collections.abc import Mapping

from mcucc.ops.softmax import (
    FloatL2Normalization,
    FloatLogSoftmax,
    FloatSoftmax,
    L2Normalization,
    LogSoftmax,
    Softmax,
)
from mcucc.quant.conversion import Form

FORMS: Mapping[type, Form] = {
    FloatL2Normalization: lambda to, node, _: to.emit(node, L2Normalization()),
    FloatLogSoftmax: lambda to, node, _: to.emit(node, LogSoftmax()),
    FloatSoftmax: lambda to, node, _: to.emit(node, Softmax()),
}
