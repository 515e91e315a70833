"""Post-training quantization: from a float graph and calibration inputs to an int8 graph."""
