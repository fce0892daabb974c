"""Converts a torch module, a .pt2 or an .onnx to a `Model`: one ordinary ONNX graph with static shapes.

Reading order: `from_torch`, `torch_source`, `from_onnx`, `read_onnx`, `onnx_file`, `passes`, `own_operators`,
`verify`, `frontend`, `stream`.
"""
