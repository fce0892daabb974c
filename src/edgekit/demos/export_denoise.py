"""Writes denoise.onnx from the committed weights: one hop, static shapes, weights inside.

Run ``python -m edgekit.demos.export_denoise``.
"""

from pathlib import Path

import onnx
import torch
from onnxscript import optimizer

from edgekit.demos.denoise import STATE_NAMES, build

ONNX_FILE = Path(__file__).with_name("denoise.onnx")
OPSET = 18
FOLD_LIMIT_BYTES = 1 << 20  # above the largest weight, so that every weight layout is settled here


def one_hop() -> onnx.ModelProto:
    """The network at one hop, constants folded, without the exporter's traces of this machine."""
    network, example = build()
    program = torch.onnx.export(
        network,
        example,
        dynamo=True,
        opset_version=OPSET,
        input_names=["logpow", *STATE_NAMES],
        output_names=["gain", *(f"{name}_next" for name in STATE_NAMES)],
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


def strip_traces(model: onnx.ModelProto) -> None:
    """Removes documentation and metadata: torch writes stack traces with file paths there."""
    del model.metadata_props[:]
    model.doc_string = ""
    graph = model.graph
    del graph.metadata_props[:]
    graph.doc_string = ""
    for item in (*graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info):
        del item.metadata_props[:]
        item.doc_string = ""


if __name__ == "__main__":
    onnx.save(one_hop(), ONNX_FILE)
    print(f"{ONNX_FILE.name}: {ONNX_FILE.stat().st_size} bytes")
