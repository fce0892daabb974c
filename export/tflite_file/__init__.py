"""Reads a .tflite into one ONNX network: its tensors, operators and states, with the integers of the file."""
