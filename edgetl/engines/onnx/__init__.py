"""ONNX: convert, calibrate, inspect and run model files."""
