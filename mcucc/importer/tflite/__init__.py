"""`.tflite` files: read, and translated into what the importer takes."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from mcucc.importer.tflite.draft import Draft
from mcucc.importer.tflite.operators import RULES
from mcucc.importer.tflite.state import STATE_RULES
from mcucc.importer.tflite.translate import read_tflite
from mcucc.importer.tflite.values import TfliteValues, tflite_values

TFLITE_RULES: Mapping[str, Callable[[Draft], None]] = MappingProxyType({**RULES, **STATE_RULES})
"""What translates each operator that is taken."""

__all__ = ["TFLITE_RULES", "TfliteValues", "read_tflite", "tflite_values"]
