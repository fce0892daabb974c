"""Writes wake.onnx from the committed weights. Run ``python -m edgekit.demos.wake.export``."""

from pathlib import Path

import onnx
import torch

from edgekit.demos.onnx_files import export_onnx
from edgekit.demos.wake.network import build

ONNX_FILE = Path(__file__).with_name("wake.onnx")


def offline() -> onnx.ModelProto:
    """The network over an open number of frames."""
    network, example = build()
    frames = torch.export.Dim("frames", min=2)
    return export_onnx(network, example, ["mel"], ["logit"], {"mel": {2: frames}})


if __name__ == "__main__":
    onnx.save(offline(), ONNX_FILE)
    print(f"{ONNX_FILE.name}: {ONNX_FILE.stat().st_size} bytes")
