"""A denoiser of labels as one of two views, upright and upside down, each with a label; weights stand once."""

import numpy as np
import onnx
from onnx import helper, numpy_helper

X, LABEL, TURNED = "x", "label", "turned"
SECOND = "/turned"  # ends the names of the second view's values


def with_two_views(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the network of x, t, label and turned: the mean of its answers to x, and to x upside down.

    The second answer is turned back. Only nodes that read x or the label stand twice; weights stand once.

    Args:
        model: with inputs ``x`` (1, channels, height, width) and ``label``, and one output like x.
    """
    graph = model.graph
    (output,) = graph.output
    second = _second_nodes(graph)
    nodes = [
        *graph.node,
        _turn(X, X + SECOND),
        *second,
        _turn(output.name + SECOND, "turned back"),
        helper.make_node("Add", [output.name, "turned back"], ["sum"]),
        helper.make_node("Mul", ["sum", "half"], ["mean"]),
    ]
    (label,) = (value for value in graph.input if value.name == LABEL)
    other = onnx.ValueInfoProto()
    other.CopyFrom(label)
    other.name = TURNED
    mean = onnx.ValueInfoProto()
    mean.CopyFrom(output)
    mean.name = "mean"
    added = {"half": np.float32(0.5), "ends": [-(2**31)] * 2, "backwards": [-1, -1]}
    tensors = [
        numpy_helper.from_array(np.array(v), name)
        for name, v in {**added, "last": [-1, -1], "sides": [2, 3]}.items()
    ]
    made = helper.make_graph(
        nodes, "two_views", [*graph.input, other], [mean], [*graph.initializer, *tensors]
    )
    found = helper.make_model(made, opset_imports=model.opset_import, ir_version=model.ir_version)
    onnx.checker.check_model(found, full_check=True)
    return found


def _second_nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Return copies of the nodes that read x or the label, which read the second view's values."""
    names, found = {X: X + SECOND, LABEL: TURNED}, []
    for node in graph.node:
        if not names.keys() & set(node.input):
            continue
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        names |= {value: value + SECOND for value in node.output}
        copy.name = node.name + SECOND
        copy.input[:] = [names.get(value, value) for value in node.input]
        copy.output[:] = [names[value] for value in node.output]
        found.append(copy)
    return found


def _turn(value: str, turned: str) -> onnx.NodeProto:
    """Return what reverses both sides of a picture."""
    return helper.make_node("Slice", [value, "last", "ends", "sides", "backwards"], [turned])
