"""Writes compressor.onnx from the committed weights. Run ``python -m edgekit.demos.compressor.export``."""

from pathlib import Path

import onnx
import torch

from edgekit.demos.compressor.formula import HOP
from edgekit.demos.compressor.network import build
from edgekit.demos.export_denoise import FOLD_LIMIT_BYTES, OPSET, strip_traces

ONNX_FILE = Path(__file__).with_name("compressor.onnx")


def offline() -> onnx.ModelProto:
    """The network over an open number of hops, without the exporter's traces of this machine."""
    from onnxscript import optimizer

    network, example = build()
    hops = torch.export.Dim("hops", min=2)
    program = torch.onnx.export(
        network,
        example,
        dynamo=True,
        opset_version=OPSET,
        input_names=["pcm", "knobs"],
        output_names=["out"],
        dynamic_shapes={"pcm": {2: HOP * hops}, "knobs": {2: hops}},
        external_data=False,
        verbose=False,
    )
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program: it needs torch 2.6 or later")
    optimizer.optimize(
        program.model, input_size_limit=FOLD_LIMIT_BYTES, output_size_limit=FOLD_LIMIT_BYTES
    )
    model = program.model_proto
    strip_traces(model)
    onnx.checker.check_model(model, full_check=True)
    return model


if __name__ == "__main__":
    onnx.save(offline(), ONNX_FILE)
    print(f"{ONNX_FILE.name}: {ONNX_FILE.stat().st_size} bytes")
