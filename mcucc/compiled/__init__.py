"""A compiled directory: read, written, and its arrays between ONNX and inner layout."""
