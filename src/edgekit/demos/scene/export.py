"""Writes scene.onnx from the committed weights. Run ``python -m edgekit.demos.scene.export``."""

from pathlib import Path

import onnx
import torch

from edgekit.demos.onnx_files import export_onnx
from edgekit.demos.scene.network import build

ONNX_FILE = Path(__file__).with_name("scene.onnx")


def offline() -> onnx.ModelProto:
    """The network over an open number of frames."""
    network, example = build()
    frames = torch.export.Dim("frames", min=4)
    return export_onnx(network, example, ["ears"], ["vectors"], {"ears": {3: frames}})


if __name__ == "__main__":
    onnx.save(offline(), ONNX_FILE)
    print(f"{ONNX_FILE.name}: {ONNX_FILE.stat().st_size} bytes")
