"""From a torch module, a .pt2 or an .onnx to a `Model`: one ordinary ONNX graph with static shapes.

Reading order: `model`, `from_torch`, `torch_source`, `from_onnx`, `reading`, `dims`, `passes`,
`states`, `verify`, `functions`, `frontend_spec`, `frontend_layout`, `frontend_nodes`,
`frontend_writer`, `chain`, `frontend`, `stream`.
"""
