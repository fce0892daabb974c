"""Post-training quantization: observe on streams, choose types, write QDQ, prove with integers.

Reading order: scheme (types and multipliers), observers, calibrate, recipe, apply (QDQ ONNX out),
integer (QDQ to integer operators), arithmetic (their computation), oracle (runs them), compare.
"""
