"""Writes compressor.onnx from the committed weights. Run ``python -m edgekit.demos.compressor.export``."""

from pathlib import Path

import onnx
import torch

from edgekit.demos.compressor.formula import HOP
from edgekit.demos.compressor.network import build
from edgekit.demos.onnx_files import export_onnx

ONNX_FILE = Path(__file__).with_name("compressor.onnx")


def offline() -> onnx.ModelProto:
    """The network over an open number of hops."""
    network, example = build()
    hops = torch.export.Dim("hops", min=2)
    shapes = {"pcm": {2: HOP * hops}, "knobs": {2: hops}}
    return export_onnx(network, example, list(shapes), ["out"], shapes)


if __name__ == "__main__":
    onnx.save(offline(), ONNX_FILE)
    print(f"{ONNX_FILE.name}: {ONNX_FILE.stat().st_size} bytes")
