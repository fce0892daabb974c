"""MeanVarianceNormalization with its variance as a mean of squares, not as a difference of two large numbers."""

from collections.abc import MutableSequence

import onnx
from onnx import helper

OPERATOR = "MeanVarianceNormalization"
FIRST_AXES = 18  # the opset whose ReduceMean takes its axes as an input
EPSILON = 1e-9
AXES = (0, 2, 3)


def center(nodes: MutableSequence[onnx.NodeProto], version: int) -> None:
    """Replace each MeanVarianceNormalization of float32 in place, at opset `version`.

    ONNX defines it as the mean of squares minus the square of the mean. If all values are nearly equal, that
    difference is 0 or negative in float32, and the root of a negative is NaN. Here the mean is subtracted twice: the
    first time it is rounded, so equal values would leave a difference.
    """
    made = [new for node in nodes for new in _expand_running_variance(node, version)]
    del nodes[:]
    nodes.extend(made)


def _expand_running_variance(node: onnx.NodeProto, version: int) -> list[onnx.NodeProto]:
    if node.op_type != OPERATOR or node.domain:
        return [node]
    x, y = node.input[0], node.output[0]
    axes = next((list(a.ints) for a in node.attribute if a.name == "axes"), list(AXES))
    given = helper.make_tensor(f"{y}_axes", onnx.TensorProto.INT64, [len(axes)], axes)
    least = helper.make_tensor(f"{y}_least", onnx.TensorProto.FLOAT, [], [EPSILON])

    def mean(read: str, made: str) -> onnx.NodeProto:
        if version < FIRST_AXES:
            return helper.make_node("ReduceMean", [read], [made], axes=axes)
        return helper.make_node("ReduceMean", [read, f"{y}_axes"], [made])

    return [
        helper.make_node("Constant", [], [f"{y}_axes"], value=given),
        helper.make_node("Constant", [], [f"{y}_least"], value=least),
        mean(x, f"{y}_mean"),
        helper.make_node("Sub", [x, f"{y}_mean"], [f"{y}_near"]),
        mean(f"{y}_near", f"{y}_rest"),
        helper.make_node("Sub", [f"{y}_near", f"{y}_rest"], [f"{y}_centered"]),
        helper.make_node("Mul", [f"{y}_centered", f"{y}_centered"], [f"{y}_squares"]),
        mean(f"{y}_squares", f"{y}_variance"),
        helper.make_node("Sqrt", [f"{y}_variance"], [f"{y}_deviation"]),
        helper.make_node("Add", [f"{y}_deviation", f"{y}_least"], [f"{y}_divisor"]),
        helper.make_node("Div", [f"{y}_centered", f"{y}_divisor"], [y], node.name),
    ]
