"""Int8 form of dense layers."""

from collections.abc import Mapping

from mcucc.ops.dense import FloatDense
from mcucc.quant.conversion import Form
from mcucc.quant.forms.conv import weighted

FORMS: Mapping[type, Form] = {FloatDense: weighted}
