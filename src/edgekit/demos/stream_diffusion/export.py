"""Writes stream_diffusion.onnx from the committed weights. Run ``python -m edgekit.demos.stream_diffusion.export``."""

from pathlib import Path

import onnx
from torch.utils._pytree import tree_leaves

from edgekit.demos.onnx_files import export_onnx
from edgekit.demos.stream_diffusion.network import CACHES, StreamDiffusion, build

ONNX_FILE = Path(__file__).with_name("stream_diffusion.onnx")
INPUTS = (
    *("noisy", "z", "delay", "x", "y", "peaks", "peak"),
    *(f"caches_{number}" for number in range(CACHES)),
)


def hop_by_hop() -> onnx.ModelProto:
    """The network of one hop; states are inputs and outputs."""
    network, example = build()
    assert len(tree_leaves(example)) == len(INPUTS)
    return export_onnx(network, example, INPUTS, StreamDiffusion.output_names)  # type: ignore[arg-type]


if __name__ == "__main__":
    onnx.save(hop_by_hop(), ONNX_FILE)
    print(f"{ONNX_FILE.name}: {ONNX_FILE.stat().st_size} bytes")
