"""From a torch module, a .pt2 or an .onnx to a `Model`: one ordinary ONNX graph with static shapes.

Reading order: `model`, `from_torch`, `torch_source`, `from_onnx`, `reading`, `dims`, `passes`,
`states`, `verify`, `functions`, `frontend`, `chain`, `stream`.
"""
