"""The network in the form that C takes: rings, frames, moves and epilogues instead of ONNX's operators."""
