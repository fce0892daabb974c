"""Nodes in training mode: a BatchNormalization of the call's own statistics, a Dropout that drops."""

from collections.abc import Iterator, Mapping

import onnx
from onnx import numpy_helper

from edgekit.base.errors import Problem
from edgekit.export.onnx_file.limits import STANDARD, all_nodes

STEP = "call model.eval() and export it again, without training=TrainingMode.TRAINING"
NO_RUNNING = "; export a torch layer of track_running_stats=False as a factory"
FIRST_MODE = {"BatchNormalization": 14, "Dropout": 12}  # the opset with training_mode
FIRST_WITHOUT_TEST = 7  # before, is_test says the mode


def training_problems(proto: onnx.ModelProto, opset: int) -> Iterator[Problem]:
    """Yield the nodes that compute as in training, so far as constants show it."""
    known = _constants(proto)
    for node in all_nodes(proto):
        if node.domain not in STANDARD:
            continue
        where = f"{node.op_type} '{node.name or ''.join(node.output[:1])}'"
        if node.op_type == "BatchNormalization" and _uses_call_statistics(node, opset):
            found = "in training mode: it normalizes by mean and variance of this call"
            yield Problem(where, found, "the mean and variance of training", STEP + NO_RUNNING)
        elif node.op_type == "Dropout" and _drops(node, opset, known):
            yield Problem(where, "in training mode: it drops values at random", "inference", STEP)


def _constants(proto: onnx.ModelProto) -> dict[str, onnx.TensorProto]:
    known = {tensor.name: tensor for tensor in proto.graph.initializer}
    for node in all_nodes(proto):
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            known[node.output[0]] = node.attribute[0].t
    return known


def _uses_call_statistics(node: onnx.NodeProto, opset: int) -> bool:
    if opset >= FIRST_MODE[node.op_type]:
        return bool(_integer(node, "training_mode", 0))
    return sum(map(bool, node.output)) > 1 or _is_no_test(node, opset)


def _drops(node: onnx.NodeProto, opset: int, known: Mapping[str, onnx.TensorProto]) -> bool:
    if opset < FIRST_MODE[node.op_type]:
        return _is_no_test(node, opset)
    mode = known.get(node.input[2]) if len(node.input) > 2 else None
    return mode is not None and bool(numpy_helper.to_array(mode).any())


def _is_no_test(node: onnx.NodeProto, opset: int) -> bool:
    return opset < FIRST_WITHOUT_TEST and not _integer(node, "is_test", 1)


def _integer(node: onnx.NodeProto, name: str, default: int) -> int:
    return next((each.i for each in node.attribute if each.name == name), default)
