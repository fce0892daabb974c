"""The onnxruntime target: the (QDQ) model itself, ready for an InferenceSession of `MIN_VERSION` or newer."""

from dataclasses import replace

import numpy as np

from edgekit.base.errors import Problem
from edgekit.export.diffusion.split_unet import DECODER, network_problem, split
from edgekit.graph.model import Model
from edgekit.operators.frame_moves import frame_moves
from edgekit.operators.qdq import initializer
from edgekit.operators.roles import constant
from edgekit.targets.build import Build, digest, join_builds
from edgekit.targets.describe import describe
from edgekit.targets.macs import with_macs
from edgekit.targets.session import split_session

MIN_VERSION = "1.20"  # of opset 21 with all that the recipes write


def check_onnxruntime(model: Model) -> list[Problem]:
    """Try to open the model; a refusal of onnxruntime is the problem, as are rows of another network."""
    import onnxruntime

    if problem := network_problem(model):
        return [problem]
    try:
        data = place_qdq(model).to_bytes()
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
    computes the inputs of ``decoder.onnx``.
    """
    parts = split_session(place_qdq(model))
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
    build = Build(files, replace(manifest, memory=memory, digest=digest(files)))
    return join_builds(build, {r: lower_onnxruntime(n, target) for r, n in model.networks.items()})


def place_qdq(model: Model) -> Model:
    """Place Q and DQ so that onnxruntime's int8 kernels take the nodes between."""
    # onnxruntime 1.32 on x86 assigns contradictory types to a quantizer that it moves over a Reshape
    return with_zero_points(frame_moves(model))


def with_zero_points(model: Model) -> Model:
    """Spell out the zero points of int8 weights with several scales, which QGemm wants, and old versions need.

    So does `session.x64quantprecision`, without which products saturate on x86 without VNNI.
    """
    copy = model.ir.clone()
    for node in copy.graph:
        if node.op_type != "DequantizeLinear" or len(node.inputs) > 2:
            continue
        weights, scale = (constant(value) for value in node.inputs[:2])
        if weights is None or scale is None or weights.dtype != np.int8 or not scale.ndim:
            continue
        zero = initializer(f"{node.outputs[0].name}_zero_point", np.zeros(scale.shape, np.int8))
        copy.graph.register_initializer(zero)
        node.resize_inputs(3)
        node.replace_input_with(2, zero)
    return Model(copy)
