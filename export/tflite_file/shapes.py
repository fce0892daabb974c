"""`check_shapes`: each tensor of a .tflite has the shape that the network computes for it."""

import onnx
from onnx.shape_inference import InferenceError

from edgekit.base.errors import ModelError, Problem
from edgekit.export.onnx_file.limits import attribute_problems
from edgekit.export.onnx_file.messages import plain
from edgekit.export.tflite_file.file import AGAIN
from edgekit.export.tflite_file.network import Network, to_sizes


def check_shapes(network: Network, proto: onnx.ModelProto) -> None:
    """Refuse tensors whose stated shape is another one than their operator computes.

    Args:
        network: the tensors of the file that have a value.
        proto: the whole network.

    Raises:
        ModelError: all of them, or what keeps a shape from being computed.
    """
    if problems := attribute_problems(proto):
        raise ModelError(problems)
    try:
        made = onnx.shape_inference.infer_shapes(proto, strict_mode=True, data_prop=True)
    except (InferenceError, ValueError, RuntimeError) as error:
        found = f"its shapes do not fit: {plain(error)}"
        raise ModelError(Problem("the network", found, "shapes that fit", AGAIN)) from error
    shapes = {value.name: _sizes(value) for value in made.graph.value_info}
    problems = []
    for number, name in network.values.items():
        held = network.tensor(number)
        computed, stated = shapes.get(name), to_sizes(held.shape)
        if computed is not None and computed != stated:
            found = f"shape {stated}, where {computed} is computed"
            problems.append(Problem(f"tensor '{held.name}'", found, "the computed shape", AGAIN))
    if problems:
        raise ModelError(problems)


def _sizes(value: onnx.ValueInfoProto) -> list[int] | None:
    """Return the shape of a value, if all of it is known."""
    dims = value.type.tensor_type.shape.dim
    known = value.type.tensor_type.HasField("shape") and all(d.HasField("dim_value") for d in dims)
    return [dim.dim_value for dim in dims] if known else None
