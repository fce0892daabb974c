"""Writes denoise.onnx from the committed weights: one hop, static shapes, weights inside.

Run ``python -m edgekit.demos.export_denoise``.
"""

from pathlib import Path

import onnx

from edgekit.demos.denoise import STATE_NAMES, WEIGHTS, build
from edgekit.demos.onnx_files import export_onnx

ONNX_FILE = Path(__file__).with_name("denoise.onnx")


def one_hop(weights: Path = WEIGHTS) -> onnx.ModelProto:
    """The network at one hop."""
    network, example = build(weights)
    states = [f"{name}_next" for name in STATE_NAMES]
    return export_onnx(network, example, ["logpow", *STATE_NAMES], ["gain", *states])


if __name__ == "__main__":
    onnx.save(one_hop(), ONNX_FILE)
    print(f"{ONNX_FILE.name}: {ONNX_FILE.stat().st_size} bytes")
