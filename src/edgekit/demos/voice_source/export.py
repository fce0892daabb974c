"""Writes voice_source.onnx from the committed weights. Run ``python -m edgekit.demos.voice_source.export``."""

from pathlib import Path

import onnx
import torch

from edgekit.demos.onnx_files import export_onnx
from edgekit.demos.voice_source.closures import HOP
from edgekit.demos.voice_source.network import build

ONNX_FILE = Path(__file__).with_name("voice_source.onnx")


def offline() -> onnx.ModelProto:
    """The network over an open number of frames."""
    network, example = build()
    frames = torch.export.Dim("frames", min=2)
    return export_onnx(network, example, ["pcm"], ["closure"], {"pcm": {2: HOP * frames}})


if __name__ == "__main__":
    onnx.save(offline(), ONNX_FILE)
    print(f"{ONNX_FILE.name}: {ONNX_FILE.stat().st_size} bytes")
