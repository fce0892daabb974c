"""Reads an .onnx file of unknown origin, and limits its content."""
