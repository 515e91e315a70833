"""From an ONNX or `.tflite` file to a float graph, with the scales that the file brings."""

from mcucc.importer.file.cutting import cut_at
from mcucc.importer.file.external import model_digest
from mcucc.importer.file.fold import FOLDABLE
from mcucc.importer.file.model_file import ModelBytes, ModelInArray, ModelSource, path_of
from mcucc.importer.file.reader import OnnxModel, OnnxPort, read_onnx, with_outputs
from mcucc.importer.file.splitting import split_outputs
from mcucc.importer.file.states import declare_states
from mcucc.importer.lower import is_quantized, lower_network, lower_with_notes
from mcucc.importer.names import check_name, identifier
from mcucc.importer.network_file import read_network
from mcucc.importer.rules import RULES
from mcucc.importer.tflite import TFLITE_RULES, TfliteValues, tflite_values

__all__ = [
    "FOLDABLE",
    "RULES",
    "TFLITE_RULES",
    "ModelBytes",
    "ModelInArray",
    "ModelSource",
    "OnnxModel",
    "OnnxPort",
    "TfliteValues",
    "check_name",
    "cut_at",
    "declare_states",
    "identifier",
    "is_quantized",
    "lower_network",
    "lower_with_notes",
    "model_digest",
    "path_of",
    "read_network",
    "read_onnx",
    "split_outputs",
    "tflite_values",
    "with_outputs",
]
