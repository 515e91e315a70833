"""`.tflite` files: read, and translated into what the importer takes."""

from mcucc.importer.tflite.translate import read_tflite
from mcucc.importer.tflite.values import TfliteValues, tflite_values

__all__ = ["TfliteValues", "read_tflite", "tflite_values"]
