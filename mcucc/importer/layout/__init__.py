"""Layouts of values between ONNX and NHWC."""
