"""Writes listener.onnx and player.onnx. Run ``python -m edgekit.demos.instrument.export``."""

from pathlib import Path

import onnx
import torch

from edgekit.demos.instrument import listener, player
from edgekit.demos.instrument.listener import HOP
from edgekit.demos.onnx_files import export_onnx

HERE = Path(__file__).parent


def offline(name: str) -> onnx.ModelProto:
    """The ``listener`` or the ``player`` over an open number of frames."""
    frames = torch.export.Dim("frames", min=4)
    if name == "listener":
        network, example = listener.build()
        return export_onnx(
            network, example, ["pcm"], ["f0", "loudness"], {"pcm": {2: HOP * frames}}
        )
    instrument, given = player.build()
    shapes = {"f0": {2: frames}, "loudness": {2: frames}, "z": {2: HOP * frames}}
    return export_onnx(instrument, given, list(shapes), ["sound"], shapes)


if __name__ == "__main__":
    for name in ("listener", "player"):
        file = HERE / f"{name}.onnx"
        onnx.save(offline(name), file)
        print(f"{file.name}: {file.stat().st_size} bytes")
