"""The code that a device runs: the C99 library and the Python `Stream`; needs neither torch nor onnx."""
