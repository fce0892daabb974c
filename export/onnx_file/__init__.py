"""An .onnx file of unknown origin: what it may hold, and how it is read."""
