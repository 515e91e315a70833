"""The ONNX file: reading, folding of constants, and forms that are brought into one."""
