"""Convert a demo's torch module to the committed .onnx: static weights, no traces of the machine that wrote it."""

from collections.abc import Sequence

import onnx
import torch

from edgekit.base.json_values import JsonObject
from edgekit.export.passes.fold import FoldConstants
from edgekit.export.torch_operators import translations

OPSET = 18


def export_onnx(
    network: torch.nn.Module,
    example: tuple[torch.Tensor, ...],
    inputs: Sequence[str],
    outputs: Sequence[str],
    dynamic_shapes: JsonObject | None = None,
) -> onnx.ModelProto:
    """Return the network as one .onnx, weights inside, constants folded, checked.

    Our own layers are nodes of ``edgekit``.

    Raises:
        RuntimeError: torch returned no program.
    """
    program = torch.onnx.export(
        network,
        example,
        dynamo=True,
        opset_version=OPSET,
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_shapes=dynamic_shapes,
        custom_translation_table=translations(offline=dynamic_shapes is not None),
        external_data=False,
        optimize=False,  # which takes + 1e-12 for + 0, and silence is divided by zero
        verbose=False,
    )
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program: it needs torch 2.8 or later")
    FoldConstants()(program.model)
    model = program.model_proto
    strip_traces(model)
    onnx.checker.check_model(model, full_check=True)
    return model


def strip_traces(model: onnx.ModelProto) -> None:
    """Remove documentation and metadata: torch writes stack traces with file paths there."""
    del model.metadata_props[:]
    model.doc_string = ""
    graph = model.graph
    del graph.metadata_props[:]
    graph.doc_string = ""
    for item in (*graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info):
        del item.metadata_props[:]
        item.doc_string = ""
