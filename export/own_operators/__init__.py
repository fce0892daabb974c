"""EdgeKit's operators, as ONNX functions."""
