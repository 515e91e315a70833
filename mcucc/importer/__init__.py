"""From an ONNX file to the int8 graph."""

from mcucc.importer.file.external import model_digest
from mcucc.importer.file.reader import OnnxModel, OnnxPort, read_onnx
from mcucc.importer.float_lower import is_quantized, lower_float
from mcucc.importer.names import check_name, identifier
from mcucc.importer.qdq import lower_qdq

__all__ = [
    "OnnxModel",
    "OnnxPort",
    "check_name",
    "identifier",
    "is_quantized",
    "lower_float",
    "lower_qdq",
    "model_digest",
    "read_onnx",
]
