"""Our own operators, as ONNX functions."""
