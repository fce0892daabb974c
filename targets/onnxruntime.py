"""The onnxruntime target: the (QDQ) model itself, ready for an InferenceSession."""

from dataclasses import replace

from edgekit.errors import Problem
from edgekit.export.model import Model
from edgekit.export.split_unet import DECODER, split
from edgekit.quantize.frames import frame_moves
from edgekit.targets.build import Build, digest
from edgekit.targets.facts import describe
from edgekit.targets.macs import with_macs
from edgekit.targets.session import split_session


def check_onnxruntime(model: Model) -> list[Problem]:
    """Try to open the model; a refusal of onnxruntime is the problem."""
    import onnxruntime

    try:
        data = frame_moves(model).to_bytes()
        onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no common public base
        found = str(error).splitlines()[0]
        return [
            Problem(
                "model", found, "what onnxruntime opens", "update onnxruntime or simplify the model"
            )
        ]
    return []


def lower_onnxruntime(model: Model, target: str) -> Build:
    """Return ``model.onnx`` and its facts; with session constants also ``session.onnx``.

    Its outputs are inputs of ``model.onnx``, by the same names. With encoder propagation also ``key.onnx``, which
    gives what ``decoder.onnx`` reads.
    """
    # onnxruntime 1.32 on x86 gives a quantizer that it moves over a Reshape contradictory types
    parts = split_session(frame_moves(model))
    models = {"model.onnx": parts.hop, "session.onnx": parts.session}
    weights = sum(
        value.const_value.nbytes
        for part in models.values()
        if part is not None
        for value in part.ir.graph.initializers.values()
        if value.const_value is not None
    )
    table = model.sampler
    if table is not None and (table.graph == DECODER).any():
        models["key.onnx"], models["decoder.onnx"], _ = split(parts.hop, table.roles.x, table.cut)
    files = {name: part.to_bytes() for name, part in models.items() if part is not None}
    manifest = with_macs(describe(model, target), model)
    memory = {**manifest.memory, "weights_bytes": weights}
    return Build(files, replace(manifest, memory=memory, digest=digest(files)))
