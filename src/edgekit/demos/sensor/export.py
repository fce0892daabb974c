"""Writes hierarchy.onnx and flat.onnx from the committed weights. Run ``python -m edgekit.demos.sensor.export``."""

import onnx
import torch

from edgekit.demos.onnx_files import export_onnx
from edgekit.demos.sensor.data import CHUNK
from edgekit.demos.sensor.network import HERE, KINDS, build


def offline(kind: str) -> onnx.ModelProto:
    """A network of `KINDS` over an open number of chunks."""
    network, example = build(kind)
    chunks = torch.export.Dim("chunks", min=2)
    return export_onnx(network, example, ["pads"], ["position"], {"pads": {1: CHUNK * chunks}})


if __name__ == "__main__":
    for kind in KINDS:
        file = HERE / f"{kind}.onnx"
        onnx.save(offline(kind), file)
        print(f"{file.name}: {file.stat().st_size} bytes")
