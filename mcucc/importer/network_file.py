"""Reads a network from whatever file holds it: ONNX or `.tflite`."""

from mcucc.importer.file.cutting import without_constant_outputs
from mcucc.importer.file.model_file import ModelSource, is_tflite, path_of, read_model
from mcucc.importer.file.reader import OnnxModel, read_onnx_bytes
from mcucc.importer.file.widening import widened
from mcucc.importer.tflite import read_tflite


def read_network(source: ModelSource) -> OnnxModel:
    """Read a file, by its bytes and not by its name; outputs that are constant are left out.

    Raises:
        InputFileError: the file is missing, is of another kind, or is damaged; of an ONNX file as
            `read_onnx` says.
        UsageError: the path stands for a pipe or a device.
    """
    raw = read_model(source)
    if is_tflite(raw):
        return without_constant_outputs(read_tflite(path_of(source), raw))
    return without_constant_outputs(widened(read_onnx_bytes(source, raw)))
