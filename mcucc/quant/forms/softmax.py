"""Int8 form of Softmax."""

from collections.abc import Mapping

from mcucc.ops.softmax import FloatSoftmax, Softmax
from mcucc.quant.conversion import Form

FORMS: Mapping[type, Form] = {FloatSoftmax: lambda to, node, _: to.emit(node, Softmax())}
