"""Int8 forms of Softmax and its logarithm."""

from collections.abc import Mapping

from mcucc.ops.softmax import FloatLogSoftmax, FloatSoftmax, LogSoftmax, Softmax
from mcucc.quant.conversion import Form

FORMS: Mapping[type, Form] = {
    FloatLogSoftmax: lambda to, node, _: to.emit(node, LogSoftmax()),
    FloatSoftmax: lambda to, node, _: to.emit(node, Softmax()),
}
