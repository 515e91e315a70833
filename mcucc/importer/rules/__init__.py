"""One rule per ONNX operator."""
